// One term of the sum over sources, phi steps and mosaic domains: F_cell^2 F_latt^2 at h, k, l.
//
// ``Fixed`` is the square crystal with F of the nearest reflection. Its h has 32 bits behind the point, as a whole
// number that goes from -2^31 to 2^31 between two reflections; N times that overflows to N h less whole periods, so that
//
//     |F_latt| = prod |sin(pi N h) / sin(pi h)|
//
// takes two sines in float32 of numbers between -1/2 and 1/2, exact to N 2^-33 periods. ``Exact`` is in float64, for
// any shape, and for F by interpolation.
#pragma once

#include "lanes.h"
#include "rays.h"
#include "scene.h"

constexpr double UNIT = 4294967296.0;          // 2^32, the distance of two reflections
constexpr float PART = 2.3283064365386963e-10f;  // 2^-32
constexpr double FIXED = 1572864.0;            // 1.5 x 2^20: adding it leaves 32 bits behind the point
constexpr int32_t ABOVE = 0x41380000;          // the upper word of that double

// --- F^2 of the nearest reflection ----------------------------------------------------------------------------------

struct Table {
    int32_t low[3], high[3], stride[3], offset;

    explicit Table(const Scene& s) : offset(0) {
        int32_t across = 1;
        for (int axis = 2; axis >= 0; axis--) {
            low[axis] = int32_t(s.table_low[axis]) - 1;
            high[axis] = int32_t(s.table_high[axis]) + 1;
            stride[axis] = across;
            offset -= across * low[axis];
            across *= high[axis] - low[axis] + 1;
        }
    }

    // Where whole indices (plus ``above``) are in it; those beyond are on its border.
    i32 place(const i32 nearest[3], int32_t above) const {
        i32 found = (offset - above * (stride[0] + stride[1] + stride[2])) - i32{};
        for (int axis = 0; axis < 3; axis++)
            found += clamped(nearest[axis], low[axis] + above, high[axis] + above) * stride[axis];
        return found;
    }
};

// Entries of a table at places [LANES]; ``Lanes`` holds as many of its numbers.
template <typename Lanes, typename Real>
static inline Lanes looked_up(const Real* table, i32 place) {
#if defined(__AVX512F__)
    if constexpr (sizeof(Real) == sizeof(float)) return (Lanes)_mm512_i32gather_ps((__m512i)place, table, sizeof(Real));
#endif
    Real found[LANES];
    int32_t places[LANES];
    memcpy(places, &place, sizeof place);
    for (int i = 0; i < LANES; i++) found[i] = table[places[i]];
    Lanes lanes;
    memcpy(&lanes, found, sizeof lanes);
    return lanes;
}

// --- the square crystal in float32 ----------------------------------------------------------------------------------

struct Fixed {
    const Scene& s;
    Table table;
    int32_t cells[3];
    double made_up;  // for what 1/N is too large or small as a float, where sin(pi r/N) comes from that

    explicit Fixed(const Scene& scene) : s(scene), table(scene), made_up(1.0) {
        for (int axis = 0; axis < 3; axis++) {
            cells[axis] = int32_t(scene.cells[axis]);
            double whole = double(1.0f / float(cells[axis])) * cells[axis];
            made_up *= whole * whole;
        }
    }

    // h as its distance to the nearest whole number, in units of 2^-32, and that number plus ABOVE.
    static void split(f64 h_and_FIXED, i32& distance, i32& nearest) {
        distance = low_words(h_and_FIXED);
        nearest = high_words(h_and_FIXED) - (distance >> 31);
    }

    // F_cell^2 F_latt^2. An odd distance is never 0, and no limit is needed where sin(pi h) would be 0.
    f32 value(const i32 distance[3], const i32 nearest[3]) const {
        f32 numerator, denominator;
        for (int axis = 0; axis < 3; axis++) {
            i32 odd = distance[axis] | 1;
            f32 above = to_f32(odd * cells[axis]) * PART, below = to_f32(odd) * PART;
            above *= sine_over(above);
            below *= sine_over(below);
            numerator = axis ? numerator * above : above;
            denominator = axis ? denominator * below : below;
        }
        f32 ratio = numerator / denominator;
        return ratio * ratio * looked_up<f32>(s.squares_f, table.place(nearest, ABOVE));
    }

    // The same at h, k, l = ``along`` over the wavelength.
    f32 at(const f64 along[3], double inverse_wavelength) const {
        i32 distance[3], nearest[3];
        for (int axis = 0; axis < 3; axis++)
            split(along[axis] * inverse_wavelength + FIXED, distance[axis], nearest[axis]);
        return value(distance, nearest);
    }

    f64 term(const f64 along[3], double inverse_wavelength, mask&) const {
        return to_f64(at(along, inverse_wavelength));
    }
};

// --- any shape in float64 -------------------------------------------------------------------------------------------

constexpr double ROUND_SCALE = 0.723601254558268, GAUSS_WIDTH = 0.63, TOPHAT_LIMIT = 0.3969;
constexpr double PI = 3.141592653589793;
constexpr double NO_DIGITS = 1e-3;   // x below which sin x/x - cos x has lost the digits of the plain formula
constexpr double NOTHING = 400.0;    // e^-400 N^2 is less than a float holds
constexpr double UNDERFLOW = 745.13; // e^-745.13 is 0
constexpr double NEARLY = 1e-6;      // out of range, or dark: the plain path decides about what is so near to it
constexpr double ASIDE = 1e-30;      // less than any distance but 0: sin(N x)/sin(x) there is N

template <Shape SHAPE, bool INTERPOLATED>
struct Exact {
    const Scene& s;
    Table table;
    double count;

    explicit Exact(const Scene& scene)
        : s(scene), table(scene), count(double(scene.cells[0]) * scene.cells[1] * scene.cells[2]) {}

    // How far from the nearest reflection, in units of a spot's width, squared.
    f64 square_distance(const f64 away[3]) const {
        f64 r2 = all(0.0);
        for (int i = 0; i < 3; i++) {
            f64 u = dot(s.metric[i], away[0], away[1], away[2]);
            r2 = r2 + u * u;
        }
        return r2 * s.fudge;
    }

    // F_latt^2 at some distances from the nearest reflection; ``dark`` marks where F_latt is exactly 0.
    f64 lattice(const f64 away[3], mask& dark) const {
        if (SHAPE == SQUARE) {
            f64 numerator = all(1.0), denominator = all(1.0);
            for (int axis = 0; axis < 3; axis++) {
                if (s.cells[axis] == 1) continue;
                f64 x = away[axis] + ASIDE, r = x * double(s.cells[axis]);
                r = r - rounded(r);
                numerator = numerator * (r * sine_over(r));
                denominator = denominator * (x * sine_over(x));
            }
            f64 ratio = numerator / denominator;
            return ratio * ratio;
        }
        const f64 r2 = square_distance(away);
        if (SHAPE == TOPHAT) {
            mask reached = r2 < TOPHAT_LIMIT;
            dark = ~reached;
            return select(reached, all(count * count), all(0.0));
        }
        if (SHAPE == GAUSS) {
            f64 exponent = r2 * (1.0 / GAUSS_WIDTH);
            dark = exponent > UNDERFLOW;
            if (!any(exponent < NOTHING)) return all(0.0);
            return count * count * exp(-2.0 * exponent);
        }
        f64 turns = sqrt(r2), whole = rounded(turns), r = turns - whole, x = turns * PI;
        f64 odd = fabs(whole - 2.0 * rounded(0.5 * whole)), sign = 1.0 - 2.0 * odd;
        f64 wave = sign * (r * sine_over(r) / x - cosine(r)) / (x * x);
        f64 F_latt = select(x < NO_DIGITS, all(__builtin_nan("")), 3.0 * ROUND_SCALE * count * wave);
        return F_latt * F_latt;
    }

    // F^2 by the polynomial through the 4 x 4 x 4 reflections around h, k, l, where all are known; else F2.
    f64 interpolated(const f64 h[3], f64 F2) const {
        f64 weights[3][4], corner[3];
        i32 corners[3];
        mask known = ~nowhere();
        for (int axis = 0; axis < 3; axis++) {
            const double low = double(s.table_low[axis]), high = double(s.table_high[axis]);
            if (high - low < 4.0) return F2;
            f64 floor = rounded(h[axis]);
            floor = floor - select(floor > h[axis], all(1.0), all(0.0));
            known = known & ~(h[axis] - 2.0 < low) & ~(h[axis] - low + 3.0 > high - low + 1.0);
            f64 t = h[axis] - floor, before = t + 1.0, after = t - 1.0, beyond = t - 2.0;
            weights[axis][0] = t * after * beyond * (-1.0 / 6.0);
            weights[axis][1] = before * after * beyond * 0.5;
            weights[axis][2] = before * t * beyond * -0.5;
            weights[axis][3] = before * t * after * (1.0 / 6.0);
            corner[axis] = floor - low;
            corners[axis] = clamped(to_i32(corner[axis]), 0, int32_t(high - low) - 1);
        }
        if (!any(known)) return F2;
        double lanes[3][4][LANES], sums[LANES];
        int32_t places[LANES];
        memcpy(lanes, weights, sizeof lanes);
        i32 place = corners[0] * table.stride[0] + corners[1] * table.stride[1] + corners[2];
        memcpy(places, &place, sizeof place);
        typedef double Line __attribute__((vector_size(32)));
        for (int lane = 0; lane < LANES; lane++) {
            Line sum = {};
            for (int i = 0; i < 4; i++)
                for (int j = 0; j < 4; j++) {
                    Line line;
                    memcpy(&line, s.amplitudes + places[lane] + i * table.stride[0] + j * table.stride[1], sizeof line);
                    sum += line * (lanes[0][i][lane] * lanes[1][j][lane]);
                }
            sums[lane] = sum[0] * lanes[2][0][lane] + sum[1] * lanes[2][1][lane] + sum[2] * lanes[2][2][lane] +
                         sum[3] * lanes[2][3][lane];
        }
        f64 F;
        memcpy(&F, sums, sizeof F);
        return select(known, F * F, F2);
    }

    // F_cell^2 F_latt^2 at h, k, l = ``along`` over the wavelength.
    f64 term(const f64 along[3], double inverse_wavelength, mask& dark) const {
        f64 h[3], away[3];
        i32 nearest[3];
        for (int axis = 0; axis < 3; axis++) {
            h[axis] = along[axis] * inverse_wavelength;
            f64 whole = rounded(h[axis]);
            away[axis] = h[axis] - whole;
            nearest[axis] = to_i32(whole);
        }
        f64 value = lattice(away, dark);
        if ((SHAPE != GAUSS && SHAPE != TOPHAT) || any(value > 0.0)) {
            f64 F2 = looked_up<f64>(s.squares, table.place(nearest, 0));
            value = value * (INTERPOLATED ? interpolated(h, F2) : F2);
        }
        return INTERPOLATED && s.sticky ? marked(h, away, value) : value;
    }

    // No number in place of the value of each point that may end interpolation (emulation sticky-interpolation).
    f64 marked(const f64 h[3], const f64 away[3], f64 value) const {
        mask ends = nowhere();
        for (int axis = 0; axis < 3; axis++)
            ends = ends | h[axis] < double(s.table_low[axis]) + (2.0 + NEARLY) |
                   h[axis] > double(s.table_high[axis]) - (2.0 + NEARLY);
        if (s.sticky == 1 && SHAPE == TOPHAT) ends = ends & square_distance(away) < TOPHAT_LIMIT * (1.0 + NEARLY);
        if (s.sticky == 1 && SHAPE == GAUSS) ends = ends & square_distance(away) < GAUSS_WIDTH * (UNDERFLOW + 1.0);
        return select(ends, all(__builtin_nan("")), value);
    }
};
