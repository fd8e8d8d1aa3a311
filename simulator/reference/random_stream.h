/* Uniform random numbers and the rotations drawn from them. */
#ifndef RANDOM_STREAM_H
#define RANDOM_STREAM_H

#include "vectors.h"

#define SHUFFLE_SIZE 32

/* The shuffle table and last output, which all streams of a run share. */
typedef struct {
    long long table[SHUFFLE_SIZE];
    long long last;
} Shuffle;

/* A stream's own state; start it at minus its seed. */
typedef long long StreamState;

double uniform(Shuffle *shuffle, StreamState *state);
Matrix cap_rotation(Shuffle *shuffle, StreamState *state, float half_angle_rad);
Matrix uniform_rotation(Shuffle *shuffle, StreamState *state);

#endif
