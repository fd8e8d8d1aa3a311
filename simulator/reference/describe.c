/* -describe: everything that follows from a command line as one JSON document, and nothing is rendered.
 *
 * The Python simulator prints the same keys and the same numbers (output/describe.py); docs/describe.md says what
 * each of them is. Names carry the unit; a vector is in the laboratory frame unless its name says otherwise. */
#include "describe.h"

#include <math.h>

#include "detector.h"
#include "errors.h"
#include "json_text.h"
#include "mosaic.h"
#include "polarization.h"
#include "render.h"
#include "scattering.h"
#include "spindle.h"
#include "units.h"
#include "version.h"

#define SCHEMA "nanobragg-description/1"

static void pair(Json *json, const char *key, double first, double second)
{
    double values[2];
    values[0] = first;
    values[1] = second;
    json_numbers(json, key, values, 2);
}

static void scaled_numbers(Json *json, const char *key, const double *values, int count, double factor)
{
    double scaled_values[6];
    int i;
    for (i = 0; i < count; i++)
        scaled_values[i] = values[i] * factor;
    json_numbers(json, key, scaled_values, count);
}

static void degrees(Json *json, const char *key, double angle)
{
    json_number(json, key, angle * DEGREES_PER_RADIAN);
}

static void degrees_xyz(Json *json, const char *key, Vector angles)
{
    json_vector(json, key, scaled(angles, DEGREES_PER_RADIAN));
}

static void integers(Json *json, const char *key, const int *values, int count)
{
    int i;
    double numbers[4];
    for (i = 0; i < count; i++)
        numbers[i] = values[i];
    json_numbers(json, key, numbers, count);
}

/* ---- frames ------------------------------------------------------------------------------------ */

static void describe_frames(Json *json)
{
    json_open(json, "frames", '{');
    json_text(json, "laboratory", "right-handed x y z in which -beam_vector and its fellows are given; the sample is at "
                                  "the origin");
    json_text(json, "detector", "metres along the fast and slow axis from the outer corner of pixel 0,0");
    json_text(json, "pixel", "pixels along the fast and slow axis; 0 0 is the outer corner of the first pixel, 0.5 0.5 "
                             "its middle");
    json_text(json, "option", "metres, as -Xbeam, -Ybeam, -Xclose and -Yclose have it in the convention in force");
    json_text(json, "xds", "pixels as -ORGX and -ORGY have it: 0.5 more than the pixel frame; directions along fast, "
                           "slow and normal");
    json_text(json, "dials", "z, y and -x of the laboratory, millimetres");
    json_close(json, '}');
}

/* ---- beam -------------------------------------------------------------------------------------- */

static void describe_steps(Json *json, const char *key, const Steps *steps, const char *range, const char *step)
{
    json_open(json, key, '{');
    json_integer(json, "count", steps->count);
    json_number(json, range, steps->range);
    json_number(json, step, steps->step);
    json_close(json, '}');
}

static void describe_source(Json *json, const Source *source)
{
    json_open(json, NULL, '{');
    json_vector(json, "position_m", source->position);
    json_vector(json, "direction", source->incident);
    json_number(json, "weight", source->weight);
    json_number(json, "wavelength_A", source->wavelength_m * ANGSTROM_PER_METRE);
    json_close(json, '}');
}

static void describe_beam(Json *json, const Options *o, const Beam *beam)
{
    double wavelength_A = beam->wavelength_m * ANGSTROM_PER_METRE;
    int i;
    json_open(json, "beam", '{');
    json_number(json, "wavelength_A", wavelength_A);
    json_number(json, "energy_eV", PHOTON_EV_ANGSTROM / wavelength_A);
    json_number(json, "fluence_per_m2", beam->fluence_per_m2);
    json_flag(json, "fluence_from_flux", o->flux_per_s != 0.0 && o->exposure_s > 0.0 && o->beam_size_m >= 0.0);
    json_number(json, "stated_fluence_per_m2", o->fluence_per_m2);
    json_number(json, "flux_per_s", o->flux_per_s);
    json_number(json, "exposure_s", o->exposure_s);
    json_number(json, "size_m", o->beam_size_m);
    json_vector(json, "direction", beam->direction);
    json_vector(json, "polarization_axis", beam->polarization_axis);
    json_flag(json, "polarized", !beam->no_polarization);
    json_number(json, "polarization", beam->polarization);
    describe_steps(json, "horizontal_divergence", &beam->horizontal, "range_rad", "step_rad");
    describe_steps(json, "vertical_divergence", &beam->vertical_divergence, "range_rad", "step_rad");
    describe_steps(json, "dispersion", &beam->dispersion, "range_fraction", "step_fraction");
    if (beam->divergence_steps >= 0)
        json_integer(json, "directions", beam->divergence_steps);
    else
        json_null(json, "directions");
    json_open(json, "sources", '[');
    for (i = 0; i < beam->source_count; i++)
        describe_source(json, &beam->sources[i]);
    json_close(json, ']');
    json_close(json, '}');
}

/* ---- crystal ----------------------------------------------------------------------------------- */

static void describe_basis(Json *json, const char *key, Basis basis, double factor)
{
    json_open(json, key, '[');
    json_vector(json, NULL, scaled(basis.a, factor));
    json_vector(json, NULL, scaled(basis.b, factor));
    json_vector(json, NULL, scaled(basis.c, factor));
    json_close(json, ']');
}

static void describe_rotations(Json *json, const Crystal *crystal)
{
    int domain, row;
    json_open(json, "mosaic_rotations", '[');
    for (domain = 0; domain < crystal->mosaic_domains; domain++) {
        json_open(json, NULL, '[');
        for (row = 0; row < 3; row++)
            json_vector(json, NULL, crystal->domains[domain].row[row]);
        json_close(json, ']');
    }
    json_close(json, ']');
}

static void describe_crystal(Json *json, const Options *o, const Crystal *crystal)
{
    static const char *const shapes[] = {"square", "round", "gauss", "tophat"};
    json_open(json, "crystal", '{');
    json_numbers(json, "cell_A", crystal->cell_A, 3);
    scaled_numbers(json, "cell_deg", crystal->cell_A + 3, 3, DEGREES_PER_RADIAN);
    json_number(json, "volume_A3", crystal->volume_A3);
    json_numbers(json, "reciprocal_cell_per_A", crystal->reciprocal_cell, 3);
    scaled_numbers(json, "reciprocal_cell_deg", crystal->reciprocal_cell + 3, 3, DEGREES_PER_RADIAN);
    json_number(json, "reciprocal_volume_per_A3", 1.0 / crystal->volume_A3);
    describe_basis(json, "real_A", crystal->real_m, ANGSTROM_PER_METRE);
    describe_basis(json, "reciprocal_per_A", crystal->reciprocal_per_A, 1.0);
    degrees_xyz(json, "misset_deg", crystal->misset);
    json_flag(json, "misset_drawn", crystal->misset_drawn);
    integers(json, "cells", crystal->cells, 3);
    json_numbers(json, "size_m", crystal->size_m, 3);
    json_text(json, "shape", shapes[crystal->shape]);
    json_number(json, "fudge", crystal->fudge);
    json_number(json, "water_size_m", crystal->water_size_m);
    degrees(json, "mosaic_spread_deg", crystal->mosaic_spread);
    json_integer(json, "mosaic_seed", o->mosaic_seed);
    json_integer(json, "mosaic_domains", crystal->mosaic_domains);
    describe_rotations(json, crystal);
    json_close(json, '}');
}

static void describe_range(Json *json, const char *key, const StructureFactors *F, int low, int high)
{
    if (F->records > 0)
        pair(json, key, low, high);
    else
        json_null(json, key);
}

static void describe_structure_factors(Json *json, const StructureFactors *F)
{
    json_open(json, "structure_factors", '{');
    json_integer(json, "listed", F->records);
    describe_range(json, "h", F, F->h_min, F->h_max);
    describe_range(json, "k", F, F->k_min, F->k_max);
    describe_range(json, "l", F, F->l_min, F->l_max);
    json_number(json, "default_F", F->default_F);
    json_text(json, "interpolation", F->interpolate ? "tricubic" : "nearest");
    json_close(json, '}');
}

/* ---- detector ---------------------------------------------------------------------------------- */

/* The beam centre and the point nearest to the sample, in every frame. */
static void describe_centres(Json *json, const Detector *d)
{
    double px = d->pixel_size_m, near_f = d->fast_close_m / px, near_s = d->slow_close_m / px;
    json_open(json, "beam_centre", '{');
    pair(json, "option_m", d->x_beam_m, d->y_beam_m);
    pair(json, "detector_m", d->fast_beam_m, d->slow_beam_m);
    pair(json, "pixel", d->fast_beam_m / px, d->slow_beam_m / px);
    json_close(json, '}');
    json_open(json, "nearest_point", '{');
    pair(json, "option_m", d->x_close_m, d->y_close_m);
    pair(json, "detector_m", d->fast_close_m, d->slow_close_m);
    pair(json, "pixel", near_f, near_s);
    pair(json, "xds", near_f + 0.5, near_s + 0.5);
    json_close(json, '}');
}

static void describe_sensor(Json *json, const Detector *d)
{
    json_number(json, "thickness_m", d->thickness_m);
    json_integer(json, "layers", d->layers);
    json_number(json, "layer_thickness_m", d->layer_thickness_m);
    if (d->attenuation_per_m >= 0.0)
        json_number(json, "attenuation_per_m", d->attenuation_per_m);
    else
        json_null(json, "attenuation_per_m");
}

static void describe_detector(Json *json, const Detector *d, Vector beam)
{
    static const char *const conventions[] = {"", "mosflm", "adxv", "denzo", "xds", "dials", "custom"};
    json_open(json, "detector", '{');
    json_text(json, "convention", conventions[d->convention]);
    json_text(json, "pivot", d->pivot == PIVOT_BEAM ? "beam" : "sample");
    json_integer(json, "fast_pixels", d->fast_pixels);
    json_integer(json, "slow_pixels", d->slow_pixels);
    json_number(json, "pixel_m", d->pixel_size_m);
    json_number(json, "fast_size_m", d->fast_size_m);
    json_number(json, "slow_size_m", d->slow_size_m);
    json_number(json, "distance_m", d->distance_m);
    json_number(json, "close_distance_m", d->close_distance_m);
    describe_centres(json, d);
    json_vector(json, "xds_beam", vector(dot(beam, d->fast), dot(beam, d->slow), dot(beam, d->normal)));
    json_vector(json, "dials_origin_mm", dials_origin_mm(d));
    json_vector(json, "fast_axis", d->fast);
    json_vector(json, "slow_axis", d->slow);
    json_vector(json, "normal_axis", d->normal);
    json_vector(json, "pix0_m", d->pix0_m);
    degrees_xyz(json, "rotation_deg", d->rotation);
    degrees(json, "twotheta_deg", d->twotheta);
    json_vector(json, "twotheta_axis", d->twotheta_axis);
    json_flag(json, "curved", d->curved);
    json_flag(json, "point_pixel", d->point_pixel);
    describe_sensor(json, d);
    json_close(json, '}');
}

/* ---- spindle and sampling ---------------------------------------------------------------------- */

static void describe_spindle(Json *json, const Spindle *s)
{
    int step;
    json_open(json, "spindle", '{');
    json_vector(json, "axis", s->axis);
    degrees(json, "phi0_deg", s->phi_start);
    degrees(json, "oscillation_deg", s->oscillation);
    degrees(json, "step_deg", s->phi_step);
    json_integer(json, "steps", s->phi_steps);
    json_open(json, "phi_deg", '[');
    for (step = 0; step < s->phi_steps; step++)
        degrees(json, NULL, spindle_phi(s, step));
    json_close(json, ']');
    json_close(json, '}');
}

static void describe_sampling(Json *json, const Scene *scene)
{
    const Sampling *s = &scene->sampling;
    json_open(json, "sampling", '{');
    json_integer(json, "oversample", s->oversample);
    json_flag(json, "oversample_thick", s->oversample_thick);
    json_flag(json, "oversample_polar", s->oversample_polar);
    json_flag(json, "oversample_omega", s->oversample_omega);
    json_number(json, "d_min_A", s->d_min_m * ANGSTROM_PER_METRE);
    integers(json, "roi", s->roi, 4);
    json_flag(json, "mask", s->mask != NULL);
    json_number(json, "steps", term_count(scene));
    json_close(json, '}');
}

/* ---- pixels ------------------------------------------------------------------------------------ */

/* The middle of a pixel's front face: where it is, and what the central beam and wavelength make of it at the start
 * of a phi step, in the first mosaic domain. */
static void describe_pixel(Json *json, const Scene *scene, int fast, int slow, int step)
{
    const Detector *d = &scene->detector;
    const Beam *beam = &scene->beam;
    double px = d->pixel_size_m, phi = spindle_phi(&scene->spindle, step);
    Vector position = pixel_position(d, beam->direction, px * (fast + 0.5), px * (slow + 0.5), 0);
    Vector direction = unit(position), q = scattering_vector(direction, beam->direction, beam->wavelength_m);
    Basis cell = mosaic_turn(&scene->crystal, spindle_turn(&scene->spindle, scene->crystal.real_m, phi), 0);
    Miller m = miller_indices(cell, q);
    json_open(json, NULL, '{');
    json_integer(json, "fast", fast);
    json_integer(json, "slow", slow);
    json_flag(json, "rendered", is_rendered(scene, slow, fast));
    json_vector(json, "position_m", position);
    json_number(json, "airpath_m", length(position));
    json_vector(json, "direction", direction);
    degrees(json, "twotheta_deg", atan2(length(cross(beam->direction, direction)), dot(beam->direction, direction)));
    json_number(json, "resolution_A", 1.0 / length(q) * ANGSTROM_PER_METRE);
    json_vector(json, "scattering_vector_per_A", scaled(q, METRES_PER_ANGSTROM));
    json_integer(json, "phi_step", step);
    degrees(json, "phi_deg", phi);
    json_vector(json, "hkl", vector(m.h, m.k, m.l));
    json_vector(json, "hkl_nearest", vector(m.h0, m.k0, m.l0));
    json_number(json, "solid_angle_sr", solid_angle(d, length(position)));
    json_number(json, "polarization", source_polarization(scene, unit(beam->direction), direction));
    json_close(json, '}');
}

static void describe_pixels(Json *json, const Options *o, const Scene *scene)
{
    int i;
    json_open(json, "pixels", '[');
    for (i = 0; i < o->describe_pixel.count; i++) {
        const int *pixel = o->describe_pixel.pixel[i];
        describe_pixel(json, scene, pixel[0], pixel[1], o->describe_phistep);
    }
    json_close(json, ']');
}

/* ---- the document ------------------------------------------------------------------------------ */

/* Refuse a phi step or a pixel that is not there, before anything is printed. */
static void check_asked(const Options *o, const Scene *scene)
{
    const Detector *d = &scene->detector;
    int i;
    if (o->describe_phistep < 0 || o->describe_phistep >= scene->spindle.phi_steps)
        fail("-describe_phistep: there is no step %d among %d (the first is 0)", o->describe_phistep,
             scene->spindle.phi_steps);
    for (i = 0; i < o->describe_pixel.count; i++) {
        int fast = o->describe_pixel.pixel[i][0], slow = o->describe_pixel.pixel[i][1];
        if (fast < 0 || fast >= d->fast_pixels || slow < 0 || slow >= d->slow_pixels)
            fail("-describe_pixel: %d %d is not on a detector of %d x %d pixels (fast x slow)", fast, slow,
                 d->fast_pixels, d->slow_pixels);
    }
}

void describe(const Options *o, const Scene *scene)
{
    Json json = {NULL, 0, 1};
    json.file = stdout;
    check_asked(o, scene);
    json_open(&json, NULL, '{');
    json_text(&json, "schema", SCHEMA);
    json_text(&json, "program", PROGRAM_NAME);
    json_text(&json, "version", VERSION);
    json_text(&json, "mode", "physics");
    describe_frames(&json);
    describe_beam(&json, o, &scene->beam);
    describe_crystal(&json, o, &scene->crystal);
    describe_structure_factors(&json, &scene->crystal.F);
    describe_detector(&json, &scene->detector, scene->beam.direction);
    describe_spindle(&json, &scene->spindle);
    describe_sampling(&json, scene);
    describe_pixels(&json, o, scene);
    json_close(&json, '}');
}
