/* The detector: conventions, beam centres, where each pixel is, its solid angle and what it absorbs. */
#ifndef DETECTOR_H
#define DETECTOR_H

#include "config.h"
#include "options.h"

/* The seven vectors a convention fixes. */
typedef struct {
    Vector beam, fast, slow, normal, twotheta_axis, polarization, spindle;
    int normal_generated;
} Frame;

Frame convention_frame(const Options *options);
void detector_build(const Options *options, const Frame *frame, Detector *detector);
Vector dials_origin_mm(const Detector *detector);

Vector pixel_position(const Detector *detector, Vector beam, double fast_m, double slow_m, int layer);
double solid_angle(const Detector *detector, double airpath_m);
double capture_fraction(const Detector *detector, Vector diffracted, int layer);

#endif
