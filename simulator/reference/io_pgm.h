/* The PGM image, for a quick look. */
#ifndef IO_PGM_H
#define IO_PGM_H

#include <stdio.h>

#include "config.h"

int write_pgm(FILE *file, const Scene *scene, const float *image, double scale);

#endif
