// The sum over phi steps, mosaic domains and wavelengths of a beam, for the pixels of a piece of a row.
//
// Everything follows from D = d - i: h = a.D/lambda. ``SumOfSteps`` takes single steps as they are. Of a group of phi
// steps the square crystal finds h, k, l and F once; a step then is a cell plus two changes of it, each with its weight
// (phi_groups.py), and adds to the phase of each axis what fits into a float. Pixels whose nearest reflection may
// change within a group are put aside, and done step by step.
#pragma once

#include "lattice.h"

constexpr float EDGE = 0.5f - 1e-5f;     // so near another reflection, it may become the nearest within a group
constexpr float NEAR_PERIODS = 0.75f;    // so near a reflection at some step, no whole periods are split off, which
                                         // would leave too few digits of sin(pi h) at it
constexpr int TOGETHER = 8;              // floats that are added to one another before they join the rest

// What a beam means to the pixels of a piece: D, where it is too far for the resolution, and the sum so far.
struct BeamOnPiece {
    Piece difference[3], square, sum;
    f32 near_difference[3][VECTORS];
    bool lit[VECTORS];
};

struct Aside {  // pixels of a group that are done step by step
    int32_t pixel[PIXELS + LANES];
    int count;
};

// The pixels that a wavelength of a beam does not reach: |q| beyond the largest (0 is none).
static inline mask beyond(const Scene& s, f64 square, double inverse_wavelength) {
    return square * (inverse_wavelength * inverse_wavelength) > all(s.largest_q * s.largest_q);
}

static inline f64 unless(mask where, f64 x) { return select(where, all(0.0), x); }

static inline void project(const double cells[9], const BeamOnPiece& on, int v, f64 along[3]) {
    for (int axis = 0; axis < 3; axis++)
        along[axis] = dot(cells + 3 * axis, on.difference[0][v], on.difference[1][v], on.difference[2][v]);
}

// --- single steps ---------------------------------------------------------------------------------------------------

template <class Kernel>
static void add_singles(const Scene& s, const Kernel& kernel, int64_t first, int64_t last, int vectors,
                        BeamOnPiece& on) {
    mask dark = nowhere();
    for (int64_t cell = 0; cell < s.singles; cell++)
        for (int v = 0; v < vectors; v++) {
            if (!on.lit[v]) continue;
            f64 along[3], sum = on.sum[v];
            project(s.single_cells + 9 * cell, on, v, along);
            for (int64_t wave = first; wave < last; wave++) {
                f64 term = kernel.term(along, s.inverse_wavelength[wave], dark) * s.weight[wave];
                if (s.largest_q > 0.0) term = unless(beyond(s, on.square[v], s.inverse_wavelength[wave]), term);
                sum = sum + term;
            }
            on.sum[v] = sum;
        }
}

// The same with floats that are added up a few at a time.
static void add_singles(const Scene& s, const Fixed& kernel, int64_t first, int64_t last, int vectors,
                        BeamOnPiece& on) {
    for (int64_t cell = 0; cell < s.singles; cell++)
        for (int v = 0; v < vectors; v++) {
            if (!on.lit[v]) continue;
            f64 along[3];
            project(s.single_cells + 9 * cell, on, v, along);
            for (int64_t start = first; start < last; start += TOGETHER) {
                const int64_t end = start + TOGETHER < last ? start + TOGETHER : last;
                f32 some = {};
                for (int64_t wave = start; wave < end; wave++) {
                    f32 value = kernel.at(along, s.inverse_wavelength[wave]) * s.near_weight[wave];
                    if (s.largest_q > 0.0)
                        value = to_lanes(beyond(s, on.square[v], s.inverse_wavelength[wave])) ? f32{} : value;
                    some += value;
                }
                on.sum[v] = on.sum[v] + to_f64(some);
            }
        }
}

// --- groups of steps ------------------------------------------------------------------------------------------------

struct Group {
    const double *cell, *changes, *step_cells;
    const float *weights, *reach;
    int steps;

    Group(const Scene& s, int64_t number)
        : cell(s.group_cells + 9 * number), changes(s.group_changes + 18 * number),
          step_cells(s.group_step_cells + 9 * STEPS * number), weights(s.group_weights + 2 * STEPS * number),
          reach(s.group_reach + 2 * number), steps(int(s.group_steps[number])) {}
};

static inline f32 near_dot(const double v[3], const BeamOnPiece& on, int at) {
    return float(v[0]) * on.near_difference[0][at] + float(v[1]) * on.near_difference[1][at] +
           float(v[2]) * on.near_difference[2][at];
}

// The sum of F_cell^2 F_latt^2 over the steps of a group; ``leaving`` marks where the nearest reflection may change.
static inline f32 sum_of_group(const Scene& s, const Fixed& kernel, const Group& group, const BeamOnPiece& on, int v,
                               double inverse_wavelength, i32& leaving) {
    f32 start[3], periods[3], change[3], bend[3], share[3], furthest = {};
    i32 distance, nearest[3];
    for (int axis = 0; axis < 3; axis++) {
        f64 along = dot(group.cell + 3 * axis, on.difference[0][v], on.difference[1][v], on.difference[2][v]);
        Fixed::split(along * inverse_wavelength + FIXED, distance, nearest[axis]);
        const float n = float(kernel.cells[axis]), scale = float(inverse_wavelength) * n;
        change[axis] = near_dot(group.changes + 3 * axis, on, v) * scale;
        bend[axis] = near_dot(group.changes + 9 + 3 * axis, on, v) * scale;
        share[axis] = 1.0f / n - f32{};

        i32 odd = distance | 1;
        f32 away = to_f32(odd) * PART, r = to_f32(odd * kernel.cells[axis]) * PART;
        f32 moved = group.reach[0] * fabs(change[axis]) + group.reach[1] * fabs(bend[axis]);
        i32 close = fabs(away * n) < moved + NEAR_PERIODS;
        start[axis] = close ? away * n : r;
        periods[axis] = close ? f32{} : away - r * share[axis];
        furthest = larger(furthest, fabs(away) + moved * share[axis]);
    }
    leaving = furthest > EDGE;
    f32 squares = {};
    for (int step = 0; step < group.steps; step++) {
        f32 numerator, denominator;
        for (int axis = 0; axis < 3; axis++) {
            f32 r = start[axis] + group.weights[2 * step] * change[axis] + group.weights[2 * step + 1] * bend[axis];
            f32 above = r - rounded(r), below = periods[axis] + r * share[axis];
            above *= sine_over(above);
            below *= sine_over(below);
            numerator = axis ? numerator * above : above;
            denominator = axis ? denominator * below : below;
        }
        f32 ratio = numerator / denominator;
        squares += ratio * ratio;
    }
    return squares * looked_up<f32>(s.squares_f, kernel.table.place(nearest, ABOVE));
}

// Add every step of a group for the pixels that were put aside.
static void add_aside(const Fixed& kernel, const Group& group, Aside& aside, double inverse_wavelength,
                      float weight, BeamOnPiece& on) {
    for (int i = aside.count; i % LANES; i++) aside.pixel[i] = aside.pixel[aside.count - 1];
    for (int start = 0; start < aside.count; start += LANES) {
        double places[3][LANES];
        for (int axis = 0; axis < 3; axis++)
            for (int lane = 0; lane < LANES; lane++) {
                const double* numbers = (const double*)on.difference[axis];
                places[axis][lane] = numbers[aside.pixel[start + lane]];
            }
        f64 x, y, z, along[3];
        memcpy(&x, places[0], sizeof x);
        memcpy(&y, places[1], sizeof y);
        memcpy(&z, places[2], sizeof z);
        f32 some = {};
        for (int step = 0; step < group.steps; step++) {
            for (int axis = 0; axis < 3; axis++) along[axis] = dot(group.step_cells + 9 * step + 3 * axis, x, y, z);
            some += kernel.at(along, inverse_wavelength);
        }
        float added[LANES];
        memcpy(added, &some, sizeof added);
        double* sums = (double*)on.sum;
        for (int lane = 0; lane < LANES && start + lane < aside.count; lane++)
            sums[aside.pixel[start + lane]] += double(added[lane] * weight);
    }
}

static void add_groups(const Scene& s, const Fixed& kernel, int64_t first, int64_t last, int vectors, BeamOnPiece& on) {
    for (int64_t number = 0; number < s.groups; number++) {
        const Group group(s, number);
        for (int64_t wave = first; wave < last; wave++) {
            const double inverse_wavelength = s.inverse_wavelength[wave];
            const float weight = s.near_weight[wave];
            Aside aside;
            aside.count = 0;
            for (int v = 0; v < vectors; v++) {
                if (!on.lit[v]) continue;
                i32 leaving;
                f32 value = sum_of_group(s, kernel, group, on, v, inverse_wavelength, leaving) * weight;
                if (s.largest_q > 0.0) {
                    i32 dark = to_lanes(beyond(s, on.square[v], inverse_wavelength));
                    value = dark ? f32{} : value;
                    leaving &= ~dark;
                }
                on.sum[v] = on.sum[v] + to_f64(leaving ? f32{} : value) * kernel.made_up;
                if (!any(leaving)) continue;
                int32_t marks[LANES];
                memcpy(marks, &leaving, sizeof marks);
                for (int lane = 0; lane < LANES; lane++) {
                    aside.pixel[aside.count] = v * LANES + lane;
                    aside.count -= marks[lane];
                }
            }
            add_aside(kernel, group, aside, inverse_wavelength, weight, on);
        }
    }
}
