/* The polarization factor (Kahn et al. 1982, J. Appl. Cryst. 15, 330). */
#include "polarization.h"

#include <math.h>

/* 0.5 (1 + c^2 - K cos(2 psi)(1 - c^2)) with c = i.d and psi = -atan2(d.B, d.E), where B = unit(p x i) and
 * E = unit(i x B); unit vectors i (incident), d (diffracted) and p (polarization axis). */
double polarization_factor(double kahn, Vector incident, Vector diffracted, Vector axis)
{
    double c = dot(incident, diffracted), c2 = c * c, psi = 0.0;
    if (kahn != 0.0) {
        Vector magnetic = unit(cross(axis, incident));
        Vector electric = unit(cross(incident, magnetic));
        psi = -atan2(dot(diffracted, magnetic), dot(diffracted, electric));
    }
    return 0.5 * (1.0 + c2 - kahn * cos(2.0 * psi) * (1.0 - c2));
}
