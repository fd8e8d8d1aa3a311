/* The beam: fluence, divergence, dispersion, and the list of sources they make.
 *
 * Leaves out the format of source files, which is in io_sourcefile.c. */
#include "source.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

#include "errors.h"
#include "io_sourcefile.h"
#include "polarization.h"
#include "units.h"

#define LARGEST_ROUND_DIVERGENCE 1.1   /* of 4 t, where 1 is the ellipse through the edge points */
#define RANGE_OF_COUNT_ALONE 1.0       /* rad, or a fraction of the wavelength */

/* ---- steps ------------------------------------------------------------------------------------- */

/* ceil(range/step) as a count, or an error when there are too many. */
int step_count(double range, double step, const char *what)
{
    double count = ceil(range / step);
    if (!(count < INT_MAX))
        fail("%s: %g steps are too many", what, count);
    return (int)count;
}

/* Complete a scan of which only some of count (<= 0: unset), range (< 0: unset) and step (<= 0: unset) are
 * given. */
Steps select_steps(int count, double range, double step, const char *what)
{
    Steps steps = {count, range, step};
    int has_count = count > 0, has_range = range >= 0.0, has_step = step > 0.0;
    if (has_step && !has_range) {
        steps.range = step;
        steps.count = 2;
    } else if (has_count && !has_range) {
        steps.range = RANGE_OF_COUNT_ALONE;
        steps.step = steps.range / count;
    } else if (has_range && !has_step) {
        steps.count = count < 2 ? 2 : count;
        steps.step = range / (steps.count - 1);
    } else if (has_range && !has_count) {
        steps.count = step_count(range, step, what);
    }
    if (!(steps.range > 0.0 && steps.step > 0.0 && steps.count > 0)) {
        steps.count = 1;
        steps.range = steps.step = 0.0;
    }
    return steps;
}

/* ---- fluence and beam size --------------------------------------------------------------------- */

/* Photons/m^2: flux*exposure/beamsize^2 where a flux is given, else the fluence as given. */
double fluence(const Options *o)
{
    double photons_per_m2 = o->fluence_per_m2;
    if (o->flux_per_s != 0.0 && o->exposure_s > 0.0 && o->beam_size_m >= 0.0)
        photons_per_m2 = o->flux_per_s * o->exposure_s / o->beam_size_m / o->beam_size_m;
    if (!isfinite(photons_per_m2))
        fail("-beamsize: a flux through a beam of size %g mm has no fluence", o->beam_size_m * MM_PER_METRE);
    return photons_per_m2;
}

/* Reduce the sample along y and z to what the beam illuminates. */
void clip_sample(const Options *o, double *size_m)
{
    int i;
    for (i = 1; i < 3 && o->beam_size_m >= 0.0; i++)
        if (size_m[i] > o->beam_size_m) {
            warn("clipping sample (%g m %s) with beam (%g m)", size_m[i], i == 1 ? "high" : "wide",
                 o->beam_size_m);
            size_m[i] = o->beam_size_m;
        }
}

/* ---- generated sources ------------------------------------------------------------------------- */

/* Whether a direction is left out by rounding the divergence: 4 t > 1.1, where t is the sum over both
 * directions of (div^2 - step^2/4 (1 - count mod 2)) / range^2. A one-dimensional scan keeps all. */
static int cut_off(const Beam *beam, double hdiv, double vdiv)
{
    const Steps *h = &beam->horizontal, *v = &beam->vertical_divergence;
    double t;
    if (h->range == 0.0 || v->range == 0.0)
        return 0;
    t = (hdiv * hdiv - h->step * h->step / 4.0 * (1 - h->count % 2)) / h->range / h->range
      + (vdiv * vdiv - v->step * v->step / 4.0 * (1 - v->count % 2)) / v->range / v->range;
    return t * 4.0 > LARGEST_ROUND_DIVERGENCE;
}

/* -10 b turned about p by vdiv, then about v by hdiv (metres). */
static Vector source_position(const Beam *beam, double hdiv, double vdiv)
{
    Vector position = scaled(beam->direction, -SOURCE_DISTANCE_M);
    position = rotate_about(position, beam->polarization_axis, vdiv);
    return rotate_about(position, beam->vertical, hdiv);
}

static Source make_source(const Beam *beam, double hdiv, double vdiv, double wavelength_m)
{
    Source source;
    source.position = source_position(beam, hdiv, vdiv);
    source.hdiv = hdiv;
    source.vdiv = vdiv;
    source.incident = scaled(unit(source.position), -1.0);
    source.incident_again = unit(source.incident);
    source.wavelength_m = wavelength_m;
    source.weight = source.printed_weight = 1.0;
    return source;
}

/* Sources of a beam that lists none, the corners that rounding leaves out among them. */
double generated_count(const Beam *beam)
{
    return (double)beam->horizontal.count * beam->vertical_divergence.count * beam->dispersion.count;
}

/* Every direction of the divergence with every wavelength of the dispersion. */
static void generate_sources(const Options *o, Beam *beam)
{
    const Steps *h = &beam->horizontal, *v = &beam->vertical_divergence, *d = &beam->dispersion;
    double most = generated_count(beam);
    int i, j, k;
    if (most > INT_MAX)
        fail("divergence and dispersion: %g sources are too many", most);
    beam->sources = allocate((size_t)most, sizeof *beam->sources, "sources");
    beam->source_count = beam->divergence_steps = 0;
    for (i = 0; i < h->count; i++)
        for (j = 0; j < v->count; j++) {
            double hdiv = h->step * i - h->range / 2.0, vdiv = v->step * j - v->range / 2.0;
            if (!o->square_divergence && cut_off(beam, hdiv, vdiv))
                continue;
            beam->divergence_steps++;
            for (k = 0; k < d->count; k++)
                beam->sources[beam->source_count++] =
                    make_source(beam, hdiv, vdiv, beam->wavelength_m * (1.0 + d->step * k - d->range / 2.0));
        }
    if (beam->source_count == 0)
        fail("-divergence: rounding leaves no source; use -square_div");
    for (i = 0; i < beam->source_count; i++)
        beam->sources[i].printed_weight = 1.0 / beam->source_count;
}

/* ---- listed sources ---------------------------------------------------------------------------- */

/* Sources from a file; their weights become shares relative to the average. */
static void list_sources(const Options *o, Beam *beam)
{
    double total = 0.0;
    int i;
    read_source_file(o->source_file, beam, parse_allowed(o->allow));
    beam->divergence_steps = -1;
    for (i = 0; i < beam->source_count; i++)
        total += beam->sources[i].printed_weight;
    if (!(total > 0.0))
        fail("%s: the weights of the sources add up to %g", o->source_file, total);
    for (i = 0; i < beam->source_count; i++) {
        Source *source = &beam->sources[i];
        source->incident = scaled(unit(source->position), -1.0);
        source->incident_again = unit(source->incident);
        source->weight = source->printed_weight * beam->source_count / total;
    }
}

/* ---- building ---------------------------------------------------------------------------------- */

/* All but the sources, unless they are listed. */
void beam_build(const Options *o, Vector direction, Vector polarization_axis, Beam *beam)
{
    beam->direction = direction;
    beam->polarization_axis = polarization_axis;
    beam->settled_axis = settled(polarization_axis);
    beam->vertical = unit(cross(direction, polarization_axis));
    beam->wavelength_m = o->wavelength_m;
    beam->fluence_per_m2 = fluence(o);
    beam->polarization = o->polarization;
    beam->no_polarization = o->no_polarization;
    if (!(beam->wavelength_m > 0.0))
        fail("-lambda: the wavelength must be positive, not %g A", o->wavelength_m * ANGSTROM_PER_METRE);
    beam->horizontal = select_steps(o->divergence_steps[0], o->divergence_range[0], o->divergence_step[0],
                                    "-hdivstep");
    beam->vertical_divergence = select_steps(o->divergence_steps[1], o->divergence_range[1],
                                             o->divergence_step[1], "-vdivstep");
    beam->dispersion = select_steps(o->dispersion_steps, o->dispersion, UNSET, "-dispersion");
    if (o->source_file != NULL)
        list_sources(o, beam);
}

void sources_build(const Options *o, Beam *beam)
{
    int i;
    if (o->source_file == NULL)
        generate_sources(o, beam);
    for (i = 0; i < beam->source_count; i++)
        if (!(beam->sources[i].wavelength_m > 0.0))
            fail("-dispersion: a wavelength of %g m", beam->sources[i].wavelength_m);
}

void beam_free(Beam *beam)
{
    free(beam->sources);
    beam->sources = NULL;
}
