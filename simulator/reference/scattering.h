/* The scattering vector and the Miller indices it stands for. */
#ifndef SCATTERING_H
#define SCATTERING_H

#include "vectors.h"

/* Fractional Miller indices and the nearest whole ones. */
typedef struct {
    double h, k, l, h0, k0, l0;
} Miller;

Vector scattering_vector(Vector diffracted, Vector incident, double wavelength_m);
int beyond_resolution(Vector scattering_per_m, double d_min_m);
Miller miller_indices(Basis cell_m, Vector scattering_per_m);

#endif
