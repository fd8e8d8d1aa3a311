/* nanobragg_reference: the diffraction image of a small crystal, computed in double precision.
 *
 * This file parses, builds, renders, writes and says so; what any of it means is in the files named after
 * it, which mirror the modules of the Python simulator one to one. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "argv.h"
#include "config.h"
#include "describe.h"
#include "echo.h"
#include "errors.h"
#include "flags.h"
#include "io_dump.h"
#include "io_floatfile.h"
#include "io_output.h"
#include "io_pgm.h"
#include "io_smv.h"
#include "options.h"
#include "scene.h"
#include "render.h"
#include "statistics.h"
#include "trace.h"
#include "units.h"

#define INT_FULL_SCALE 55000.0   /* of the brightest pixel in the SMV image */
#define PGM_FULL_SCALE 250.0     /* of five standard deviations in the PGM image */
#define PGM_DEVIATIONS 5.0
#define IMAGE_MEMORY "the image (-detpixels)"
#define DUMP_BY_DEFAULT "Fdump.bin"
#define SPHERE_SR (4.0 * PI)

/* ---- set-up ------------------------------------------------------------------------------------ */

/* Refuse to run where the compiler fused a multiplication and an addition: (1+e)^2 - (1+2e) is 0 in plain
 * double arithmetic for e = 2^-30, and 2^-60 when fused. */
static void check_arithmetic(void)
{
    volatile double factor = 1.0 + 0x1p-30, rest = -(1.0 + 0x1p-29);
    double sum = factor * factor + rest;
    if (sum != 0.0)
        fail("built with fused multiply-add; compile with -ffp-contract=off");
}

/* A seed that was not given is drawn and told, so that the run can be repeated. */
static void draw_seed(Options *o)
{
    FILE *file;
    unsigned drawn = 0;
    if (o->misset_mode != MISSET_RANDOM || o->misset_seed_given || o->seed_given)
        return;
    file = fopen("/dev/urandom", "rb");
    if (file == NULL || fread(&drawn, sizeof drawn, 1, file) != 1)
        drawn = (unsigned)time(NULL);
    if (file != NULL)
        fclose(file);
    o->misset_seed = (int)(drawn % INT_MAX) + 1;
    o->misset_seed_given = 1;
    warn("-misset random without a seed: %d was drawn (-misset_seed repeats it)", o->misset_seed);
}

/* Options of the command line, on top of those of the image headers: mask first, then image. */
static Options read_options(int count, char **tokens)
{
    Options options = options_default();
    find_header_files(count, tokens, &options);
    if (options.show_help || options.show_version)
        return options;
    if (options.mask_file != NULL)
        apply_header(options.mask_file, HEADER_OF_MASK, &options);
    if (options.img_file != NULL)
        apply_header(options.img_file, HEADER_OF_IMAGE, &options);
    parse_options(count, tokens, &options);
    draw_seed(&options);
    if (options.write_noise)
        warn("-noisefile has no effect: this program writes no noise image");
    if (options.printout)
        warn("-printout has no effect: this program has -trace_pixel");
    return options;
}

/* ---- outputs ----------------------------------------------------------------------------------- */

static void write_dump_file(Outputs *outputs, const Options *o, const StructureFactors *F)
{
    const char *path = o->dump_file != NULL ? o->dump_file : DUMP_BY_DEFAULT;
    FILE *file = output_try(outputs, path);
    printf("writing dump file for next time: %s\n", path);
    if (file == NULL)
        warn("%s: unable to open the dump file; going on without it", path);
    else
        output_close(outputs, file, write_dump(file, F));
}

static void write_images(Outputs *outputs, const Options *o, const Scene *scene, const float *image)
{
    const Detector *d = &scene->detector;
    size_t pixels = (size_t)d->fast_pixels * (size_t)d->slow_pixels;
    Statistics statistics = image_statistics(scene, image);
    double scale = o->int_scale > 0.0 ? o->int_scale
                 : statistics.max > 0.0 ? INT_FULL_SCALE / statistics.max : 1.0;
    double pgm_scale = o->pgm_scale > 0.0 ? o->pgm_scale
                     : statistics.rmsd > 0.0 ? PGM_FULL_SCALE / (PGM_DEVIATIONS * statistics.rmsd) : scale;
    FILE *file = output_open(outputs, o->float_file);
    printf("writing %s as %lu %d-byte floats\n", o->float_file, (unsigned long)pixels, (int)sizeof *image);
    output_close(outputs, file, write_floats(file, image, pixels));
    echo_statistics(&statistics);
    printf("intfile_scale = %g\nwriting %s as 2-byte integers\n", scale, o->int_file);
    file = output_open(outputs, o->int_file);
    output_close(outputs, file, write_smv(file, scene, image, scale, o->adc_offset));
    if (o->write_pgm) {
        printf("pgm_scale = %g\nwriting %s as 1-byte integers\n", pgm_scale, o->pgm_file);
        file = output_open(outputs, o->pgm_file);
        output_close(outputs, file, write_pgm(file, scene, image, pgm_scale));
    }
}

/* Compute the traced pixel once more, recording, and say what went into it. */
static void write_trace(Outputs *outputs, const Options *o, const Scene *scene, const Basis *cells)
{
    Trace trace = {{0}, 0, 0, NULL};
    double omega = 0.0;
    int slow = o->trace_pixel[0], fast = o->trace_pixel[1];
    if (!is_rendered(scene, slow, fast))
        warn("-trace_pixel: pixel %d %d is not rendered; its intensity in the image is 0", slow, fast);
    pixel_intensity(scene, cells, slow, fast, 0, &omega, &trace);
    trace_print(&trace);
    if (o->trace_json != NULL) {
        FILE *file = output_open(outputs, o->trace_json);
        output_close(outputs, file, trace_write_json(file, &trace));
    }
    trace_free(&trace);
}

/* Nothing is written of an image that no reader could use. */
static void refuse_infinite(const Scene *scene, const float *image)
{
    size_t pixels = (size_t)scene->detector.fast_pixels * (size_t)scene->detector.slow_pixels, bad = 0, i;
    for (i = 0; i < pixels; i++)
        bad += !isfinite(image[i]);
    if (bad > 0)
        fail("%lu of %lu pixels are not finite float32 numbers (fluence, F or crystal size too large?); "
             "nothing was written", (unsigned long)bad, (unsigned long)pixels);
}

/* ---- the description --------------------------------------------------------------------------- */

static void print_description(const Options *o)
{
    static const Scene blank;
    Scene scene = blank;
    scene_build(o, &scene);
    describe(o, &scene);
    report_warnings();
    scene_free(&scene);
}

/* ---- the run ----------------------------------------------------------------------------------- */

static void run(const Options *o)
{
    static const Scene blank;
    Scene scene = blank;
    Outputs outputs = {0, {{NULL, NULL, NULL, 0, 0, 0}}};
    Basis *cells;
    float *image;
    double omega;
    scene_build(o, &scene);
    cells = turned_cells(&scene);
    image = allocate(checked_product((size_t)scene.detector.fast_pixels, (size_t)scene.detector.slow_pixels,
                                     IMAGE_MEMORY), sizeof *image, IMAGE_MEMORY);
    echo_setup(o, &scene);
    omega = simulate(&scene, cells, !o->no_progress, image);
    printf("solid angle subtended by detector = %g steradian ( %g%% sphere)\n", omega,
           100.0 * omega / SPHERE_SR);
    refuse_infinite(&scene, image);
    if (o->hkl_file != NULL)
        write_dump_file(&outputs, o, &scene.crystal.F);
    write_images(&outputs, o, &scene, image);
    if (o->tracing)
        write_trace(&outputs, o, &scene, cells);
    outputs_publish(&outputs);
    report_warnings();
    free(image);
    free(cells);
    scene_free(&scene);
}

int main(int argc, char **argv)
{
    Options options;
    check_arithmetic();
    options = read_options(argc - 1, argv + 1);
    if (options.show_version)
        echo_version();
    else if (options.show_help)
        print_help();
    else if (options.describe)
        print_description(&options);
    else
        run(&options);
    free(options.describe_pixel.pixel);
    return EXIT_SUCCESS;
}
