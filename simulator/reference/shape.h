/* The lattice factor F_latt: what the shape of the crystal makes of each spot. */
#ifndef SHAPE_H
#define SHAPE_H

#include "config.h"
#include "scattering.h"

#define SINE_ULPS 4          /* by which a quicker sine and one of the C library differ at most, which may be off by one */
#define MOST_ANGLE 1e6       /* up to which that holds (radians) */
#define LEAST_SINE 0x1p-40   /* from which on it holds; the product of all six is no larger than any of them */

double lattice_factor(const Crystal *crystal, Miller m);
double quick_square_factor(const Crystal *crystal, Miller m);
void unsigned_sines(const double *angles, double *sines);

#endif
