/* The crystal: unit cell, orientation, size in cells.
 *
 * Lengths are A and 1/A until the real-space vectors are finished; then a, b, c are in metres and a*, b*,
 * c* stay in 1/A. Leaves out the mosaic domains (mosaic.c) and structure factors (structure_factor.c). */
#include "crystal.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "errors.h"
#include "io_matrix.h"
#include "units.h"

#define SMALLEST_OBLIQUITY 1e-9  /* what an angle that is not right differs from a right one by (radians) */
#define SMALLEST_SKEW 1e-12      /* of sin s sin(s-al) sin(s-be) sin(s-ga) */
#define SMALLEST_VOLUME 1e-12    /* of V* / (a* b* c*) */

/* ---- cell -------------------------------------------------------------------------------------- */

/* Fill in what -cell left out: b, c as a; right angles. */
static void complete_cell(const double *given, double *cell)
{
    int i;
    for (i = 0; i < 6; i++)
        cell[i] = given[i];
    for (i = 0; i < 3; i++)
        if (cell[i] <= 0.0)
            cell[i] = cell[0];
    for (i = 3; i < 6; i++)
        if (cell[i] <= 0.0)
            cell[i] = 90.0 / DEGREES_PER_RADIAN;
}

/* V = 2 a b c sqrt(sin s sin(s-al) sin(s-be) sin(s-ga)), s = (al+be+ga)/2 (A^3). */
static double cell_volume(const double *cell)
{
    double s = (cell[3] + cell[4] + cell[5]) / 2.0;
    double skew = sin(s) * sin(s - cell[3]) * sin(s - cell[4]) * sin(s - cell[5]);
    if (!(skew >= SMALLEST_SKEW))
        fail("-cell: no cell has the angles %g %g %g", cell[3] * DEGREES_PER_RADIAN,
             cell[4] * DEGREES_PER_RADIAN, cell[5] * DEGREES_PER_RADIAN);
    return 2.0 * cell[0] * cell[1] * cell[2] * sqrt(skew);
}

static double clamped(double cosine)
{
    return cosine > 1.0 ? 1.0 : cosine < -1.0 ? -1.0 : cosine;
}

/* How many angles are not right. */
static int oblique_angles(const double *cell)
{
    int i, count = 0;
    for (i = 3; i < 6; i++)
        count += fabs(cell[i] - PI / 2.0) > SMALLEST_OBLIQUITY;
    return count;
}

/* a*, b*, c* (1/A) of a cell in the default orientation: a* along x, b* in the xy plane. Lengths are
 * b c sin(al) W, sines a W / b* / c*, and c*_z is W / (a* b* sin ga*), with W the reciprocal volume. */
static Basis cell_reciprocal(const double *cell, double volume)
{
    double star_volume = 1.0 / volume;
    double a_star = cell[1] * cell[2] * sin(cell[3]) * star_volume;
    double b_star = cell[2] * cell[0] * sin(cell[4]) * star_volume;
    double c_star = cell[0] * cell[1] * sin(cell[5]) * star_volume;
    double sin_gamma = clamped(cell[2] * star_volume / a_star / b_star);
    double cos_alpha = clamped((cos(cell[4]) * cos(cell[5]) - cos(cell[3])) / (sin(cell[4]) * sin(cell[5])));
    double cos_beta = clamped((cos(cell[5]) * cos(cell[3]) - cos(cell[4])) / (sin(cell[5]) * sin(cell[3])));
    double cos_gamma = clamped((cos(cell[3]) * cos(cell[4]) - cos(cell[5])) / (sin(cell[3]) * sin(cell[4])));
    double up = star_volume / (a_star * b_star * sin_gamma);
    Basis reciprocal;
    if (oblique_angles(cell) < 2) /* equal, and rounded as the C program rounds it */
        up = c_star * volume / (cell[0] * cell[1] * cell[2] * sin_gamma);
    reciprocal.a = vector(a_star, 0.0, 0.0);
    reciprocal.b = vector(b_star * cos_gamma, b_star * sin_gamma, 0.0);
    reciprocal.c = vector(c_star * cos_beta, c_star * (cos_alpha - cos_beta * cos_gamma) / sin_gamma,
                          up);
    return reciprocal;
}

/* ---- orientation ------------------------------------------------------------------------------- */

/* Angles about lab x, y, z, as given or drawn (radians). */
static Vector misset_angles(const Options *o, Shuffle *shuffle)
{
    Vector angles = vector(o->misset[0], o->misset[1], o->misset[2]);
    StreamState state;
    if (o->misset_mode == MISSET_NONE)
        return vector(0.0, 0.0, 0.0);
    if (o->misset_mode == MISSET_ANGLES)
        return angles;
    state = -(StreamState)(o->misset_seed_given ? o->misset_seed : o->seed);
    return rotation_angles(uniform_rotation(shuffle, &state));
}

static Basis rotate_basis(Basis basis, Vector angles_rad)
{
    basis.a = rotate_xyz(basis.a, angles_rad);
    basis.b = rotate_xyz(basis.b, angles_rad);
    basis.c = rotate_xyz(basis.c, angles_rad);
    return basis;
}

static Vector with_length(Vector v, double size)
{
    return scaled(v, size / length(v));
}

/* a, b, c (A) from a*, b*, c* (1/A), both regenerated from each other. With a cell (volume > 0) its axis
 * lengths hold, whatever the matrix says. */
static void invert_basis(Crystal *crystal, const double *cell, double cell_volume_A3)
{
    Basis *star = &crystal->reciprocal_per_A, real;
    Vector b_c = cross(star->b, star->c), c_a = cross(star->c, star->a), a_b = cross(star->a, star->b);
    double star_volume = dot(star->a, b_c), volume;
    if (!(fabs(star_volume) > SMALLEST_VOLUME * length(star->a) * length(star->b) * length(star->c)))
        fail("orientation matrix: its columns do not span a cell (the matrix is singular)");
    if (cell_volume_A3 > 0.0) {
        b_c = with_length(b_c, cell[0] / cell_volume_A3);
        c_a = with_length(c_a, cell[1] / cell_volume_A3);
        a_b = with_length(a_b, cell[2] / cell_volume_A3);
        star_volume = 1.0 / cell_volume_A3;
    }
    volume = 1.0 / star_volume;
    real.a = scaled(b_c, volume);
    real.b = scaled(c_a, volume);
    real.c = scaled(a_b, volume);
    star->a = scaled(cross(real.b, real.c), star_volume);
    star->b = scaled(cross(real.c, real.a), star_volume);
    star->c = scaled(cross(real.a, real.b), star_volume);
    crystal->real_m = real;
    crystal->volume_A3 = volume;
}

/* Lengths, and angles from atan2(sin, cos), of three vectors; the sign of the volume is the angles' sign. */
static void describe_cell(Basis basis, double volume, double *cell)
{
    double a = length(basis.a), b = length(basis.b), c = length(basis.c);
    double sin_alpha, sin_beta, sin_gamma;
    Vector b_c = cross(basis.b, basis.c), c_a = cross(basis.c, basis.a), a_b = cross(basis.a, basis.b);
    double sign = volume < 0.0 ? -1.0 : 1.0;
    sin_alpha = sign * length(b_c);
    sin_beta = sign * length(c_a);
    sin_gamma = sign * length(a_b);
    cell[0] = a;
    cell[1] = b;
    cell[2] = c;
    cell[3] = atan2(sin_alpha, dot(basis.b, basis.c));
    cell[4] = atan2(sin_beta, dot(basis.c, basis.a));
    cell[5] = atan2(sin_gamma, dot(basis.a, basis.b));
}

/* ---- size -------------------------------------------------------------------------------------- */

/* Cells along an axis of the given length (m): ceil(size/axis) where a sample size is given, at least 1. */
static int cell_count(int given, double sample_m, double axis_m)
{
    double count = sample_m > 0.0 ? ceil(sample_m / axis_m) : given;
    if (!(count < INT_MAX))
        fail("-xtalsize: a crystal of %g cells along one axis is too large", count);
    return count > 1.0 ? (int)count : 1;
}

static void set_size(const Options *o, const double *sample_size_m, Crystal *crystal)
{
    const Vector axes[3] = {crystal->real_m.a, crystal->real_m.b, crystal->real_m.c};
    int i;
    for (i = 0; i < 3; i++) {
        double axis_m = length(axes[i]);
        crystal->cells[i] = cell_count(o->cells[i], sample_size_m[i], axis_m);
        crystal->size_m[i] = axis_m * crystal->cells[i];
    }
}

/* ---- building ---------------------------------------------------------------------------------- */

void crystal_build(const Options *o, const double *sample_size_m, Shuffle *shuffle, Crystal *crystal)
{
    double cell[6], volume_A3 = 0.0;
    if (o->matrix_file == NULL && !(o->cell[0] > 0.0))
        fail("no unit cell: give -mat or -cell");
    if (o->cell[0] > 0.0) {
        complete_cell(o->cell, cell);
        volume_A3 = cell_volume(cell);
        crystal->reciprocal_per_A = cell_reciprocal(cell, volume_A3);
    }
    if (o->matrix_file != NULL)
        crystal->reciprocal_per_A = read_matrix(o->matrix_file, o->wavelength_m, parse_allowed(o->allow));
    crystal->misset_drawn = o->misset_mode == MISSET_RANDOM;
    crystal->misset = misset_angles(o, shuffle);
    crystal->reciprocal_per_A = rotate_basis(crystal->reciprocal_per_A, crystal->misset);
    invert_basis(crystal, cell, volume_A3);
    describe_cell(crystal->real_m, crystal->volume_A3, crystal->cell_A);
    describe_cell(crystal->reciprocal_per_A, crystal->volume_A3, crystal->reciprocal_cell);
    crystal->real_m.a = scaled(crystal->real_m.a, METRES_PER_ANGSTROM);
    crystal->real_m.b = scaled(crystal->real_m.b, METRES_PER_ANGSTROM);
    crystal->real_m.c = scaled(crystal->real_m.c, METRES_PER_ANGSTROM);
    set_size(o, sample_size_m, crystal);
    crystal->shape = (Shape)o->shape;
    crystal->fudge = o->fudge;
    crystal->water_size_m = o->water_size_m;
    if (o->water_size_m < 0.0)
        fail("-water: the size cannot be negative (%g um)", o->water_size_m * UM_PER_METRE);
}

void crystal_free(Crystal *crystal)
{
    free(crystal->domains);
    free(crystal->F.grid);
    crystal->domains = NULL;
    crystal->F.grid = NULL;
}
