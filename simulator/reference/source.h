/* The beam: fluence, divergence, dispersion, and the list of sources they make. */
#ifndef SOURCE_H
#define SOURCE_H

#include "config.h"
#include "options.h"

Steps select_steps(int count, double range, double step, const char *what);
int step_count(double range, double step, const char *what);
double fluence(const Options *options);
void clip_sample(const Options *options, double *sample_size_m);
void beam_build(const Options *options, Vector direction, Vector polarization_axis, Beam *beam);
double generated_count(const Beam *beam);
void sources_build(const Options *options, Beam *beam);
void beam_free(Beam *beam);

#endif
