/* Diffuse scattering of water in the beam. */
#include "background.h"

#include "units.h"

/* Photons/sr of a cube of water: F^2 r_e^2 fluence * (molecules in size^3). */
double water_background(double size_m, double fluence_per_m2)
{
    return WATER_F_ELECTRONS * WATER_F_ELECTRONS * R_E_SQUARED_M2 * fluence_per_m2
         * size_m * size_m * size_m * GRAMS_PER_M3_OF_WATER * AVOGADRO_PER_MOL / WATER_G_PER_MOL;
}
