/* The detector: conventions, beam centres, where each pixel is, its solid angle and what it absorbs.
 *
 * Leaves out the reading of image headers (io_smv.c), which only change the options. */
#include "detector.h"

#include <float.h>
#include <limits.h>
#include <math.h>

#include "errors.h"
#include "units.h"

/* ---- conventions ------------------------------------------------------------------------------- */

typedef struct {
    Convention convention;
    Vector beam, fast, slow, normal, twotheta_axis, polarization, spindle;
} ConventionRow;

static const ConventionRow CONVENTIONS[] = {
    {MOSFLM, {1, 0, 0}, {0, 0, 1}, {0, -1, 0}, {1, 0, 0}, {0, 0, -1}, {0, 0, 1}, {0, 0, 1}},
    {DENZO, {1, 0, 0}, {0, 0, 1}, {0, -1, 0}, {1, 0, 0}, {0, 0, -1}, {0, 0, 1}, {0, 0, 1}},
    {ADXV, {0, 0, 1}, {1, 0, 0}, {0, -1, 0}, {0, 0, 1}, {-1, 0, 0}, {1, 0, 0}, {1, 0, 0}},
    {XDS, {0, 0, 1}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}},
    {DIALS, {0, 0, 1}, {1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 1, 0}, {0, 1, 0}, {0, 1, 0}},
};

static Vector from_array(const double *v)
{
    return vector(v[0], v[1], v[2]);
}

static Vector unit_axis(Vector v, const char *option)
{
    if (length(v) == 0.0)
        fail("%s: the vector has no length", option);
    return unit(v);
}

/* The vectors of a named convention, or those given on the command line for CUSTOM. */
static Frame raw_frame(const Options *o)
{
    Frame frame;
    size_t i;
    for (i = 0; i < sizeof CONVENTIONS / sizeof CONVENTIONS[0]; i++) {
        const ConventionRow *row = &CONVENTIONS[i];
        if ((int)row->convention == o->convention) {
            Frame named = {row->beam, row->fast, row->slow, row->normal, row->twotheta_axis,
                           row->polarization, row->spindle, 0};
            return named;
        }
    }
    frame.beam = from_array(o->beam);
    frame.fast = from_array(o->fast);
    frame.slow = from_array(o->slow);
    frame.normal = from_array(o->normal);
    frame.twotheta_axis = from_array(o->twotheta_axis);
    frame.polarization = from_array(o->polar);
    frame.spindle = from_array(o->spindle);
    frame.normal_generated = 0;
    return frame;
}

/* Unit vectors of the convention in force. A normal that is not exactly of length 1 is replaced by
 * unit(fast x slow). */
Frame convention_frame(const Options *options)
{
    Frame frame = raw_frame(options);
    frame.beam = unit_axis(frame.beam, "-beam_vector");
    frame.fast = unit_axis(frame.fast, "-fdet_vector");
    frame.slow = unit_axis(frame.slow, "-sdet_vector");
    if (length(frame.normal) != 1.0) {
        frame.normal_generated = 1;
        frame.normal = cross(frame.fast, frame.slow);
        if (length(frame.normal) == 0.0)
            fail("-fdet_vector and -sdet_vector: the axes are parallel");
    }
    frame.normal = unit_axis(frame.normal, "-odet_vector");
    frame.polarization = unit_axis(frame.polarization, "-polar_vector");
    frame.spindle = unit_axis(frame.spindle, "-spindle_axis");
    frame.twotheta_axis = unit_axis(frame.twotheta_axis, "-twotheta_axis");
    return frame;
}

/* ---- size and beam centres --------------------------------------------------------------------- */

static int pixel_count(double size_m, double pixel_m, const char *axis)
{
    double count = ceil(size_m / pixel_m - 0.5);
    if (!(count >= 1.0 && count < INT_MAX))
        fail("detector size along %s: %g pixels", axis, count + 0.0);   /* no -0 */
    return (int)count;
}

static void set_size(const Options *o, Detector *d)
{
    if (!(o->pixel_size_m > 0.0))
        fail("-pixel: the pixel size must be positive, not %g mm", o->pixel_size_m * MM_PER_METRE);
    if (o->pixels[0] < 0 || o->pixels[1] < 0)
        fail("-detpixels: the number of pixels cannot be negative (%d x %d)", o->pixels[0], o->pixels[1]);
    d->pixel_size_m = o->pixel_size_m;
    d->fast_size_m = o->pixels[0] ? o->pixel_size_m * o->pixels[0] : o->detector_size_m[0];
    d->slow_size_m = o->pixels[1] ? o->pixel_size_m * o->pixels[1] : o->detector_size_m[1];
    d->fast_pixels = pixel_count(d->fast_size_m, d->pixel_size_m, "fast");
    d->slow_pixels = pixel_count(d->slow_size_m, d->pixel_size_m, "slow");
}

static double given_or(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

/* Beam centre and closest point in detector coordinates, by convention; the named conventions fix the
 * pivot as well. */
static void set_centres(const Options *o, Detector *d)
{
    double px = d->pixel_size_m, x, y;
    d->fast_close_m = given_or((o->origin_pixels[0] - 0.5) * px, d->fast_size_m / 2.0);
    d->slow_close_m = given_or((o->origin_pixels[1] - 0.5) * px, d->slow_size_m / 2.0);
    d->x_close_m = given_or(o->close_centre_m[0], d->fast_close_m);
    d->y_close_m = given_or(o->close_centre_m[1], d->slow_close_m);
    d->pivot = PIVOT_BEAM;
    switch (d->convention) {
    case MOSFLM:
    case DENZO:
        x = given_or(o->beam_centre_m[0], (d->slow_size_m + px) / 2.0);
        y = given_or(o->beam_centre_m[1], (d->fast_size_m + px) / 2.0);
        d->fast_beam_m = d->convention == MOSFLM ? y + 0.5 * px : y;
        d->slow_beam_m = d->convention == MOSFLM ? x + 0.5 * px : x;
        break;
    case ADXV:
        x = given_or(o->beam_centre_m[0], (d->fast_size_m + px) / 2.0);
        y = given_or(o->beam_centre_m[1], (d->slow_size_m - px) / 2.0);
        d->fast_beam_m = x;
        d->slow_beam_m = d->slow_size_m - y;
        break;
    default:
        x = given_or(o->beam_centre_m[0], d->x_close_m);
        y = given_or(o->beam_centre_m[1], d->y_close_m);
        d->fast_beam_m = x;
        d->slow_beam_m = y;
        d->pivot = PIVOT_SAMPLE;
        if (d->convention == CUSTOM) {
            d->fast_close_m = x;
            d->slow_close_m = y;
            d->pivot = (Pivot)o->pivot;
        }
    }
    d->x_beam_m = x;
    d->y_beam_m = y;
}

/* Say what was given but plays no part under the convention in force. */
static void warn_unused(const Options *o, const Detector *d)
{
    int named_beam = d->convention == MOSFLM || d->convention == DENZO || d->convention == ADXV;
    int beam_given = !isnan(o->beam_centre_m[0]) || !isnan(o->beam_centre_m[1]);
    int close_given = !isnan(o->close_centre_m[0]) || !isnan(o->close_centre_m[1]);
    int origin_given = !isnan(o->origin_pixels[0]) || !isnan(o->origin_pixels[1]);
    if (o->pivot_given && d->convention != CUSTOM && o->pivot != (int)d->pivot)
        warn("-pivot has no effect: the convention pivots about the %s",
             d->pivot == PIVOT_BEAM ? "beam" : "sample");
    if (beam_given && (d->convention == XDS || d->convention == DIALS))
        warn("-Xbeam and -Ybeam do not move the image in this convention; -ORGX and -ORGY do");
    if (close_given && d->convention != CUSTOM)
        warn("-Xclose and -Yclose do not move the image in this convention");
    if (origin_given && named_beam)
        warn("-ORGX and -ORGY do not move the image in this convention; -Xbeam and -Ybeam do");
}

/* ---- orientation and origin -------------------------------------------------------------------- */

/* Never exactly 0, because it divides. */
static double not_zero(double ratio)
{
    return ratio == 0.0 ? DBL_MIN : ratio;
}

static Vector turned(const Detector *d, Vector v)
{
    return rotate_about(rotate_xyz(v, d->rotation), d->twotheta_axis, d->twotheta);
}

/* P0 = -Fclose f - Sclose s + close_distance o before turning (pivot sample), or
 * P0 = -Fbeam f - Sbeam s + distance b with the turned axes (pivot beam); then the distances and centres
 * that this P0 means, with ratio = b.o. */
static void set_origin(Vector beam, Detector *d)
{
    double ratio = not_zero(dot(beam, rotate_xyz(d->normal, d->rotation)));
    Vector across;
    if (isnan(d->close_distance_m))
        d->close_distance_m = fabs(ratio * d->distance_m);
    d->distance_m = d->close_distance_m / ratio;
    if (d->pivot == PIVOT_SAMPLE)
        d->pix0_m = turned(d, vector(
            -d->fast_close_m * d->fast.x - d->slow_close_m * d->slow.x + d->close_distance_m * d->normal.x,
            -d->fast_close_m * d->fast.y - d->slow_close_m * d->slow.y + d->close_distance_m * d->normal.y,
            -d->fast_close_m * d->fast.z - d->slow_close_m * d->slow.z + d->close_distance_m * d->normal.z));
    d->fast = turned(d, d->fast);
    d->slow = turned(d, d->slow);
    d->normal = turned(d, d->normal);
    if (d->pivot == PIVOT_BEAM)
        d->pix0_m = vector(
            -d->fast_beam_m * d->fast.x - d->slow_beam_m * d->slow.x + d->distance_m * beam.x,
            -d->fast_beam_m * d->fast.y - d->slow_beam_m * d->slow.y + d->distance_m * beam.y,
            -d->fast_beam_m * d->fast.z - d->slow_beam_m * d->slow.z + d->distance_m * beam.z);
    d->fast_close_m = -dot(d->pix0_m, d->fast);
    d->slow_close_m = -dot(d->pix0_m, d->slow);
    d->close_distance_m = dot(d->pix0_m, d->normal);
    d->distance_m = d->close_distance_m / not_zero(dot(beam, d->normal));
    across = subtract(scaled(beam, d->distance_m), d->pix0_m);
    d->fast_beam_m = dot(d->fast, across);
    d->slow_beam_m = dot(d->slow, across);
}

static void set_curvature(Vector beam, Detector *d)
{
    d->curved_fast_axis = cross(beam, d->fast);
    d->curved_slow_axis = cross(beam, d->slow);
    if (d->curved && (length(d->curved_fast_axis) == 0.0 || length(d->curved_slow_axis) == 0.0))
        fail("-curved_det: a detector axis is parallel to the beam");
    d->curved_fast_axis = unit(d->curved_fast_axis);
    d->curved_slow_axis = unit(d->curved_slow_axis);
}

/* ---- sensor ------------------------------------------------------------------------------------ */

/* Layers of thickness T/n. Without thickness, or without absorption, one layer that takes every photon. */
static void set_sensor(const Options *o, Detector *d)
{
    double depth = o->attenuation_length_m;
    if (o->thickness_m < 0.0)
        fail("-detector_thick: the thickness cannot be negative (%g um)", o->thickness_m * UM_PER_METRE);
    d->attenuation_per_m = isnan(depth) ? UNSET : depth == 0.0 ? 0.0 : 1.0 / depth;
    d->thickness_m = depth == 0.0 ? 0.0 : o->thickness_m;
    d->layers = 1;
    d->layer_thickness_m = 0.0;
    if (d->thickness_m == 0.0)
        return;
    d->layers = o->layers > 0 ? o->layers : 2;
    d->layer_thickness_m = d->thickness_m / d->layers;
    if (d->attenuation_per_m < 0.0) {
        d->attenuation_per_m = 1.0 / d->thickness_m;
        warn("the attenuation depth of the detector is not given: using its thickness, %g um",
             d->thickness_m * UM_PER_METRE);
    }
}

/* ---- building ---------------------------------------------------------------------------------- */

void detector_build(const Options *o, const Frame *frame, Detector *d)
{
    d->convention = (Convention)o->convention;
    d->fast = frame->fast;
    d->slow = frame->slow;
    d->normal = frame->normal;
    d->twotheta_axis = frame->twotheta_axis;
    d->rotation = from_array(o->rotation);
    d->twotheta = o->twotheta;
    d->curved = o->curved;
    d->point_pixel = o->point_pixel;
    d->distance_m = o->distance_m;
    d->close_distance_m = o->close_distance_m;
    set_size(o, d);
    set_centres(o, d);
    warn_unused(o, d);
    set_origin(frame->beam, d);
    if (!isfinite(d->distance_m) || d->distance_m == 0.0 || d->close_distance_m == 0.0)
        fail("-distance: the detector goes through the sample (distance %g mm)", d->distance_m * MM_PER_METRE);
    if (frame->normal_generated)
        warn("-odet_vector is not exactly of length 1: replaced by fast x slow");
    if (o->pix0_given && length(subtract(from_array(o->pix0), d->pix0_m)) > 1e-6 * length(d->pix0_m))
        warn("-pix0_vector has no effect: distance and beam centre put pixel 0,0 at %g %g %g m",
             d->pix0_m.x, d->pix0_m.y, d->pix0_m.z);
    set_curvature(frame->beam, d);
    set_sensor(o, d);
}

/* The origin as DIALS has it, mm. */
Vector dials_origin_mm(const Detector *d)
{
    return vector(1000.0 * dot(d->pix0_m, vector(0.0, 0.0, 1.0)), 1000.0 * dot(d->pix0_m, vector(0.0, 1.0, 0.0)),
                  1000.0 * dot(d->pix0_m, vector(-1.0, 0.0, 0.0)));
}

/* ---- per pixel --------------------------------------------------------------------------------- */

/* Sample to a point of the sensor (m): F f + S s + O o + P0 with O = layer * dt. On a curved detector, the
 * beam turned by (F - Fbeam)/distance and (S - Sbeam)/distance, at |distance| + O. */
Vector pixel_position(const Detector *d, Vector beam, double fast_m, double slow_m, int layer)
{
    double depth_m = layer * d->layer_thickness_m;
    Vector q;
    if (d->curved) {
        double radius_m = fabs(d->distance_m) + depth_m;
        q = scaled(beam, d->distance_m < 0.0 ? -radius_m : radius_m);
        q = rotate_about(q, d->curved_fast_axis, (fast_m - d->fast_beam_m) / d->distance_m);
        return rotate_about(q, d->curved_slow_axis, (slow_m - d->slow_beam_m) / d->distance_m);
    }
    q.x = fast_m * d->fast.x + slow_m * d->slow.x + depth_m * d->normal.x + d->pix0_m.x;
    q.y = fast_m * d->fast.y + slow_m * d->slow.y + depth_m * d->normal.y + d->pix0_m.y;
    q.z = fast_m * d->fast.z + slow_m * d->slow.z + depth_m * d->normal.z + d->pix0_m.z;
    return q;
}

/* Solid angle of a pixel (sr): px^2/R^2 * close_distance/R; px^2/R^2 where it faces the sample; 1/R^2 for a
 * point pixel. */
double solid_angle(const Detector *d, double airpath_m)
{
    if (d->point_pixel)
        return 1.0 / airpath_m / airpath_m;
    if (d->curved)
        return d->pixel_size_m * d->pixel_size_m / airpath_m / airpath_m;
    return d->pixel_size_m * d->pixel_size_m / airpath_m / airpath_m * d->close_distance_m / airpath_m;
}

/* Fraction of the photons that a layer absorbs: exp(-t dt mu/(d.o)) - exp(-(t+1) dt mu/(d.o)). */
double capture_fraction(const Detector *d, Vector diffracted, int layer)
{
    double parallax = d->curved ? 1.0 : dot(diffracted, d->normal);
    double dt = d->layer_thickness_m, mu = d->attenuation_per_m;
    if (d->thickness_m == 0.0)
        return 1.0;
    return exp(-layer * dt * mu / parallax) - exp(-(layer + 1) * dt * mu / parallax);
}
