/* The spindle: the rotation scan and the cell at each of its steps. */
#include "spindle.h"

#include "source.h"
#include "units.h"

#define OSCILLATION_OF_COUNT_ALONE (1.0 / DEGREES_PER_RADIAN)

/* Complete a scan of which only some of steps (< 0: unset), oscillation (< 0: unset) and step (<= 0: unset)
 * are given. */
void spindle_build(const Options *o, Vector axis, Spindle *s)
{
    int steps = o->phi_steps == 0 ? 1 : o->phi_steps;
    int has_steps = steps > 0, has_range = o->oscillation >= 0.0, has_step = o->phi_step > 0.0;
    s->axis = axis;
    s->phi_start = o->phi;
    s->phi_steps = has_steps ? steps : 1;
    s->oscillation = has_range ? o->oscillation : 0.0;
    s->phi_step = has_step ? o->phi_step : 0.0;
    if (has_step && !has_range) {
        s->oscillation = o->phi_step;
        s->phi_steps = 2;
    } else if (has_step && !has_steps) {
        s->phi_steps = step_count(o->oscillation, o->phi_step, "-phistep");
    } else if (has_range && !has_steps) {
        s->phi_steps = 2;
        s->phi_step = o->oscillation / 2.0;
    } else if (has_steps && !has_range) {
        s->oscillation = OSCILLATION_OF_COUNT_ALONE;
        s->phi_step = s->oscillation / steps;
    } else if (has_range && o->phi_step < 0.0) {
        s->phi_step = o->oscillation / steps;
    }
    if (s->phi_steps < 1)
        s->phi_steps = 1;
}

/* Start of a step: phi_start + phi_step * i (radians). */
double spindle_phi(const Spindle *s, int step)
{
    return s->phi_start + s->phi_step * step;
}

/* The cell turned about the spindle axis; phi 0 leaves every bit as it is. */
Basis spindle_turn(const Spindle *s, Basis cell, double phi_rad)
{
    if (phi_rad != 0.0) {
        cell.a = rotate_about(cell.a, s->axis, phi_rad);
        cell.b = rotate_about(cell.b, s->axis, phi_rad);
        cell.c = rotate_about(cell.c, s->axis, phi_rad);
    }
    return cell;
}
