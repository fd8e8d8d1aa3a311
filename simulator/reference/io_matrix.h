/* Orientation matrix files. */
#ifndef IO_MATRIX_H
#define IO_MATRIX_H

#include "vectors.h"
#include "io_text.h"

Basis read_matrix(const char *path, double wavelength_m, Allowed allowed);

#endif
