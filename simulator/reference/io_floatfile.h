/* The float image. */
#ifndef IO_FLOATFILE_H
#define IO_FLOATFILE_H

#include <stddef.h>
#include <stdio.h>

int write_floats(FILE *file, const float *image, size_t pixels);

#endif
