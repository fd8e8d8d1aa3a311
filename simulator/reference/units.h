/* Physical constants and unit conversions, each named once.
 *
 * Everything inside the program is in metres, radians and photons; text that people type is converted
 * here, where it is read. Names that are not SI say so (wavelength_A, distance_mm). */
#ifndef UNITS_H
#define UNITS_H

/* ---- mathematics ------------------------------------------------------------------------------- */

#define PI 3.14159265358979323846
#define ONE_OVER_PI 0.31830988618379067154
#define DEGREES_PER_RADIAN (180.0 * ONE_OVER_PI)

/* ---- physics ----------------------------------------------------------------------------------- */

#define R_E_SQUARED_M2 7.94079248018965e-30            /* square of the classical electron radius */
#define DEFAULT_FLUENCE_PER_M2 125932015286227086360700780544.0 /* = 1/r_e^2: photons/m^2 */
#define PHOTON_EV_ANGSTROM 12398.42                    /* h c: photon energy (eV) times wavelength (A) */
#define AVOGADRO_PER_MOL 6.02214179e23
#define WATER_F_ELECTRONS 2.57                         /* diffuse scattering amplitude of one molecule */
#define WATER_G_PER_MOL 18.0
#define GRAMS_PER_M3_OF_WATER 1e6
#define SOURCE_DISTANCE_M 10.0
#define PROTEIN_G_PER_CM3 1.2                          /* for the approximate molecular weight only */

/* ---- conversions ------------------------------------------------------------------------------- */

#define METRES_PER_ANGSTROM 1e-10
#define ANGSTROM_PER_METRE 1e10
#define MM_PER_METRE 1000.0
#define UM_PER_METRE 1e6
#define METRES_PER_UM 1e-6
#define MRAD_PER_RADIAN 1000.0

#endif
