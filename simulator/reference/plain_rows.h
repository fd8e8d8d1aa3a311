/* Rows of an image, with quicker sines where they cannot change a bit of it. */
#ifndef PLAIN_ROWS_H
#define PLAIN_ROWS_H

#include "config.h"

double spread(const Scene *scene);
double render_row(const Scene *scene, const Basis *cells, int slow, double part, float *row);

#endif
