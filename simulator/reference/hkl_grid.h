/* The grid that structure factors are kept on. */
#ifndef HKL_GRID_H
#define HKL_GRID_H

#include "config.h"

#define LARGEST_INDEX 1000000   /* of any reflection in a file */

void allocate_grid(StructureFactors *F, const char *path);
double *grid_entry(const StructureFactors *F, int h, int k, int l);
size_t grid_size(const StructureFactors *F);

#endif
