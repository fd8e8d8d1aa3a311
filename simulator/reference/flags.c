/* The table of flags: names, values, units, defaults, help. One row is one option; to add an option, add a
 * field to Options and a row here. */
#include "flags.h"

#include <stdio.h>
#include <string.h>

#include "units.h"

#define AT(field) offsetof(Options, field)
#define HELP_COLUMN 44

/* ---- the table --------------------------------------------------------------------------------- */

/* Rows by what they take; the trailing arguments are further designated fields. */
#define SWITCH(words, field, value, text, ...) \
    {.names = words, .takes = TAKES_NOTHING, .also = AT(field), .also_value = value, .by_default = "", \
     .help = text, __VA_ARGS__}
#define REAL(words, field, u, d, text, ...) \
    {.names = words, .takes = TAKES_REALS, .values = 1, .unit = u, .at = AT(field), .by_default = d, \
     .help = text, __VA_ARGS__}
#define INTEGER(words, field, d, text, ...) \
    {.names = words, .takes = TAKES_INTEGERS, .values = 1, .at = AT(field), .by_default = d, .help = text, \
     __VA_ARGS__}
#define NAME(words, field, d, text, ...) \
    {.names = words, .takes = TAKES_TEXT, .values = 1, .at = AT(field), .by_default = d, .help = text, \
     __VA_ARGS__}
#define AXIS(words, field, text) \
    {.names = words, .takes = TAKES_REALS, .values = 3, .at = AT(field), .convention = CUSTOM, \
     .by_default = "convention", .help = text}

const Flag FLAGS[] = {
    /* headers */
    NAME("-img -imgfile", img_file, "none", "SMV image whose header gives the geometry", .copies = 0),
    NAME("-mask -maskfile", mask_file, "none", "SMV image: header, and 0 where not to render", .copies = 0),

    /* crystal */
    INTEGER("-Na", cells[0], "1", "cells along a", .copies = 0),
    INTEGER("-Nb", cells[1], "1", "cells along b", .copies = 0),
    INTEGER("-Nc", cells[2], "1", "cells along c", .copies = 0),
    INTEGER("-N", cells[0], "1", "cells along a, b and c", .copies = 3),
    {.names = "-cell", .takes = TAKES_CELL, .values = 6, .at = AT(cell), .by_default = "none",
     .help = "a b c (A) alpha beta gamma (deg); one to six values"},
    NAME("-mat -matrix", matrix_file, "none", "orientation matrix: wavelength times a*, b*, c* in columns",
         .copies = 0),
    {.names = "-misset", .takes = TAKES_MISSET, .values = 3, .unit = DEGREES, .at = AT(misset),
     .by_default = "none", .help = "rotation about lab x, y, z, or the word random"},
    INTEGER("-misset_seed", misset_seed, "-seed", "seed of -misset random", .also = AT(misset_seed_given),
            .also_value = 1),
    REAL("-samplesize -sample_size -xtalsize -xtal_size", sample_size_m[0], MILLIMETRES, "0",
         "sample size x, y and z", .copies = 3),
    REAL("-sample_thick -sample_x -xtal_thick -xtal_x -sample_thickness -xtal_thickness", sample_size_m[0],
         MILLIMETRES, "0", "sample size x, gives Na", .copies = 0),
    REAL("-sample_width -sample_y -xtal_width -xtal_y -width", sample_size_m[1], MILLIMETRES, "0",
         "sample size y, gives Nb", .copies = 0),
    REAL("-sample_height -sample_heigh -sample_z -xtal_height -xtal_heigh -xtal_z -height -heigh",
         sample_size_m[2], MILLIMETRES, "0", "sample size z, gives Nc", .copies = 0),
    REAL("-density -sample_den -sample_density", idle_real, PLAIN, "1", "no effect", .copies = 0),
    REAL("-MW -molec -molecular_weight", idle_real, PLAIN, "18", "no effect", .copies = 0),
    SWITCH("-square_xtal", shape, SHAPE_SQUARE, "parallelepiped crystal (default)", .copies = 0),
    SWITCH("-round_xtal", shape, SHAPE_ROUND, "ellipsoidal crystal", .copies = 0),
    SWITCH("-gauss_xtal", shape, SHAPE_GAUSS, "gaussian crystal", .copies = 0),
    SWITCH("-binary_spots -tophat_spots", shape, SHAPE_TOPHAT, "spots with sharp edges", .copies = 0),
    REAL("-fudge", fudge, PLAIN, "1", "scale of the round, gauss and tophat shapes", .copies = 0),
    REAL("-mosaic -mosaici -mosaicity -mosaic_spr -mosaic_spread", mosaic_spread, DEGREES, "0",
         "mosaic spread", .copies = 0),
    INTEGER("-mosaic_dom -mosaic_domains", mosaic_domains, "auto", "mosaic domains", .copies = 0),
    INTEGER("-mosaic_seed", mosaic_seed, "12345678", "seed of the mosaic domains", .copies = 0),
    REAL("-water", water_size_m, WATER_MICROMETRES, "0", "size of a cube of water in the beam", .copies = 0),

    /* structure factors */
    NAME("-hkl -hklfile", hkl_file, "none", "text of h k l F", .copies = 0),
    REAL("-default_F", default_F, PLAIN, "0", "F of every reflection not listed", .copies = 0),
    NAME("-dump -dumpfile", dump_file, "Fdump.bin", "dump to write (with -hkl) or read (without)",
         .copies = 0),
    REAL("-dmin", d_min_m, ANGSTROMS_OF_D, "0", "highest resolution rendered", .copies = 0),
    NAME("-stol -4stol -Q", stol_file, "none", "read and checked, not used", .copies = 0),
    NAME("-stolout", idle_text, "output.stol", "no effect", .copies = 0),
    SWITCH("-interpolate", interpolation, INTERPOLATE_ON, "tricubic interpolation of F", .copies = 0),
    SWITCH("-nointerpolate", interpolation, INTERPOLATE_OFF, "nearest F", .copies = 0),

    /* detector */
    SWITCH("-mosflm", unused, 0, "convention (default)", .convention = MOSFLM, .pivot = PIVOT_BEAM),
    SWITCH("-adxv", unused, 0, "convention", .convention = ADXV, .pivot = PIVOT_BEAM),
    SWITCH("-denzo", unused, 0, "convention", .convention = DENZO, .pivot = PIVOT_BEAM),
    SWITCH("-xds", unused, 0, "convention", .convention = XDS, .pivot = PIVOT_SAMPLE),
    SWITCH("-dials", unused, 0, "convention", .convention = DIALS, .pivot = PIVOT_BEAM),
    {.names = "-pivot", .takes = TAKES_PIVOT, .values = 1, .at = AT(pivot), .also = AT(pivot_given),
     .also_value = 1, .by_default = "beam", .help = "beam or sample; only with vectors of your own"},
    AXIS("-fdet_vector", fast, "detector fast axis"),
    AXIS("-sdet_vector", slow, "detector slow axis"),
    {.names = "-odet_vector", .takes = TAKES_REALS, .values = 3, .at = AT(normal), .also = AT(normal_given),
     .also_value = 1, .convention = CUSTOM, .by_default = "convention",
     .help = "detector normal; replaced by fast x slow unless exactly of length 1"},
    AXIS("-beam_vector", beam, "direction the photons travel"),
    AXIS("-polar_vector", polar, "polarization axis"),
    AXIS("-spindle_axis", spindle, "rotation axis of phi"),
    AXIS("-twotheta_axis", twotheta_axis, "rotation axis of -twotheta"),
    {.names = "-pix0_vector -pix0_vector_mm", .takes = TAKES_REALS, .values = 3, .at = AT(pix0),
     .also = AT(pix0_given), .also_value = 1, .convention = CUSTOM, .by_default = "none",
     .help = "custom convention; the numbers are not used"},
    REAL("-Xbeam", beam_centre_m[0], MILLIMETRES, "centre", "beam centre", .pivot = PIVOT_BEAM),
    REAL("-Ybeam", beam_centre_m[1], MILLIMETRES, "centre", "beam centre", .pivot = PIVOT_BEAM),
    REAL("-Xclose", close_centre_m[0], MILLIMETRES, "centre", "point closest to the sample",
         .pivot = PIVOT_SAMPLE),
    REAL("-Yclose", close_centre_m[1], MILLIMETRES, "centre", "point closest to the sample",
         .pivot = PIVOT_SAMPLE),
    REAL("-ORGX", origin_pixels[0], PLAIN, "centre", "point closest to the sample, pixels",
         .pivot = PIVOT_SAMPLE),
    REAL("-ORGY", origin_pixels[1], PLAIN, "centre", "point closest to the sample, pixels",
         .pivot = PIVOT_SAMPLE),
    REAL("-distance", distance_m, MILLIMETRES, "100", "along the beam", .pivot = PIVOT_BEAM),
    REAL("-close_distance", close_distance_m, MILLIMETRES, "none", "along the detector normal",
         .pivot = PIVOT_SAMPLE),
    REAL("-twotheta", twotheta, DEGREES, "0", "detector swing", .pivot = PIVOT_SAMPLE),
    REAL("-detector_rotx", rotation[0], DEGREES, "0", "detector rotation about lab x", .copies = 0),
    REAL("-detector_roty", rotation[1], DEGREES, "0", "detector rotation about lab y", .copies = 0),
    REAL("-detector_rotz", rotation[2], DEGREES, "0", "detector rotation about lab z", .copies = 0),
    REAL("-detsize", detector_size_m[0], MILLIMETRES, "102.4", "detector size, both axes", .copies = 2),
    REAL("-detsize_f", detector_size_m[0], MILLIMETRES, "102.4", "detector size, fast axis", .copies = 0),
    REAL("-detsize_s", detector_size_m[1], MILLIMETRES, "102.4", "detector size, slow axis", .copies = 0),
    INTEGER("-detpixels", pixels[0], "by size", "pixels, both axes", .copies = 2),
    INTEGER("-detpixels_f -detpixels_x", pixels[0], "by size", "pixels, fast axis", .copies = 0),
    INTEGER("-detpixels_s -detpixels_y", pixels[1], "by size", "pixels, slow axis", .copies = 0),
    REAL("-pixel -pixelsize -pixel_size", pixel_size_m, MILLIMETRES, "0.1", "pixel size", .copies = 0),
    {.names = "-detector_abs -detector_absorb", .takes = TAKES_ATTENUATION, .values = 1, .unit = MICROMETRES,
     .at = AT(attenuation_length_m), .by_default = "thickness", .help = "attenuation depth of the sensor, or inf"},
    REAL("-detector_thick", thickness_m, MICROMETRES, "0", "sensor thickness", .copies = 0),
    INTEGER("-detector_thicksteps -thicksteps", layers, "auto", "layers of the sensor", .copies = 0),
    {.names = "-curved_det", .takes = TAKES_PERHAPS_ONE, .also = AT(curved), .also_value = 1, .by_default = "",
     .help = "every pixel at the same distance"},
    SWITCH("-point_pixel", point_pixel, 1, "solid angle 1/R^2: no pixel area, no obliquity", .copies = 0),

    /* beam */
    REAL("-lambda -wave -wavelength", wavelength_m, ANGSTROMS, "1", "wavelength", .copies = 0),
    REAL("-energy", wavelength_m, ELECTRONVOLTS, "", "photon energy, gives the wavelength", .copies = 0),
    REAL("-fluence", fluence_per_m2, PLAIN, "1.259e+29", "photons/m^2", .copies = 0),
    REAL("-flux", flux_per_s, PLAIN, "0", "photons/s; with exposure and beam size gives the fluence",
         .copies = 0),
    REAL("-exposure", exposure_s, PLAIN, "1", "s", .copies = 0),
    REAL("-beamsize", beam_size_m, MILLIMETRES, "0.1", "beam size; also clips the sample", .copies = 0),
    REAL("-polar", polarization, PLAIN, "0", "Kahn polarization factor", .also = AT(no_polarization),
         .also_value = 0),
    SWITCH("-nopolar", no_polarization, 1, "polarization factor 1", .copies = 0),
    REAL("-divergence", divergence_range[0], MILLIRADIANS, "0", "divergence, both directions", .copies = 2),
    REAL("-hdivrange", divergence_range[0], MILLIRADIANS, "0", "horizontal divergence", .copies = 0),
    REAL("-vdivrange", divergence_range[1], MILLIRADIANS, "0", "vertical divergence", .copies = 0),
    REAL("-hdivstep", divergence_step[0], MILLIRADIANS, "auto", "horizontal divergence step", .copies = 0),
    REAL("-vdivstep", divergence_step[1], MILLIRADIANS, "auto", "vertical divergence step", .copies = 0),
    INTEGER("-divsteps", divergence_steps[0], "auto", "divergence steps, both directions", .copies = 2),
    INTEGER("-hdivsteps", divergence_steps[0], "auto", "horizontal divergence steps", .copies = 0),
    INTEGER("-vdivsteps", divergence_steps[1], "auto", "vertical divergence steps", .copies = 0),
    SWITCH("-round_div", square_divergence, 0, "leave out the corners of the divergence (default)",
           .copies = 0),
    SWITCH("-square_div", square_divergence, 1, "keep the corners of the divergence", .copies = 0),
    REAL("-dispersion", dispersion, PERCENT, "0", "spread of the wavelength", .copies = 0),
    INTEGER("-dispsteps", dispersion_steps, "auto", "wavelengths", .copies = 0),
    NAME("-sourcefile", source_file, "none", "x y z weight wavelength(m) of each source", .copies = 0),
    SWITCH("-coherent", idle_switch, 1, "no effect", .copies = 0),

    /* spindle */
    REAL("-phi", phi, DEGREES, "0", "start of the rotation", .copies = 0),
    REAL("-osc -oscillation", oscillation, DEGREES, "0", "range of the rotation", .copies = 0),
    REAL("-phistep", phi_step, DEGREES, "auto", "step of the rotation", .copies = 0),
    INTEGER("-phisteps", phi_steps, "auto", "steps of the rotation", .copies = 0),

    /* sampling */
    INTEGER("-oversample", oversample, "auto", "sub-pixels per pixel and axis", .copies = 0),
    SWITCH("-oversample_thick", oversample_thick, 1, "absorption of each sub-pixel", .copies = 0),
    SWITCH("-oversample_polar", oversample_polar, 1, "polarization of each sub-pixel", .copies = 0),
    SWITCH("-oversample_omega", oversample_omega, 1, "solid angle of each sub-pixel", .copies = 0),
    {.names = "-roi", .takes = TAKES_INTEGERS, .values = 4, .at = AT(roi), .by_default = "whole",
     .help = "xmin xmax ymin ymax: pixels to render, inclusive"},

    /* outputs */
    NAME("-floatfile -floatimage", float_file, "floatimage.bin", "float32 image", .copies = 0),
    NAME("-intfile -intimage", int_file, "intimage.img", "SMV image", .copies = 0),
    REAL("-scale", int_scale, PLAIN, "auto", "scale of the SMV image", .copies = 0),
    REAL("-adc", adc_offset, PLAIN, "40", "offset of the SMV image", .copies = 0),
    NAME("-pgmfile -pgmimage", pgm_file, "image.pgm", "PGM image", .also = AT(write_pgm), .also_value = 1),
    REAL("-pgmscale", pgm_scale, PLAIN, "auto", "scale of the PGM image", .also = AT(write_pgm),
         .also_value = 1),
    SWITCH("-nopgm", write_pgm, 0, "write no PGM image", .copies = 0),
    NAME("-noisefile -noiseimage", noise_file, "none", "accepted; this program writes no noise image",
         .also = AT(write_noise), .also_value = 1),
    SWITCH("-nonoise", write_noise, 0, "write no noise image", .copies = 0),
    INTEGER("-seed", seed, "none", "seed of -misset random without -misset_seed", .also = AT(seed_given),
            .also_value = 1),
    SWITCH("-noprogress", no_progress, 1, "no percentages on stdout", .copies = 0),
    SWITCH("-progress", no_progress, 0, "percentages on stdout (default)", .copies = 0),
    SWITCH("-printout", printout, 1, "accepted; see -trace_pixel", .copies = 0),
    {.names = "-printout_pixel", .takes = TAKES_INTEGERS, .values = 2, .at = AT(printout_pixel),
     .also = AT(printout), .also_value = 1, .by_default = "none", .help = "accepted; see -trace_pixel"},
    {.names = "-trace_pixel", .takes = TAKES_INTEGERS, .values = 2, .at = AT(trace_pixel), .also = AT(tracing),
     .also_value = 1, .by_default = "none", .help = "slow fast: print every factor of one pixel"},
    NAME("-trace_json", trace_json, "none", "write the trace as JSON too", .copies = 0),
    SWITCH("-version", show_version, 1, "print the version and leave", .copies = 0),
    SWITCH("-h -help", show_help, 1, "print this and leave", .copies = 0),
};

const int FLAG_COUNT = (int)(sizeof FLAGS / sizeof FLAGS[0]);

/* ---- units ------------------------------------------------------------------------------------- */

const char *unit_name(Unit unit)
{
    switch (unit) {
    case MILLIMETRES: return "mm";
    case MICROMETRES:
    case WATER_MICROMETRES: return "um";
    case DEGREES: return "deg";
    case MILLIRADIANS: return "mrad";
    case PERCENT: return "%";
    case ANGSTROMS:
    case ANGSTROMS_OF_D: return "A";
    case ELECTRONVOLTS: return "eV";
    default: return "";
    }
}

/* The value in SI units. Whether a unit divides or multiplies decides the last bit, so it is part of the
 * interface. */
double to_si(Unit unit, double value)
{
    switch (unit) {
    case MILLIMETRES: return value / MM_PER_METRE;
    case MICROMETRES: return value * METRES_PER_UM;
    case WATER_MICROMETRES: return value / UM_PER_METRE;
    case DEGREES: return value / DEGREES_PER_RADIAN;
    case MILLIRADIANS: return value / MRAD_PER_RADIAN;
    case PERCENT: return value / 100.0;
    case ANGSTROMS: return value / ANGSTROM_PER_METRE;
    case ANGSTROMS_OF_D: return value * METRES_PER_ANGSTROM;
    case ELECTRONVOLTS: return (PHOTON_EV_ANGSTROM / value) / ANGSTROM_PER_METRE;
    default: return value;
    }
}

/* ---- help -------------------------------------------------------------------------------------- */

/* What follows an option's name, as words. */
static const char *value_words(const Flag *flag)
{
    static const char *const numbers[] = {"", " x", " x y", " x y z", " x0 x1 y0 y1"};
    switch (flag->takes) {
    case TAKES_TEXT: return " file";
    case TAKES_CELL: return " a [b c al be ga]";
    case TAKES_MISSET: return " x y z | random";
    case TAKES_ATTENUATION: return " x | inf";
    case TAKES_PIVOT: return " beam | sample";
    case TAKES_INTEGERS: return flag->values == 1 ? " n" : numbers[flag->values];
    case TAKES_REALS: return numbers[flag->values];
    default: return "";
    }
}

void print_help(void)
{
    int i;
    printf("usage: nanobragg_reference [options]\n\n"
           "Simulates the diffraction image of a small crystal. Needs a cell (-mat or -cell) and structure\n"
           "factors (-hkl, -dump or -default_F).\n\n");
    for (i = 0; i < FLAG_COUNT; i++) {
        const Flag *flag = &FLAGS[i];
        const char *unit = unit_name(flag->unit);
        int width = printf("  %s%s", flag->names, value_words(flag));
        if (width > HELP_COLUMN)
            width = printf("\n") - 1;
        printf("%*s  %s", HELP_COLUMN - width, "", flag->help);
        if (*unit != '\0')
            printf(", %s", unit);
        if (*flag->by_default != '\0')
            printf(" [%s]", flag->by_default);
        printf("\n");
    }
}
