/* The lattice factor F_latt: what the shape of the crystal makes of each spot. */
#ifndef SHAPE_H
#define SHAPE_H

#include "config.h"
#include "scattering.h"

double lattice_factor(const Crystal *crystal, Miller m);

#endif
