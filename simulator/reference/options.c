/* What an option that was not given looks like. */
#include "options.h"

#include <math.h>

#include "units.h"

#define DEFAULT_PIXEL_M 0.1e-3
#define DEFAULT_DETECTOR_M 102.4e-3
#define DEFAULT_DISTANCE_M 100.0e-3
#define DEFAULT_BEAM_SIZE_M 0.1e-3
#define DEFAULT_MOSAIC_SEED 12345678
#define DEFAULT_ADC_OFFSET 40.0

static void put(double *target, double x, double y, double z)
{
    target[0] = x;
    target[1] = y;
    target[2] = z;
}

/* The vectors of the CUSTOM convention, for those that are not given. */
static void default_vectors(Options *o)
{
    put(o->beam, 1.0, 0.0, 0.0);
    put(o->fast, 0.0, 0.0, 1.0);
    put(o->slow, 0.0, -1.0, 0.0);
    put(o->normal, 1.0, 0.0, 0.0);
    put(o->polar, 0.0, 0.0, 1.0);
    put(o->spindle, 0.0, 0.0, 1.0);
    put(o->twotheta_axis, 0.0, 1.0, 0.0);
}

static void default_files(Options *o)
{
    o->float_file = "floatimage.bin";
    o->int_file = "intimage.img";
    o->pgm_file = "image.pgm";
    o->write_pgm = 1;
    o->adc_offset = DEFAULT_ADC_OFFSET;
}

Options options_default(void)
{
    static const Options nothing;
    Options o = nothing;
    int i;
    o.cells[0] = o.cells[1] = o.cells[2] = 1;
    o.fudge = 1.0;
    o.mosaic_spread = UNSET;
    o.mosaic_domains = UNSET;
    o.mosaic_seed = DEFAULT_MOSAIC_SEED;
    o.convention = MOSFLM;
    o.pivot = PIVOT_BEAM;
    for (i = 0; i < 2; i++) {
        o.beam_centre_m[i] = o.close_centre_m[i] = o.origin_pixels[i] = NAN;
        o.detector_size_m[i] = DEFAULT_DETECTOR_M;
        o.divergence_range[i] = o.divergence_step[i] = UNSET;
        o.divergence_steps[i] = UNSET;
    }
    o.distance_m = DEFAULT_DISTANCE_M;
    o.close_distance_m = NAN;
    o.attenuation_length_m = NAN;
    o.layers = UNSET;
    o.pixel_size_m = DEFAULT_PIXEL_M;
    o.wavelength_m = METRES_PER_ANGSTROM;
    o.fluence_per_m2 = DEFAULT_FLUENCE_PER_M2;
    o.exposure_s = 1.0;
    o.beam_size_m = DEFAULT_BEAM_SIZE_M;
    o.dispersion_steps = UNSET;
    o.oscillation = o.phi_step = UNSET;
    o.phi_steps = UNSET;
    o.oversample = UNSET;
    for (i = 0; i < 4; i++)
        o.roi[i] = UNSET;
    default_vectors(&o);
    default_files(&o);
    return o;
}
