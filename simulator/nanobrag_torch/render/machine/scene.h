// What compiled.py hands over: the same fields in the same order as its SCENE. Lengths in metres, angles in radians.
#pragma once

#include <cstdint>

constexpr int STEPS = 10;  // of a group of phi steps, at most

enum Shape : int64_t { SQUARE, ROUND, GAUSS, TOPHAT };

struct Scene {
    // What is rendered: columns first_column to first_column + width - 1; mask is null, or bytes [slow, fast].
    int64_t first_column, width, fast_pixels;
    const uint8_t* mask;

    // The detector: a point is at F fast + S slow + O normal + pix0; or where it is curved, at ``start`` turned about
    // two axes, by (F - bend_from[0])/distance and (S - bend_from[1])/distance, or by that point's y and z instead.
    int64_t layers, oversample, curved, curved_by_lab, faces_sample, point_pixel;
    double pixel_size, fast[3], slow[3], normal[3], pix0[3], distance, close_distance;
    double start[3], start_growth[3], bend_axes[2][3], bend_from[2];
    double layer_thickness, attenuation;

    // Factors: which there are, which are inside the sum, and which of those are each sub-pixel's own.
    int64_t computes_capture, capture_inside, capture_shared, polarized, running_product, dark_is_skipped;
    int64_t oversample_thick, oversample_polar, oversample_omega;
    double kahn, unpolarized, scale, water_first, water_beside, largest_q;

    // Beams: directions, each with its electric and magnetic axis and wavelengths (inverse, with weights, also as floats).
    int64_t beams;
    const double *incident, *electric, *magnetic, *axis_parallel;
    const int64_t* first_wavelength;
    const double *inverse_wavelength, *weight;
    const float* near_weight;

    // The crystal: cells (a, b, c) of single steps, and groups of steps: a cell in the middle, two changes of it,
    // weights of these for each step, how many steps there are, how far the weights reach, and the cell of each step.
    int64_t singles, groups;
    const double* single_cells;
    const double *group_cells, *group_changes;
    const float *group_weights, *group_reach;
    const int64_t* group_steps;
    const double* group_step_cells;

    // Shape and amplitudes: a table of F^2 (and of F, where it is interpolated) with a border, h slowest. ``sticky``: what
    // may end interpolation becomes no number, 1 where F_latt is not 0, 2 everywhere.
    int64_t shape, in_float32, interpolated, sticky, cells[3], table_low[3], table_high[3];
    double metric[3][3], fudge;
    const float* squares_f;
    const double *squares, *amplitudes;
};
