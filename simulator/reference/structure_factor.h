/* Structure factors F_cell: the list that is read, and the two ways to read it. */
#ifndef STRUCTURE_FACTOR_H
#define STRUCTURE_FACTOR_H

#include "config.h"
#include "options.h"
#include "scattering.h"

void structure_factors_build(const Options *options, const int *cells, StructureFactors *F);
double structure_factor(const StructureFactors *F, Miller m);

#endif
