/* What the command line and the image headers ask for, in SI units and radians.
 *
 * Filled by argv.c (tokens) and io_smv.c (headers); turned into components by the *_build functions. What
 * was not given holds the value options_default gives it. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "config.h"

#define UNSET (-1)

typedef enum { MISSET_NONE, MISSET_ANGLES, MISSET_RANDOM } MissetMode;
typedef enum { INTERPOLATE_AUTO, INTERPOLATE_ON, INTERPOLATE_OFF } Interpolation;

/* Pixels asked for one by one: fast and slow of each. */
typedef struct {
    int count;
    int (*pixel)[2];
} PixelList;

typedef struct {
    int unused;                       /* keeps offset 0 free: it means "nothing" in the table of flags */

    /* crystal */
    int cells[3];
    double cell[6];                   /* A and radians; <= 0: not given */
    const char *matrix_file;
    int misset_mode;
    double misset[3];
    int misset_seed, misset_seed_given;
    double sample_size_m[3];
    int shape;
    double fudge;
    double mosaic_spread;             /* < 0: not given */
    int mosaic_domains;
    int mosaic_seed;
    double water_size_m;

    /* structure factors */
    const char *hkl_file, *dump_file, *stol_file;
    const char *allow;                /* what text files may hold besides numbers; NULL: nothing */
    double default_F;
    int interpolation;

    /* detector */
    int convention, pivot;            /* as the last token that touches them left them */
    int pivot_given;                  /* by -pivot itself */
    double beam_centre_m[2], close_centre_m[2], origin_pixels[2]; /* x, y; NaN: not given */
    double fast[3], slow[3], normal[3], beam[3], polar[3], spindle[3], twotheta_axis[3];
    double pix0[3];
    int pix0_given, normal_given;
    double distance_m;
    double close_distance_m;          /* NaN: not given */
    double attenuation_length_m;      /* NaN: not given; 0: no absorption */
    double thickness_m;
    int layers;
    double twotheta, rotation[3];
    double detector_size_m[2];        /* fast, slow */
    int pixels[2];                    /* fast, slow; 0: from the size */
    double pixel_size_m;
    int curved, point_pixel;
    const char *img_file, *mask_file;

    /* beam */
    double wavelength_m;
    double fluence_per_m2, flux_per_s, exposure_s, beam_size_m;
    double polarization;
    int no_polarization;
    double divergence_range[2], divergence_step[2];               /* horizontal, vertical */
    int divergence_steps[2];
    double dispersion;
    int dispersion_steps;
    int square_divergence;
    const char *source_file;

    /* spindle */
    double phi, oscillation, phi_step; /* oscillation, step < 0: not given */
    int phi_steps;

    /* sampling */
    int oversample, oversample_thick, oversample_polar, oversample_omega;
    double d_min_m;
    int roi[4];                       /* < 0: to the edge */

    /* outputs */
    const char *float_file, *int_file, *pgm_file, *noise_file;
    int write_pgm, write_noise;
    double int_scale, pgm_scale, adc_offset;
    int no_progress, printout, printout_pixel[2];
    int seed, seed_given;
    int tracing, trace_pixel[2];      /* slow, fast */
    const char *trace_json;
    int describe, describe_phistep;
    PixelList describe_pixel;
    int force;                        /* beyond the limits of size_limits.h */
    int show_help, show_version;

    /* accepted because scripts give them; they have no effect on any image */
    double idle_real;
    const char *idle_text;
} Options;

Options options_default(void);

#endif
