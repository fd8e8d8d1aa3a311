/* Structure factors F_cell: the grid of reflections and the two ways to read it. */
#ifndef STRUCTURE_FACTOR_H
#define STRUCTURE_FACTOR_H

#include "config.h"
#include "options.h"
#include "scattering.h"

#define LARGEST_INDEX 1000000   /* of any reflection in a file */

void allocate_grid(StructureFactors *F, const char *path);
double *grid_entry(const StructureFactors *F, int h, int k, int l);
size_t grid_size(const StructureFactors *F);

void structure_factors_build(const Options *options, const int *cells, StructureFactors *F);
double structure_factor(const StructureFactors *F, Miller m);

#endif
