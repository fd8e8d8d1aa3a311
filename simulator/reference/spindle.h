/* The spindle: the rotation scan and the cell at each of its steps. */
#ifndef SPINDLE_H
#define SPINDLE_H

#include "config.h"
#include "options.h"

void spindle_build(const Options *options, Vector axis, Spindle *spindle);
double spindle_phi(const Spindle *spindle, int step);
Basis spindle_turn(const Spindle *spindle, Basis cell, double phi_rad);

#endif
