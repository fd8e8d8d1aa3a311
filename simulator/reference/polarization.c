/* The polarization factor (Kahn et al. 1982, J. Appl. Cryst. 15, 330). */
#include "polarization.h"

#include <math.h>

#define MOST_TURNS 16   /* after which a vector that is made unit again and again, and has not settled, goes round
                         * between two or more */

/* A unit vector made one again until that changes no bit of it. The original does so once for each pixel, in place,
 * and so has this one after the first few pixels. One in 180 never settles, and pixels there take turns. */
Vector settled(Vector axis)
{
    int i;
    for (i = 0; i < MOST_TURNS; i++) {
        Vector again = unit(axis);
        if (again.x == axis.x && again.y == axis.y && again.z == axis.z)
            break;
        axis = again;
    }
    return axis;
}

/* 0.5 (1 + c^2 - K cos(2 psi)(1 - c^2)) with c = i.d and psi = -atan2(d.B, d.E), where B = unit(p x i) and
 * E = unit(i x B); unit vectors i (incident), d (diffracted) and p (polarization axis). The original makes all three
 * unit vectors once more, in place; here that is left to the caller, as i and p are the same for all pixels. */
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
