/* What is simulated, by component, in SI units and radians.
 *
 * Built once from the options (options.h) by config.c and the *_build function of each component's file, then
 * only read. Options hold what was asked for; these hold what will be used. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>

#include "vectors.h"

/* ---- choices ----------------------------------------------------------------------------------- */

typedef enum { CONVENTION_UNSET, MOSFLM, ADXV, DENZO, XDS, DIALS, CUSTOM } Convention;
typedef enum { PIVOT_UNSET, PIVOT_BEAM, PIVOT_SAMPLE } Pivot;
typedef enum { SHAPE_SQUARE, SHAPE_ROUND, SHAPE_GAUSS, SHAPE_TOPHAT } Shape;

/* ---- beam -------------------------------------------------------------------------------------- */

/* An evenly stepped scan: count points, `step` apart, over `range` (radians, or a fraction of lambda). */
typedef struct {
    int count;
    double range, step;
} Steps;

/* A point source of one wavelength. The weight is relative: 1 is an equal share of the fluence. */
typedef struct {
    Vector position;          /* as listed, before it is made a unit vector */
    double hdiv, vdiv;        /* deviation from the beam, of a generated source */
    Vector incident;          /* unit direction of travel of its photons */
    Vector incident_again;    /* unit(incident): of another last bit, as the polarization sees it */
    double wavelength_m;
    double weight;
    double printed_weight;
} Source;

typedef struct {
    Vector direction;         /* unit, of travel */
    Vector polarization_axis; /* unit */
    Vector settled_axis;      /* the same, made unit until no bit changes, as the polarization sees it */
    Vector vertical;          /* unit(direction x polarization axis) */
    double wavelength_m;      /* central */
    double fluence_per_m2;
    double polarization;      /* Kahn factor */
    int no_polarization;
    Steps horizontal, vertical_divergence, dispersion;
    int divergence_steps;     /* directions kept by the rounding; -1 with a source file */
    int source_count;
    Source *sources;
} Beam;

/* ---- crystal ----------------------------------------------------------------------------------- */

/* Structure factors on a grid of Miller indices, h slowest and l fastest, one entry of padding per axis. */
typedef struct {
    long records;             /* entries known; 0 means that every reflection has the default */
    int h_min, h_max, k_min, k_max, l_min, l_max;
    size_t k_stride, h_stride;
    double default_F;
    double *grid;
    int interpolate;
} StructureFactors;

typedef struct {
    Basis real_m;             /* a, b, c at phi 0 */
    Basis reciprocal_per_A;   /* a*, b*, c* at phi 0 */
    double cell_A[6], reciprocal_cell[6]; /* lengths and angles (radians), as printed */
    double volume_A3;
    int misset_drawn;
    Vector misset;            /* rotation about lab x, y, z */
    int cells[3];
    double size_m[3];
    Shape shape;
    double fudge;
    double water_size_m;
    double mosaic_spread;
    int mosaic_domains;
    Matrix *domains;          /* one rotation per mosaic domain */
    StructureFactors F;
} Crystal;

/* ---- detector ---------------------------------------------------------------------------------- */

typedef struct {
    Convention convention;
    Pivot pivot;
    int fast_pixels, slow_pixels;
    double pixel_size_m, fast_size_m, slow_size_m;
    double distance_m, close_distance_m;
    double x_beam_m, y_beam_m, x_close_m, y_close_m;    /* as given or by default */
    double fast_beam_m, slow_beam_m, fast_close_m, slow_close_m; /* as the geometry came out */
    Vector fast, slow, normal;
    Vector pix0_m;            /* sample to the outer corner of pixel 0,0 */
    Vector twotheta_axis;
    Vector rotation;          /* about lab x, y, z */
    double twotheta;
    int curved, point_pixel;
    Vector curved_fast_axis, curved_slow_axis; /* rotation axes of the curved detector */
    double attenuation_per_m; /* negative: none */
    double layer_thickness_m;
    double thickness_m;
    int layers;
} Detector;

/* ---- spindle and sampling ---------------------------------------------------------------------- */

typedef struct {
    Vector axis;
    double phi_start, phi_step, oscillation;
    int phi_steps;
} Spindle;

typedef struct {
    int oversample;
    int oversample_thick, oversample_polar, oversample_omega;
    double d_min_m;           /* 0: no limit */
    int roi[4];               /* fast min, fast max, slow min, slow max; inclusive, clipped to the image */
    int roi_printed[4];
    unsigned char *mask;      /* per pixel, 0 is not rendered; NULL without a mask */
} Sampling;

typedef struct {
    Beam beam;
    Crystal crystal;
    Detector detector;
    Spindle spindle;
    Sampling sampling;
} Scene;

#endif
