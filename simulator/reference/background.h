/* Diffuse scattering of water in the beam. */
#ifndef BACKGROUND_H
#define BACKGROUND_H

double water_background(double size_m, double fluence_per_m2);

#endif
