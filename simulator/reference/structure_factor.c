/* Structure factors F_cell: which list is read, and the two ways to read its grid.
 *
 * Leaves out the grid itself (hkl_grid.c) and the file formats (io_hkl.c, io_dump.c). */
#include "structure_factor.h"

#include <math.h>

#include "errors.h"
#include "hkl_grid.h"
#include "io_dump.h"
#include "io_hkl.h"

#define FEW_CELLS 2                     /* spots so broad that F must be interpolated */

/* ---- lookup ------------------------------------------------------------------------------------ */

static double nearest_factor(const StructureFactors *F, Miller m)
{
    if (F->records > 0 && m.h0 >= F->h_min && m.h0 <= F->h_max && m.k0 >= F->k_min && m.k0 <= F->k_max
        && m.l0 >= F->l_min && m.l0 <= F->l_max)
        return *grid_entry(F, (int)m.h0, (int)m.k0, (int)m.l0);
    return F->default_F;
}

/* Whether the four points around x lie between the limits: min + 2 <= x <= max - 2. */
static int can_interpolate(double x, int min, int max)
{
    return x - 2.0 >= min && x - min + 3.0 <= (double)max - min + 1.0;
}

/* Four-point Lagrange polynomial through y at the whole numbers first .. first + 3. */
static double lagrange(const double *y, double first, double x)
{
    double d0 = x - first, d1 = x - (first + 1.0), d2 = x - (first + 2.0), d3 = x - (first + 3.0);
    return d1 * d2 * d3 * y[0] / -6.0 + d0 * d2 * d3 * y[1] / 2.0
         + d0 * d1 * d3 * y[2] / -2.0 + d0 * d1 * d2 * y[3] / 6.0;
}

/* Tricubic interpolation between the 4 x 4 x 4 reflections around h k l: along l, then k, then h. */
static double tricubic_factor(const StructureFactors *F, Miller m)
{
    double h = floor(m.h) - 1.0, k = floor(m.k) - 1.0, l = floor(m.l) - 1.0;
    double along_k[4], along_h[4];
    int i, j;
    for (i = 0; i < 4; i++) {
        for (j = 0; j < 4; j++)
            along_k[j] = lagrange(grid_entry(F, (int)h + i, (int)k + j, (int)l), l, m.l);
        along_h[i] = lagrange(along_k, k, m.k);
    }
    return lagrange(along_h, h, m.h);
}

/* F_cell (electrons): tricubic where the neighbours are all known, else that of the nearest reflection,
 * else the default. */
double structure_factor(const StructureFactors *F, Miller m)
{
    if (F->interpolate && can_interpolate(m.h, F->h_min, F->h_max) && can_interpolate(m.k, F->k_min, F->k_max)
        && can_interpolate(m.l, F->l_min, F->l_max))
        return tricubic_factor(F, m);
    return nearest_factor(F, m);
}

/* ---- building ---------------------------------------------------------------------------------- */

/* Read the reflections, from text or from a dump that was asked for by name; a dump is written later, with
 * the images (see main.c). Interpolation is on by default where a crystal has few cells. */
void structure_factors_build(const Options *o, const int *cells, StructureFactors *F)
{
    F->default_F = o->default_F;
    if (o->hkl_file != NULL)
        read_hkl(o->hkl_file, F, parse_allowed(o->allow));
    else if (o->dump_file != NULL)
        read_dump(o->dump_file, F);
    else if (o->default_F == 0.0)
        fail("no structure factors: give -hkl, -dump or -default_F");
    F->interpolate = o->interpolation == INTERPOLATE_ON
                  || (o->interpolation == INTERPOLATE_AUTO
                      && (cells[0] <= FEW_CELLS || cells[1] <= FEW_CELLS || cells[2] <= FEW_CELLS));
    if (F->records == 0)
        F->interpolate = 0;
}
