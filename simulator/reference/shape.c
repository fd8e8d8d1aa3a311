/* The lattice factor F_latt: what the shape of the crystal makes of each spot. */
#include "shape.h"

#include <math.h>

#include "units.h"

#define ROUND_SCALE 0.723601254558268  /* makes the sphere transform match the volume of the block */
#define GAUSS_WIDTH 0.63               /* r^2 at which the gaussian is 1/e */
#define TOPHAT_LIMIT 0.3969            /* GAUSS_WIDTH^2 */

/* sin(N x)/sin(x); N where x is exactly 0. */
static double sinc_grating(double x, double n)
{
    if (x == 0.0)
        return n;
    return sin(x * n) / sin(x);
}

/* 3 (sin x/x - cos x)/x^2: the transform of a sphere; 1 where x is 0. */
static double sinc_sphere(double x)
{
    if (x == 0.0)
        return 1.0;
    return 3.0 * (sin(x) / x - cos(x)) / (x * x);
}

/* hr2 = sum (h - h0)^2 N^2, dimensionless. */
static double reduced_distance_squared(const Crystal *crystal, Miller m)
{
    double na = crystal->cells[0], nb = crystal->cells[1], nc = crystal->cells[2];
    return (m.h - m.h0) * (m.h - m.h0) * na * na
         + (m.k - m.k0) * (m.k - m.k0) * nb * nb
         + (m.l - m.l0) * (m.l - m.l0) * nc * nc;
}

static double square_factor(const Crystal *crystal, Miller m)
{
    double factor = 1.0;
    if (crystal->cells[0] > 1)
        factor *= sinc_grating(PI * m.h, crystal->cells[0]);
    if (crystal->cells[1] > 1)
        factor *= sinc_grating(PI * m.k, crystal->cells[1]);
    if (crystal->cells[2] > 1)
        factor *= sinc_grating(PI * m.l, crystal->cells[2]);
    return factor;
}

/* Amplitude of the lattice relative to one cell, by shape. */
double lattice_factor(const Crystal *crystal, Miller m)
{
    double cells, hr2;
    if (crystal->shape == SHAPE_SQUARE)
        return square_factor(crystal, m);
    cells = (double)crystal->cells[0] * crystal->cells[1] * crystal->cells[2];
    hr2 = reduced_distance_squared(crystal, m);
    switch (crystal->shape) {
    case SHAPE_ROUND: return cells * ROUND_SCALE * sinc_sphere(PI * sqrt(hr2 * crystal->fudge));
    case SHAPE_GAUSS: return cells * exp(-(hr2 / GAUSS_WIDTH) * crystal->fudge);
    default: return hr2 * crystal->fudge < TOPHAT_LIMIT ? cells : 0.0;
    }
}
