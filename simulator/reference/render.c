/* The sum over layers, sub-pixels, sources, phi steps and mosaic domains that makes each pixel:
 *
 *   value = r_e^2 fluence * sum[ w F_cell^2 F_latt^2 * capture * polar * omega ] / steps + background
 *
 * with w the relative weight of a source and steps = sources * phi steps * domains * oversample^2. Without
 * the -oversample_ flags, omega and polar are those of the pixel's first sub-pixel and capture that of the
 * first sub-pixel of each layer. The quantities themselves are in the files named after them. */
#include "render.h"

#include <stdio.h>
#include <stdlib.h>

#include "background.h"
#include "detector.h"
#include "errors.h"
#include "mosaic.h"
#include "plain_rows.h"
#include "polarization.h"
#include "scattering.h"
#include "shape.h"
#include "spindle.h"
#include "structure_factor.h"
#include "units.h"

/* ---- what is known while a pixel is summed ------------------------------------------------------ */

typedef struct {
    const Scene *scene;
    const Basis *cells;
    Trace *trace;
    int quick;                      /* whether by quicker sines (see plain_rows.c) */
    double omega, polar, capture;   /* in force; see the head of this file */
    int has_omega;
    double inside;                  /* product of the factors applied to each term */
    double sum, omega_sum;
} Pixel;

/* Where a sub-pixel is. */
typedef struct {
    int layer, sub_slow, sub_fast;
    double airpath_m;
    Vector diffracted;
} Subpixel;

static Subpixel locate(const Scene *scene, int slow, int fast, int layer, int sub_slow, int sub_fast,
                       Trace *trace)
{
    const Detector *detector = &scene->detector;
    int oversample = scene->sampling.oversample;
    double size_m = detector->pixel_size_m / oversample;
    double fast_m = size_m * ((double)fast * oversample + sub_fast) + size_m / 2.0;
    double slow_m = size_m * ((double)slow * oversample + sub_slow) + size_m / 2.0;
    Vector position = pixel_position(detector, scene->beam.direction, fast_m, slow_m, layer);
    Subpixel at = {layer, sub_slow, sub_fast, 0.0, {0.0, 0.0, 0.0}};
    at.airpath_m = length(position);
    at.diffracted = unit(position);
    trace_vector(trace, PER_SUBPIXEL, "position_m", position);
    trace_number(trace, PER_SUBPIXEL, "airpath_m", at.airpath_m);
    trace_vector(trace, PER_SUBPIXEL, "diffracted_direction", at.diffracted);
    return at;
}

/* Of an incident direction that was made a unit vector once more. */
double source_polarization(const Scene *scene, Vector incident, Vector diffracted)
{
    if (scene->beam.no_polarization)
        return 1.0;
    return polarization_factor(scene->beam.polarization, incident, diffracted,
                               scene->beam.settled_axis);
}

/* ---- the terms --------------------------------------------------------------------------------- */

/* One phi step and domain: F_cell^2 F_latt^2 with the factors that are inside the sum. */
static void add_term(Pixel *pixel, Basis cell, Vector q)
{
    const Crystal *crystal = &pixel->scene->crystal;
    Miller m = miller_indices(cell, q);
    double F_latt = pixel->quick ? quick_square_factor(crystal, m) : lattice_factor(crystal, m), F_cell, term;
    if (F_latt == 0.0 && pixel->trace == NULL)
        return;
    F_cell = structure_factor(&crystal->F, m);
    term = F_cell * F_cell * F_latt * F_latt;
    pixel->sum += term * pixel->inside;
    if (pixel->trace != NULL) {
        trace_basis(pixel->trace, PER_DOMAIN, "cell_vectors_m", cell);
        trace_vector(pixel->trace, PER_DOMAIN, "hkl", vector(m.h, m.k, m.l));
        trace_vector(pixel->trace, PER_DOMAIN, "hkl_nearest", vector(m.h0, m.k0, m.l0));
        trace_number(pixel->trace, PER_DOMAIN, "F_cell", F_cell);
        trace_number(pixel->trace, PER_DOMAIN, "F_latt", F_latt);
        trace_number(pixel->trace, PER_DOMAIN, "I_term", term);
    }
}

/* The factors of each term of a source: its weight, and those whose -oversample_ flag is on. */
static double inside_factor(const Pixel *pixel, const Source *source)
{
    const Sampling *sampling = &pixel->scene->sampling;
    double factor = source->weight * pixel->capture;
    if (sampling->oversample_polar)
        factor *= pixel->polar;
    if (sampling->oversample_omega)
        factor *= pixel->omega;
    return factor;
}

/* A sub-pixel whose direction is made a unit vector once more where the polarization is worked out, in place, as in the
 * original: the sources that follow see that one, too, with another last bit. Where last digits do not count, a single
 * source without a polarized part hardly shows it. */
static void make_unit_again(const Pixel *pixel, Subpixel *at)
{
    const Beam *beam = &pixel->scene->beam;
    int hardly_shows = pixel->quick && beam->source_count == 1 && beam->polarization == 0.0;
    if (!hardly_shows && !beam->no_polarization)
        at->diffracted = unit(at->diffracted);
}

/* One source at one sub-pixel: all phi steps and mosaic domains, unless it is beyond the resolution. */
static void add_source(Pixel *pixel, Subpixel *at, const Source *source)
{
    const Scene *scene = pixel->scene;
    Trace *trace = pixel->trace;
    Vector q = scattering_vector(at->diffracted, source->incident, source->wavelength_m);
    int phi, domain, domains = scene->crystal.mosaic_domains;
    trace_vector(trace, PER_SOURCE, "source_direction", source->incident);
    trace_number(trace, PER_SOURCE, "wavelength_m", source->wavelength_m);
    trace_vector(trace, PER_SOURCE, "scattering_vector_per_m", q);
    if (beyond_resolution(q, scene->sampling.d_min_m))
        return;
    if (pixel->polar == 0.0 || scene->sampling.oversample_polar) { /* a factor of exactly 0 is worked out again */
        make_unit_again(pixel, at);
        pixel->polar = source_polarization(scene, source->incident_again, at->diffracted);
    }
    trace_number(trace, PER_SOURCE, "polarization", pixel->polar);
    pixel->inside = inside_factor(pixel, source);
    for (phi = 0; phi < scene->spindle.phi_steps; phi++) {
        if (trace != NULL) {
            trace->index[LOOP_PHI] = phi;
            trace_number(trace, PER_PHI, "phi_rad", spindle_phi(&scene->spindle, phi));
        }
        for (domain = 0; domain < domains; domain++) {
            if (trace != NULL)
                trace->index[LOOP_DOMAIN] = domain;
            add_term(pixel, pixel->cells[(size_t)phi * (size_t)domains + (size_t)domain], q);
        }
    }
}

/* One sub-pixel of one layer: all sources. */
static void add_subpixel(Pixel *pixel, Subpixel *at)
{
    const Scene *scene = pixel->scene;
    const Sampling *sampling = &scene->sampling;
    int i;
    if (!pixel->has_omega || sampling->oversample_omega)
        pixel->omega = solid_angle(&scene->detector, at->airpath_m);
    pixel->has_omega = 1;
    pixel->omega_sum += pixel->omega;
    if ((at->sub_slow == 0 && at->sub_fast == 0) || sampling->oversample_thick)
        pixel->capture = capture_fraction(&scene->detector, at->diffracted, at->layer);
    trace_number(pixel->trace, PER_SUBPIXEL, "solid_angle_sr", pixel->omega);
    trace_number(pixel->trace, PER_SUBPIXEL, "capture_fraction", pixel->capture);
    for (i = 0; i < scene->beam.source_count; i++) {
        if (pixel->trace != NULL)
            pixel->trace->index[LOOP_SOURCE] = i;
        add_source(pixel, at, &scene->beam.sources[i]);
    }
}

/* ---- background -------------------------------------------------------------------------------- */

/* Photons of the water background on a pixel: I_bg * sum over sub-pixels of [ (sum over layers of capture *
 * omega) * polar ] / oversample^2. It takes the polarization of the first source, whatever its resolution,
 * and depends neither on the number of steps nor on d_min. */
static double pixel_background(const Scene *scene, int slow, int fast)
{
    const Sampling *sampling = &scene->sampling;
    int n = sampling->oversample, sub_slow, sub_fast, layer, layers = scene->detector.layers;
    double per_sr = water_background(scene->crystal.water_size_m, scene->beam.fluence_per_m2);
    double sum = 0.0, omega = 0.0, polar = 0.0;
    double *capture = allocate((size_t)layers, sizeof *capture, "layers");
    for (sub_slow = 0; sub_slow < n; sub_slow++)
        for (sub_fast = 0; sub_fast < n; sub_fast++) {
            int first = sub_slow == 0 && sub_fast == 0;
            double through_layers = 0.0;
            for (layer = 0; layer < layers; layer++) {
                Subpixel at = locate(scene, slow, fast, layer, sub_slow, sub_fast, NULL);
                if (first || sampling->oversample_thick)
                    capture[layer] = capture_fraction(&scene->detector, at.diffracted, layer);
                if ((first && layer == 0) || sampling->oversample_omega)
                    omega = solid_angle(&scene->detector, at.airpath_m);
                if (layer == 0 && (first || sampling->oversample_polar))
                    polar = source_polarization(scene, scene->beam.sources[0].incident_again, at.diffracted);
                through_layers += capture[layer] * omega;
            }
            sum += through_layers * polar;
        }
    free(capture);
    return per_sr * sum / ((double)n * n);
}

/* ---- one pixel --------------------------------------------------------------------------------- */

double term_count(const Scene *scene)
{
    return (double)scene->beam.source_count * scene->crystal.mosaic_domains * scene->spindle.phi_steps
         * scene->sampling.oversample * scene->sampling.oversample;
}

/* Scale the sum to photons and apply the factors that are not inside it. */
static double finish(const Pixel *pixel, double background)
{
    const Scene *scene = pixel->scene;
    double steps = term_count(scene);
    double polar = scene->sampling.oversample_polar ? 1.0 : pixel->polar;
    double omega = scene->sampling.oversample_omega ? 1.0 : pixel->omega;
    double value = R_E_SQUARED_M2 * scene->beam.fluence_per_m2 * pixel->sum / steps;
    value *= polar;
    value *= omega;
    value += background;
    trace_number(pixel->trace, ONCE, "I_background", background);
    trace_number(pixel->trace, ONCE, "steps", steps);
    trace_number(pixel->trace, ONCE, "I_before_scaling", pixel->sum);
    trace_number(pixel->trace, ONCE, "r_e_squared_m2", R_E_SQUARED_M2);
    trace_number(pixel->trace, ONCE, "fluence_per_m2", scene->beam.fluence_per_m2);
    trace_number(pixel->trace, ONCE, "polarization", polar);
    trace_number(pixel->trace, ONCE, "solid_angle_sr", omega);
    trace_number(pixel->trace, ONCE, "capture_fraction", 1.0);
    trace_number(pixel->trace, ONCE, "intensity", value);
    return value;
}

static void trace_geometry(Trace *trace, const Detector *detector, int slow, int fast)
{
    double pixel[2];
    pixel[0] = slow;
    pixel[1] = fast;
    trace_values(trace, ONCE, "pixel", pixel, 2);
    trace_vector(trace, ONCE, "pix0_m", detector->pix0_m);
    trace_vector(trace, ONCE, "fast_axis", detector->fast);
    trace_vector(trace, ONCE, "slow_axis", detector->slow);
    trace_vector(trace, ONCE, "normal_axis", detector->normal);
    trace_number(trace, ONCE, "close_distance_m", detector->close_distance_m);
}

double pixel_intensity(const Scene *scene, const Basis *cells, int slow, int fast, int quick, double *omega_sum,
                       Trace *trace)
{
    Pixel pixel = {scene, cells, trace, quick, 0.0, 0.0, 0.0, 0, 0.0, 0.0, 0.0};
    int layer, sub_slow, sub_fast, oversample = scene->sampling.oversample;
    double background = 0.0;
    trace_geometry(trace, &scene->detector, slow, fast);
    for (layer = 0; layer < scene->detector.layers; layer++)
        for (sub_slow = 0; sub_slow < oversample; sub_slow++)
            for (sub_fast = 0; sub_fast < oversample; sub_fast++) {
                Subpixel at;
                if (trace != NULL) {
                    trace->index[LOOP_LAYER] = layer;
                    trace->index[LOOP_SUB_SLOW] = sub_slow;
                    trace->index[LOOP_SUB_FAST] = sub_fast;
                }
                at = locate(scene, slow, fast, layer, sub_slow, sub_fast, trace);
                add_subpixel(&pixel, &at);
            }
    if (scene->crystal.water_size_m > 0.0)
        background = pixel_background(scene, slow, fast);
    *omega_sum = pixel.omega_sum;
    return finish(&pixel, background);
}

/* ---- the image --------------------------------------------------------------------------------- */

Basis *turned_cells(const Scene *scene)
{
    int phi, domain, domains = scene->crystal.mosaic_domains, steps = scene->spindle.phi_steps;
    size_t count = checked_product((size_t)steps, (size_t)domains, "phi steps and mosaic domains");
    Basis *cells = allocate(count, sizeof *cells, "phi steps and mosaic domains"), *cell = cells;
    for (phi = 0; phi < steps; phi++) {
        Basis turned = spindle_turn(&scene->spindle, scene->crystal.real_m, spindle_phi(&scene->spindle, phi));
        for (domain = 0; domain < domains; domain++)
            *cell++ = mosaic_turn(&scene->crystal, turned, domain);
    }
    return cells;
}

int is_rendered(const Scene *scene, int slow, int fast)
{
    const Sampling *s = &scene->sampling;
    if (fast < s->roi[0] || fast > s->roi[1] || slow < s->roi[2] || slow > s->roi[3])
        return 0;
    return s->mask == NULL || s->mask[(size_t)slow * (size_t)scene->detector.fast_pixels + (size_t)fast] != 0;
}

/* Say "<n>% done" each time another whole percent of the rows is. */
static void report_progress(long done, long rows)
{
    if (done * 100 / rows != (done - 1) * 100 / rows) {
        printf("%ld%% done\n", done * 100 / rows);
        fflush(stdout);
    }
}

/* Rows are independent and each keeps its own sum, so the number of threads changes no bit. */
double simulate(const Scene *scene, const Basis *cells, int show_progress, float *image)
{
    int first = scene->sampling.roi[2], last = scene->sampling.roi[3], slow;
    double *omega_of_row = allocate((size_t)(last - first + 1), sizeof *omega_of_row, "rows");
    double omega = 0.0, part = spread(scene);
    long done = 0;
#ifdef _OPENMP
#pragma omp parallel for schedule(dynamic)
#endif
    for (slow = first; slow <= last; slow++) {
        omega_of_row[slow - first] =
            render_row(scene, cells, slow, part, image + (size_t)slow * (size_t)scene->detector.fast_pixels);
#ifdef _OPENMP
#pragma omp critical
#endif
        {
            done++;
            if (show_progress)
                report_progress(done, (long)last - first + 1);
        }
    }
    for (slow = first; slow <= last; slow++)
        omega += omega_of_row[slow - first];
    free(omega_of_row);
    return omega / ((double)scene->sampling.oversample * scene->sampling.oversample * scene->detector.layers);
}
