/* Rows of an image, with quicker sines where they cannot change a bit of it.
 *
 * Sines of the C library take more than half of the time of an image. Those of shape.c take a third of that and may be
 * off in their last digits, which the float32 of an image nearly always rounds away. How far the sum of a pixel can be
 * off is known where all its terms have one sign: spread. A pixel that lies so near to where float32 rounds up or down
 * that this decides is summed again, by the sines of the C library: one in a million. */
#include "plain_rows.h"

#include <float.h>
#include <math.h>

#include "hkl_grid.h"
#include "render.h"
#include "shape.h"
#include "units.h"

#define SINES_OF_TERM 12     /* two for each axis of the lattice factor, which is squared */
#define ROUNDINGS 40         /* of a term, of what is done to the sum, and of the direction, which is not made unit again
                              * where little is made of that; each of half a unit in either image */
#define MOST_FLUENCE 1e100   /* photons per square metre: with more, sums would count that are too small for doubles to
                              * hold all of their digits */
#define MOST_F 1e100         /* electrons: with more, its square could be too large */

/* Whether no F is so large that a term could be infinite. */
static int is_moderate(const StructureFactors *F)
{
    size_t i, count = F->records > 0 ? grid_size(F) : 0;
    for (i = 0; i < count; i++)
        if (!(fabs(F->grid[i]) <= MOST_F))
            return 0;
    return fabs(F->default_F) <= MOST_F;
}

/* Whether N pi h stays below MOST_ANGLE for every pixel, source and step: |h| is at most |a| 2/lambda. */
static int has_moderate_angles(const Scene *scene)
{
    const Crystal *crystal = &scene->crystal;
    double longest = length(crystal->real_m.a) * crystal->cells[0] + length(crystal->real_m.b) * crystal->cells[1]
                   + length(crystal->real_m.c) * crystal->cells[2];
    int i;
    for (i = 0; i < scene->beam.source_count; i++)
        if (!(longest * PI * 2.0 < MOST_ANGLE * scene->beam.sources[i].wavelength_m))
            return 0;
    return 1;
}

/* By which part of itself a pixel can differ between the quicker sines and those of the C library; 0 where that is not
 * known, as terms could cancel each other or be too small for doubles. */
double spread(const Scene *scene)
{
    const Sampling *sampling = &scene->sampling;
    int i;
    if (scene->crystal.shape != SHAPE_SQUARE || scene->crystal.water_size_m > 0.0 || sampling->oversample_polar
        || sampling->oversample_omega || sampling->oversample_thick || scene->detector.thickness_m != 0.0
        || !(fabs(scene->beam.fluence_per_m2) <= MOST_FLUENCE) || !is_moderate(&scene->crystal.F)
        || !has_moderate_angles(scene))
        return 0.0;
    for (i = 0; i < scene->beam.source_count; i++)
        if (!(scene->beam.sources[i].weight >= 0.0))
            return 0.0;
    return DBL_EPSILON * (2.0 * SINES_OF_TERM * SINE_ULPS + ROUNDINGS + term_count(scene));
}

/* One pixel as the sines of the C library give it, bit for bit. */
static float rounded_pixel(const Scene *scene, const Basis *cells, int slow, int fast, double part, double *omega)
{
    if (part > 0.0) {
        double value = pixel_intensity(scene, cells, slow, fast, 1, omega, NULL);
        float low = (float)(value * (1.0 - part));
        if (low == (float)(value * (1.0 + part)))
            return low;
    }
    return (float)pixel_intensity(scene, cells, slow, fast, 0, omega, NULL);
}

/* The pixels of a row that are rendered; `part` is the spread of the scene. Returns the sum of their solid angles (sr). */
double render_row(const Scene *scene, const Basis *cells, int slow, double part, float *row)
{
    double omega = 0.0, omega_of_pixel = 0.0;
    int fast;
    for (fast = scene->sampling.roi[0]; fast <= scene->sampling.roi[1]; fast++)
        if (is_rendered(scene, slow, fast)) {
            row[fast] = rounded_pixel(scene, cells, slow, fast, part, &omega_of_pixel);
            omega += omega_of_pixel;
        }
    return omega;
}
