/* The grid that structure factors are kept on: one entry for each h k l within the ranges of a list, h slowest. */
#include "hkl_grid.h"

#include "errors.h"

#define MOST_GRID_ENTRIES 268435456.0   /* 2 GiB of reals: a typing error, not a crystal */

/* Entries of the grid, the padding of one per axis included. */
size_t grid_size(const StructureFactors *F)
{
    return F->h_stride * (size_t)((long)F->h_max - F->h_min + 2);
}

/* Make the grid for the index ranges of F: zero, but default_F wherever an index can be. */
void allocate_grid(StructureFactors *F, const char *path)
{
    double nh = (double)F->h_max - F->h_min + 2.0, nk = (double)F->k_max - F->k_min + 2.0;
    double nl = (double)F->l_max - F->l_min + 2.0;
    int h, k, l;
    if (nh * nk * nl > MOST_GRID_ENTRIES)
        fail("%s: indices %d..%d, %d..%d, %d..%d make a grid too large to hold", path, F->h_min, F->h_max,
             F->k_min, F->k_max, F->l_min, F->l_max);
    F->k_stride = (size_t)nl;
    F->h_stride = (size_t)nk * F->k_stride;
    F->grid = allocate(grid_size(F), sizeof *F->grid, path);
    if (F->default_F == 0.0)
        return;
    for (h = F->h_min; h <= F->h_max; h++)
        for (k = F->k_min; k <= F->k_max; k++)
            for (l = F->l_min; l <= F->l_max; l++)
                *grid_entry(F, h, k, l) = F->default_F;
}

/* Where a reflection within the ranges is kept. */
double *grid_entry(const StructureFactors *F, int h, int k, int l)
{
    return F->grid + (size_t)(h - F->h_min) * F->h_stride + (size_t)(k - F->k_min) * F->k_stride
         + (size_t)(l - F->l_min);
}
