/* What a run says on stdout about itself; harnesses read these lines, so their wording is fixed. */
#include "echo.h"

#include <stdio.h>

#include "detector.h"
#include "errors.h"
#include "spindle.h"
#include "units.h"
#include "version.h"

/* ---- the program ------------------------------------------------------------------------------- */

void echo_version(void)
{
#ifdef _OPENMP
    printf("%s %s (C99, OpenMP %d, double)\n", PROGRAM_NAME, VERSION, _OPENMP);
#else
    printf("%s %s (C99, serial, double)\n", PROGRAM_NAME, VERSION);
#endif
}

/* ---- geometry and crystal ---------------------------------------------------------------------- */

static void echo_convention(const Options *o, const Scene *scene)
{
    static const char *const names[] = {"", "mosflm", "adxv", "denzo", "xds", "dials", "custom"};
    const Detector *d = &scene->detector;
    const Vector b = scene->beam.direction;
    printf("%s convention selected.\n", names[d->convention]);
    printf("pivoting detector around %s\n", d->pivot == PIVOT_BEAM ? "direct beam spot" : "sample");
    printf("XDS incident beam: %g %g %g\n", dot(b, d->fast), dot(b, d->slow), dot(b, d->normal));
    if (o->interpolation == INTERPOLATE_AUTO)
        printf("auto-selected %s\n", scene->crystal.F.interpolate
                                        ? "tricubic interpolation of structure factors"
                                        : "no interpolation");
}

static void echo_rows(Basis basis, double factor)
{
    printf("X: %11.8f %11.8f %11.8f\n", basis.a.x * factor, basis.b.x * factor, basis.c.x * factor);
    printf("Y: %11.8f %11.8f %11.8f\n", basis.a.y * factor, basis.b.y * factor, basis.c.y * factor);
    printf("Z: %11.8f %11.8f %11.8f\n", basis.a.z * factor, basis.b.z * factor, basis.c.z * factor);
}

static void echo_cell(const Options *o, const Crystal *c)
{
    const double deg = DEGREES_PER_RADIAN, *cell = c->cell_A, *star = c->reciprocal_cell;
    if (o->matrix_file != NULL)
        printf("reading %s\n", o->matrix_file);
    if (c->misset_drawn)
        printf("random orientation misset angles: %f %f %f deg\n", c->misset.x * deg, c->misset.y * deg,
               c->misset.z * deg);
    printf("Unit Cell: %g %g %g %g %g %g\n", cell[0], cell[1], cell[2], cell[3] * deg, cell[4] * deg,
           cell[5] * deg);
    printf("Recp Cell: %g %g %g %g %g %g\n", star[0], star[1], star[2], star[3] * deg, star[4] * deg,
           star[5] * deg);
    printf("volume = %g A^3\n", c->volume_A3);
    printf("real-space cell vectors (Angstrom):\n     a           b           c         \n");
    echo_rows(c->real_m, ANGSTROM_PER_METRE);
    printf("reciprocal-space cell vectors (Angstrom^-1):\n     a_star      b_star      c_star    \n");
    echo_rows(c->reciprocal_per_A, 1.0);
}

static void echo_size(const Options *o, const Scene *scene)
{
    const Crystal *c = &scene->crystal;
    const double g_per_mol = PROTEIN_G_PER_CM3 * AVOGADRO_PER_MOL * 1e-24;
    printf("crystal is %g x %g x %g microns\n", c->size_m[0] * UM_PER_METRE, c->size_m[1] * UM_PER_METRE,
           c->size_m[2] * UM_PER_METRE);
    if (o->oversample <= 0)
        printf("auto-selected %d-fold oversampling\n", scene->sampling.oversample);
    printf("approximate MW = %g\n", g_per_mol * c->cell_A[0] * c->cell_A[1] * c->cell_A[2]);
}

static void echo_files(const Options *o)
{
    if (o->hkl_file != NULL) {
        printf("counting entries in %s\n", o->hkl_file);
        printf("re-reading %s\n", o->hkl_file);
    } else if (o->dump_file != NULL) {
        printf("reading Fs from %s\n", o->dump_file);
    }
    if (o->stol_file != NULL)
        printf("reading %s\n", o->stol_file);
}

/* ---- scans ------------------------------------------------------------------------------------- */

static void echo_scans(const Options *o, const Scene *scene)
{
    const Beam *b = &scene->beam;
    const Detector *d = &scene->detector;
    int i;
    for (i = 0; i < d->layers; i++)
        printf("thick%d = %g um\n", i, i * d->layer_thickness_m * UM_PER_METRE);
    for (i = 0; i < scene->spindle.phi_steps; i++)
        printf("phi%d = %g\n", i, spindle_phi(&scene->spindle, i) * DEGREES_PER_RADIAN);
    if (o->source_file == NULL) {
        for (i = 0; i < b->source_count; i += b->dispersion.count)
            printf("divergence deviation: %g %g\n", b->sources[i].hdiv, b->sources[i].vdiv);
        for (i = 0; i < b->dispersion.count; i++)
            printf("lambda%d = %.15g\n", i, b->sources[i].wavelength_m);
    }
    printf("  created a total of %d sources:\n", b->source_count);
    for (i = 0; i < b->source_count; i++) {
        const Source *s = &b->sources[i];
        printf("%g %g %g   %g %g\n", s->position.x, s->position.y, s->position.z, s->printed_weight,
               s->wavelength_m);
    }
    printf("  created a total of %d mosaic domains\n", scene->crystal.mosaic_domains);
}

/* ---- summary ----------------------------------------------------------------------------------- */

static void echo_beam(const Scene *scene)
{
    static const char *const shapes[] = {"parallelpiped", "ellipsoidal", "gaussian", "tophat-spot"};
    const Crystal *c = &scene->crystal;
    const Beam *b = &scene->beam;
    printf("  %ld initialized hkls (all others =%g)\n", c->F.records, c->F.default_F);
    printf("  %s xtal: %dx%dx%d cells\n", shapes[c->shape], c->cells[0], c->cells[1], c->cells[2]);
    printf("  wave=%g meters +/- %g%% in %d steps\n", b->wavelength_m, b->dispersion.range * 100.0,
           b->dispersion.count);
    if (b->no_polarization)
        printf("  polarization effect disabled\n");
    else
        printf("  Kahn polarization factor: %f\n", b->polarization);
    if (scene->detector.point_pixel)
        printf("  pixel obliquity effect disabled\n");
    printf("  incident fluence: %g photons/m^2\n", b->fluence_per_m2);
}

static void echo_axis(const char *name, Vector v)
{
    printf("  %s= %g %g %g\n", name, v.x, v.y, v.z);
}

static void echo_detector(const Scene *scene)
{
    const Detector *d = &scene->detector;
    const Beam *b = &scene->beam;
    const int *roi = scene->sampling.roi_printed;
    Vector dials = dials_origin_mm(d);
    printf("  distance=%g detsize=%gx%g  pixel=%g meters (%dx%d pixels)\n", d->distance_m, d->fast_size_m,
           d->slow_size_m, d->pixel_size_m, d->fast_pixels, d->slow_pixels);
    printf("  sensor is %g m thick in %d layers with mu= %g\n", d->thickness_m, d->layers,
           d->attenuation_per_m);
    printf("  Xbeam=%g Ybeam=%g\n  Fbeam=%g Sbeam=%g\n", d->x_beam_m, d->y_beam_m, d->fast_beam_m,
           d->slow_beam_m);
    printf("  Xclose=%g Yclose=%g\n  Fclose=%g Sclose=%g\n", d->x_close_m, d->y_close_m, d->fast_close_m,
           d->slow_close_m);
    echo_axis("DIRECTION_OF_DETECTOR_X-AXIS", d->fast);
    echo_axis("DIRECTION_OF_DETECTOR_Y-AXIS", d->slow);
    echo_axis("DIRECTION_OF_DETECTOR_Z-AXIS", d->normal);
    echo_axis("INCIDENT_BEAM_DIRECTION", b->direction);
    echo_axis("spindle ROTATION_AXIS", scene->spindle.axis);
    echo_axis("POLARIZATION_PLANE_NORMAL", cross(b->direction, b->polarization_axis));
    printf("  dials origin= %g %g %g\n", dials.x, dials.y, dials.z);
    printf("  roi: %d < x < %d && %d < y < %d\n", roi[0], roi[1], roi[2], roi[3]);
}

static void echo_sampling(const Options *o, const Scene *scene)
{
    const Beam *b = &scene->beam;
    const Spindle *s = &scene->spindle;
    const Sampling *p = &scene->sampling;
    printf("  hdivrange=%g hdivstep=%g  radians\n", b->horizontal.range, b->horizontal.step);
    printf("  vdivrange=%g vdivstep=%g  radians\n", b->vertical_divergence.range, b->vertical_divergence.step);
    printf("  %d divergence steps\n  %d sources\n", b->divergence_steps, b->source_count);
    printf("  %d mosaic domains over mosaic spread of %g degrees\n", scene->crystal.mosaic_domains,
           scene->crystal.mosaic_spread * DEGREES_PER_RADIAN);
    printf("  %d phi steps from %g to %g degrees\n", s->phi_steps, s->phi_start * DEGREES_PER_RADIAN,
           (s->phi_start + s->oscillation) * DEGREES_PER_RADIAN);
    printf("  %dx%d pixel oversample steps%s%s%s\n", p->oversample, p->oversample,
           p->oversample_thick ? " +thick" : "", p->oversample_polar ? " +polar" : "",
           p->oversample_omega ? " +omega" : "");
    if (p->mask != NULL)
        printf("  skipping zero-flagged pixels in %s\n", o->mask_file);
    printf("\n");
}

void echo_setup(const Options *o, const Scene *scene)
{
    echo_version();
    echo_convention(o, scene);
    echo_cell(o, &scene->crystal);
    echo_size(o, scene);
    echo_files(o);
    echo_scans(o, scene);
    echo_beam(scene);
    echo_detector(scene);
    echo_sampling(o, scene);
}

void echo_statistics(const Statistics *s)
{
    printf("max_I = %g  at %g %g\n", s->max, s->max_fast_m, s->max_slow_m);
    printf("mean= %g rms= %g rmsd= %g\n", s->mean, s->rms, s->rmsd);
}
