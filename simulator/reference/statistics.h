/* Figures of the finished image. */
#ifndef STATISTICS_H
#define STATISTICS_H

#include "config.h"

typedef struct {
    double max, max_fast_m, max_slow_m;
    double mean, rms, rmsd;
} Statistics;

Statistics image_statistics(const Scene *scene, const float *image);

#endif
