/* Uniform random numbers (Park-Miller minimal standard with a Bays-Durham shuffle) and the rotations drawn
 * from them. Bit for bit the sequences of nanoBragg. */
#include "random_stream.h"

#include <math.h>

#include "units.h"

/* ---- uniform numbers --------------------------------------------------------------------------- */

#define MULTIPLIER 16807LL
#define MODULUS 2147483647LL
#define QUOTIENT 127773LL   /* MODULUS div MULTIPLIER */
#define REMAINDER 2836LL    /* MODULUS mod MULTIPLIER */
#define WARM_UP 40
#define DIVISOR (1 + (MODULUS - 1) / SHUFFLE_SIZE)
#define LARGEST (1.0 - 1.2e-7)

/* x -> A x mod M, without overflow. */
static long long step(long long x)
{
    long long k = x / QUOTIENT;
    x = MULTIPLIER * (x - k * QUOTIENT) - REMAINDER * k;
    return x < 0 ? x + MODULUS : x;
}

static void warm_up(Shuffle *shuffle, StreamState *state)
{
    int j;
    *state = -*state < 1 ? 1 : -*state;
    for (j = WARM_UP - 1; j >= 0; j--) {
        *state = step(*state);
        if (j < SHUFFLE_SIZE)
            shuffle->table[j] = *state;
    }
    shuffle->last = shuffle->table[0];
}

/* A number between 0 and 1, of float32 precision. A state <= 0 starts a fresh table. */
double uniform(Shuffle *shuffle, StreamState *state)
{
    long long j;
    float value;
    if (*state <= 0 || shuffle->last == 0)
        warm_up(shuffle, state);
    *state = step(*state);
    j = shuffle->last / DIVISOR;
    shuffle->last = shuffle->table[j];
    shuffle->table[j] = *state;
    value = (float)((double)shuffle->last * (1.0 / (double)MODULUS));
    return value > LARGEST ? (float)LARGEST : value;
}

/* ---- rotations --------------------------------------------------------------------------------- */

/* A rotation by up to the half-angle about an axis of any direction, from three numbers. The angle is
 * m (1 - r^2)^(1/3) in float32, with the power taken in double and rounded once. */
Matrix cap_rotation(Shuffle *shuffle, StreamState *state, float half_angle_rad)
{
    double r1 = 2.0 * uniform(shuffle, state) - 1.0;
    double r2 = 2.0 * uniform(shuffle, state) - 1.0;
    double r3 = 2.0 * uniform(shuffle, state) - 1.0;
    double xy = sqrt(1.0 - r2 * r2);
    float base = (float)(1.0 - r3 * r3);
    float power = (float)pow((double)base, (double)(float)(1.0 / 3.0));
    float angle = half_angle_rad * power;
    return axis_rotation(vector(xy * sin(PI * r1), xy * cos(PI * r1), r2), (double)angle);
}

/* A rotation of uniform distribution over all orientations, from three numbers: the unit quaternion
 * (w, x, y, z) = (sqrt d1 cos 2pi d3, sqrt(1-d1) sin 2pi d2, sqrt(1-d1) cos 2pi d2, sqrt d1 sin 2pi d3). */
Matrix uniform_rotation(Shuffle *shuffle, StreamState *state)
{
    double d1 = uniform(shuffle, state);
    double d2 = uniform(shuffle, state);
    double d3 = uniform(shuffle, state);
    double w = sqrt(d1) * cos(2.0 * PI * d3), x = sqrt(1.0 - d1) * sin(2.0 * PI * d2);
    double y = sqrt(1.0 - d1) * cos(2.0 * PI * d2), z = sqrt(d1) * sin(2.0 * PI * d3);
    Matrix u;
    u.row[0] = vector(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y - w * z), 2.0 * (x * z + w * y));
    u.row[1] = vector(2.0 * (x * y + w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z - w * x));
    u.row[2] = vector(2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y));
    return u;
}
