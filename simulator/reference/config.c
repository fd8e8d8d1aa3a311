/* From options to a scene that can be rendered: every component in its turn, then the sampling. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "crystal.h"
#include "detector.h"
#include "errors.h"
#include "io_smv.h"
#include "io_stol.h"
#include "io_text.h"
#include "mosaic.h"
#include "scene.h"
#include "size_limits.h"
#include "source.h"
#include "spindle.h"
#include "structure_factor.h"

#define SUBPIXELS_PER_SPOT 3.0     /* sub-pixels across a spot of the whole crystal */

/* ---- oversampling ------------------------------------------------------------------------------ */

/* Sub-pixels per axis: as asked, or as many as the largest dimension of the crystal needs, given that a
 * pixel spans lambda*distance/pixel in real space. */
static int select_oversample(const Options *o, const Scene *scene)
{
    const double *size = scene->crystal.size_m;
    double largest_m = fmax(size[0], fmax(size[1], size[2]));
    double pixel_span_m = scene->beam.wavelength_m * scene->detector.distance_m / scene->detector.pixel_size_m;
    double recommended = ceil(SUBPIXELS_PER_SPOT * largest_m / pixel_span_m);
    if (!(recommended >= 1.0))
        recommended = 1.0;
    if (o->oversample > 0) {
        if (o->oversample < recommended)
            warn("-oversample %d is coarse for this crystal: %g would be enough", o->oversample, recommended);
        return o->oversample;
    }
    if (recommended > INT_MAX)
        fail("-oversample: this crystal would need %g sub-pixels; give a number", recommended);
    return (int)recommended;
}

/* ---- region of interest ------------------------------------------------------------------------ */

/* Limits of one axis, clipped to the pixels; a negative one means the edge. */
static void select_range(const int *given, int pixels, const char *axis, int *range, int *printed)
{
    printed[0] = given[0] < 0 ? 0 : given[0];
    printed[1] = given[1] < 0 ? pixels : given[1];
    if (printed[1] < printed[0] || printed[0] >= pixels)
        fail("-roi: nothing between %s = %d and %d on a detector of %d pixels", axis, printed[0], printed[1],
             pixels);
    if (given[1] > pixels)
        warn("-roi: %s = %d is past the edge of the detector; clipped to %d", axis, given[1], pixels - 1);
    range[0] = printed[0];
    range[1] = printed[1] < pixels ? printed[1] : pixels - 1;
}

static void sampling_build(const Options *o, Scene *scene)
{
    Sampling *s = &scene->sampling;
    const Detector *d = &scene->detector;
    s->oversample = select_oversample(o, scene);
    s->oversample_thick = o->oversample_thick;
    s->oversample_polar = o->oversample_polar;
    s->oversample_omega = o->oversample_omega;
    s->d_min_m = o->d_min_m;
    select_range(o->roi, d->fast_pixels, "x", s->roi, s->roi_printed);
    select_range(o->roi + 2, d->slow_pixels, "y", s->roi + 2, s->roi_printed + 2);
}

static void check_scene_size(const Options *o, const Scene *scene)
{
    const Detector *d = &scene->detector;
    const int *roi = scene->sampling.roi;
    Size size;
    size.rows = (double)roi[3] - roi[2] + 1.0;
    size.rendered = ((double)roi[1] - roi[0] + 1.0) * size.rows;
    size.pixels = (double)d->fast_pixels * d->slow_pixels;
    size.sources = o->source_file != NULL ? (double)scene->beam.source_count : generated_count(&scene->beam);
    size.phi_steps = scene->spindle.phi_steps;
    size.domains = scene->crystal.mosaic_domains;
    size.oversample = scene->sampling.oversample;
    size.layers = d->layers;
    check_size(&size);
}

/* ---- the scene --------------------------------------------------------------------------------- */

/* Everything is checked here, before anything is written. The random numbers are drawn in a fixed order:
 * orientation, then mosaic domains. */
void scene_build(const Options *o, Scene *scene)
{
    Shuffle shuffle = {{0}, 0};
    double sample_size_m[3];
    Frame frame = convention_frame(o);
    int i;
    for (i = 0; i < 3; i++)
        sample_size_m[i] = o->sample_size_m[i];
    clip_sample(o, sample_size_m);
    spindle_build(o, frame.spindle, &scene->spindle);
    detector_build(o, &frame, &scene->detector);
    beam_build(o, frame.beam, frame.polarization, &scene->beam);
    crystal_build(o, sample_size_m, &shuffle, &scene->crystal);
    mosaic_build(o, &scene->crystal);
    sampling_build(o, scene);
    if (!o->force)
        check_scene_size(o, scene);
    sources_build(o, &scene->beam);
    mosaic_draw(o, &shuffle, &scene->crystal);
    structure_factors_build(o, scene->crystal.cells, &scene->crystal.F);
    parse_allowed(o->allow);
    if (o->stol_file != NULL)
        check_stol(o->stol_file);
    if (o->mask_file != NULL)
        scene->sampling.mask = read_mask(o->mask_file, &scene->detector);
    if (o->tracing
        && (o->trace_pixel[0] < 0 || o->trace_pixel[0] >= scene->detector.slow_pixels || o->trace_pixel[1] < 0
            || o->trace_pixel[1] >= scene->detector.fast_pixels))
        fail("-trace_pixel: %d %d is not on a detector of %d x %d pixels (slow x fast)", o->trace_pixel[0],
             o->trace_pixel[1], scene->detector.slow_pixels, scene->detector.fast_pixels);
}

void scene_free(Scene *scene)
{
    beam_free(&scene->beam);
    crystal_free(&scene->crystal);
    free(scene->sampling.mask);
    scene->sampling.mask = NULL;
}
