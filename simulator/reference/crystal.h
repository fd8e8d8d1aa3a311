/* The crystal: unit cell, orientation, size in cells. */
#ifndef CRYSTAL_H
#define CRYSTAL_H

#include "config.h"
#include "options.h"
#include "random_stream.h"

void crystal_build(const Options *options, const double *sample_size_m, Shuffle *shuffle, Crystal *crystal);
void crystal_free(Crystal *crystal);

#endif
