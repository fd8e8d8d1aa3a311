/* The scattering vector and the Miller indices it stands for. */
#include "scattering.h"

#include <math.h>

/* q = (d - i)/lambda (1/m), of unit vectors d (diffracted) and i (incident). */
Vector scattering_vector(Vector diffracted, Vector incident, double wavelength_m)
{
    return vector((diffracted.x - incident.x) / wavelength_m,
                  (diffracted.y - incident.y) / wavelength_m,
                  (diffracted.z - incident.z) / wavelength_m);
}

/* Whether the spacing 0.5/stol, stol = |q|/2, is finer than d_min (0: no limit). */
int beyond_resolution(Vector q, double d_min_m)
{
    double stol;
    if (!(d_min_m > 0.0))
        return 0;
    stol = 0.5 * length(q);
    return stol > 0.0 && d_min_m > 0.5 / stol;
}

/* h = a.q, k = b.q, l = c.q; nearest by ceil(h - 0.5), so that ties go down. */
Miller miller_indices(Basis cell_m, Vector q)
{
    Miller m;
    m.h = dot(cell_m.a, q);
    m.k = dot(cell_m.b, q);
    m.l = dot(cell_m.c, q);
    m.h0 = ceil(m.h - 0.5);
    m.k0 = ceil(m.k - 0.5);
    m.l0 = ceil(m.l - 0.5);
    return m;
}
