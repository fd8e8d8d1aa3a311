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

/* ---- a square crystal by quicker sines --------------------------------------------------------- */

/* pi in three parts: the product of either of the first two with a whole number below 2^20 is exact. */
#define PI_HEAD 0x1.921fb544p+1
#define PI_NEXT 0x1.0b4611a4p-33
#define PI_REST 0x1.13198a2e03707p-64
#define TO_WHOLE 0x1.8p+52             /* a double this large has no digits behind the point */
#define SINES 6                        /* of N x and of x, along three axes */

/* sin x but for its sign, by the series of sin(x - k pi), k the nearest whole number: within 2 units in the last place of
 * the C library's where |x| <= MOST_ANGLE and |sin x| >= LEAST_SINE. Six at once, as none has to wait for another. */
void unsigned_sines(const double *x, double *sine)
{
    int i;
    for (i = 0; i < SINES; i++) {
        double k = (x[i] * (1.0 / PI) + TO_WHOLE) - TO_WHOLE;
        double r = ((x[i] - k * PI_HEAD) - k * PI_NEXT) - k * PI_REST, z = r * r, zz = z * z;
        double odd = -1.0 / 6.0 + zz * (-1.0 / 5040.0 + zz * (-1.0 / 39916800.0
                   + zz * (-1.0 / 1307674368000.0 + zz * (-1.0 / 121645100408832000.0))));
        double even = 1.0 / 120.0 + zz * (1.0 / 362880.0 + zz * (1.0 / 6227020800.0
                    + zz * (1.0 / 355687428096000.0 + zz * (1.0 / 51090942171709440000.0))));
        sine[i] = r + r * z * (odd + z * even);
    }
}

/* square_factor, but for its sign and its last digits: each sine within SINE_ULPS of that of the C library (see
 * plain_rows.c). Where one may be so small that this is not known, square_factor itself. */
double quick_square_factor(const Crystal *crystal, Miller m)
{
    double angle[SINES], sine[SINES], above, below;
    angle[3] = PI * m.h;
    angle[4] = PI * m.k;
    angle[5] = PI * m.l;
    angle[0] = angle[3] * crystal->cells[0];
    angle[1] = angle[4] * crystal->cells[1];
    angle[2] = angle[5] * crystal->cells[2];
    unsigned_sines(angle, sine);
    above = sine[0] * sine[1] * sine[2];
    below = sine[3] * sine[4] * sine[5];
    if (fabs(above * below) >= LEAST_SINE)
        return above / below;
    return square_factor(crystal, m);
}

/* ---- any shape --------------------------------------------------------------------------------- */

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
