/* Mosaic domains: how many, and how each is turned. */
#ifndef MOSAIC_H
#define MOSAIC_H

#include "config.h"
#include "options.h"
#include "random_stream.h"

void mosaic_build(const Options *options, Crystal *crystal);
void mosaic_draw(const Options *options, Shuffle *shuffle, Crystal *crystal);
Basis mosaic_turn(const Crystal *crystal, Basis cell, int domain);

#endif
