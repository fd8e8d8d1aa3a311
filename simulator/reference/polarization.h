/* The polarization factor. */
#ifndef POLARIZATION_H
#define POLARIZATION_H

#include "vectors.h"

Vector settled(Vector axis);
double polarization_factor(double kahn, Vector incident, Vector diffracted, Vector axis);

#endif
