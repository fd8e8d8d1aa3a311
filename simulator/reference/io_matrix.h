/* Orientation matrix files. */
#ifndef IO_MATRIX_H
#define IO_MATRIX_H

#include "vectors.h"

Basis read_matrix(const char *path, double wavelength_m);

#endif
