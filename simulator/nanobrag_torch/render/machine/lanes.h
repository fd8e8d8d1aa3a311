// Numbers that are worked out side by side: one of a pixel in each lane of the machine's vectors.
//
// f32, i32 and f64 hold LANES floats, whole numbers or doubles (f64 in two halves), and + - * / < work lane by lane, so
// that a formula reads as for one number. No lane knows of another, and every loop is over whole vectors: what a pixel
// gets does not depend on the pixels that are rendered beside it.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
constexpr int LANES = 16;
#define LOW_LANES 0, 1, 2, 3, 4, 5, 6, 7
#define HIGH_LANES 8, 9, 10, 11, 12, 13, 14, 15
#define ALL_LANES LOW_LANES, HIGH_LANES
#define EVEN_WORDS 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define ODD_WORDS 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#elif defined(__AVX__)
constexpr int LANES = 8;
#define LOW_LANES 0, 1, 2, 3
#define HIGH_LANES 4, 5, 6, 7
#define ALL_LANES LOW_LANES, HIGH_LANES
#define EVEN_WORDS 0, 2, 4, 6, 8, 10, 12, 14
#define ODD_WORDS 1, 3, 5, 7, 9, 11, 13, 15
#else
constexpr int LANES = 4;
#define LOW_LANES 0, 1
#define HIGH_LANES 2, 3
#define ALL_LANES LOW_LANES, HIGH_LANES
#define EVEN_WORDS 0, 2, 4, 6
#define ODD_WORDS 1, 3, 5, 7
#endif

constexpr int HALF = LANES / 2;

typedef float f32 __attribute__((vector_size(4 * LANES)));
typedef int32_t i32 __attribute__((vector_size(4 * LANES)));
typedef double d_half __attribute__((vector_size(8 * HALF)));
typedef int64_t i_half __attribute__((vector_size(8 * HALF)));
typedef float f_half __attribute__((vector_size(4 * HALF)));
typedef int32_t w_half __attribute__((vector_size(4 * HALF)));

struct f64 {
    d_half low, high;
};

struct mask {  // of f64: every bit of a lane is set, or none
    i_half low, high;
};

// --- doubles --------------------------------------------------------------------------------------------------------

#define LANE_BY_LANE(op)                                                                                   \
    static inline f64 operator op(f64 a, f64 b) { return {a.low op b.low, a.high op b.high}; }             \
    static inline f64 operator op(f64 a, double b) { return {a.low op b, a.high op b}; }                   \
    static inline f64 operator op(double a, f64 b) { return {a op b.low, a op b.high}; }
LANE_BY_LANE(+)
LANE_BY_LANE(-)
LANE_BY_LANE(*)
LANE_BY_LANE(/)

#define COMPARED(op)                                                                          \
    static inline mask operator op(f64 a, f64 b) { return {a.low op b.low, a.high op b.high}; } \
    static inline mask operator op(f64 a, double b) { return {a.low op b, a.high op b}; }
COMPARED(<)
COMPARED(>)

static inline mask operator&(mask a, mask b) { return {a.low & b.low, a.high & b.high}; }
static inline mask operator|(mask a, mask b) { return {a.low | b.low, a.high | b.high}; }
static inline mask operator~(mask a) { return {~a.low, ~a.high}; }

static inline f64 all(double x) { return {x - d_half{}, x - d_half{}}; }
static inline mask nowhere() { return {i_half{}, i_half{}}; }
static inline f64 select(mask where, f64 a, f64 b) {
    return {where.low ? a.low : b.low, where.high ? a.high : b.high};
}
static inline f64 fabs(f64 x) { return select(x < 0.0, 0.0 - x, x); }

// Whether any bit is set, of 8 HALF bytes.
static inline bool any_bit(i_half words) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)words, (__m512i)words) != 0;
#elif defined(__AVX__)
    return !_mm256_testz_si256((__m256i)words, (__m256i)words);
#else
    int64_t found = 0;
    for (int i = 0; i < HALF; i++) found |= words[i];
    return found != 0;
#endif
}
static inline bool any(mask where) { return any_bit(where.low | where.high); }

static inline f64 sqrt(f64 x) {
    double lanes[LANES];
    memcpy(lanes, &x, sizeof x);
    for (int i = 0; i < LANES; i++) lanes[i] = __builtin_sqrt(lanes[i]);
    memcpy(&x, lanes, sizeof x);
    return x;
}

// 1/sqrt(x) to some 1e-16. Where the machine has an estimate, two steps of Newton's are quicker than root and quotient;
// but not for what is 0, infinite or no number.
static inline f64 inverse_sqrt(f64 x) {
#if defined(__AVX512F__)
    f64 y = {(d_half)_mm512_rsqrt14_pd((__m512d)x.low), (d_half)_mm512_rsqrt14_pd((__m512d)x.high)};
    for (int step = 0; step < 2; step++) y = y + 0.5 * y * (1.0 - x * y * y);
    const mask usual = y > 0.0;
    return any(~usual) ? select(usual, y, 1.0 / sqrt(x)) : y;
#else
    return 1.0 / sqrt(x);
#endif
}

// ``start``, start + 1, ...
static inline f64 counted(double start) {
    double numbers[LANES];
    for (int i = 0; i < LANES; i++) numbers[i] = double(i);
    f64 lanes;
    memcpy(&lanes, numbers, sizeof lanes);
    return lanes + start;
}

// --- floats and whole numbers ---------------------------------------------------------------------------------------

static inline f32 fabs(f32 x) { return (f32)((i32)x & 0x7fffffff); }
static inline f32 smaller(f32 a, f32 b) { return a < b ? a : b; }
static inline f32 larger(f32 a, f32 b) { return a > b ? a : b; }
static inline i32 clamped(i32 x, int32_t low, int32_t high) {
    i32 bottom = low - i32{}, top = high - i32{};
    x = x > bottom ? x : bottom;
    return x < top ? x : top;
}
static inline f32 to_f32(i32 x) { return __builtin_convertvector(x, f32); }
static inline f32 to_f32(f64 x) {
    f_half low = __builtin_convertvector(x.low, f_half), high = __builtin_convertvector(x.high, f_half);
    return __builtin_shufflevector(low, high, ALL_LANES);
}
static inline f64 to_f64(f32 x) {
    f_half low = __builtin_shufflevector(x, x, LOW_LANES), high = __builtin_shufflevector(x, x, HIGH_LANES);
    return {__builtin_convertvector(low, d_half), __builtin_convertvector(high, d_half)};
}
static inline mask to_mask(i32 x) {
    w_half low = __builtin_shufflevector(x, x, LOW_LANES), high = __builtin_shufflevector(x, x, HIGH_LANES);
    return {__builtin_convertvector(low, i_half), __builtin_convertvector(high, i_half)};
}
static inline i32 to_lanes(mask x) {
    w_half low = __builtin_convertvector(x.low, w_half), high = __builtin_convertvector(x.high, w_half);
    return __builtin_shufflevector(low, high, ALL_LANES);
}
static inline bool any(i32 where) { return any_bit((i_half)where); }

// The low and the high words of 64 bits each.
static inline i32 low_words(f64 x) { return __builtin_shufflevector((i32)x.low, (i32)x.high, EVEN_WORDS); }
static inline i32 high_words(f64 x) { return __builtin_shufflevector((i32)x.low, (i32)x.high, ODD_WORDS); }

// --- rounding -------------------------------------------------------------------------------------------------------

// Adding so large a number leaves no digits behind the point.
constexpr double NO_FRACTION = 6755399441055744.0;  // 1.5 x 2^52
constexpr float NO_FRACTION_F = 12582912.0f;        // 1.5 x 2^23

static inline f64 rounded(f64 x) { return (x + NO_FRACTION) - NO_FRACTION; }
static inline f32 rounded(f32 x) { return (x + NO_FRACTION_F) - NO_FRACTION_F; }
static inline i32 to_i32(f64 whole) { return low_words(whole + NO_FRACTION); }

// --- sines and exponentials -----------------------------------------------------------------------------------------

// sin(pi r)/r for |r| <= 1/2 to 7e-9: interpolated at the Chebyshev nodes of r^2.
static inline f32 sine_over(f32 r) {
    f32 s = r * r;
    return (((0.07765591224331467f * s - 0.5982904112667203f) * s + 2.550077386526186f) * s - 5.167710076668165f) * s +
           3.1415926400772f;
}

// The same to 1e-15, and cos(pi r): their series.
static inline f64 sine_over(f64 r) {
    constexpr double C[] = {3.141592653589793, -5.167712780049969, 2.550164039877345, -0.5992645293207919,
                            0.08214588661112819, -0.007370430945714348, 0.00046630280576761234,
                            -2.1915353447830204e-05, 7.952054001475508e-07, -2.2948428997269856e-08,
                            5.392664662608125e-10};
    f64 s = r * r, sum = all(C[10]);
    for (int i = 9; i >= 0; i--) sum = sum * s + C[i];
    return sum;
}
static inline f64 cosine(f64 r) {
    constexpr double C[] = {1.0, -4.934802200544679, 4.058712126416768, -1.3352627688545893,
                            0.23533063035889312, -0.02580689139001405, 0.001929574309403922,
                            -0.00010463810492484565, 4.303069587032944e-06, -1.387895246221376e-07,
                            3.6047307974624982e-09, -7.700707130601346e-11};
    f64 s = r * r, sum = all(C[11]);
    for (int i = 10; i >= 0; i--) sum = sum * s + C[i];
    return sum;
}

// sin and cos of any angle (rad) of some turns.
static inline void sine_and_cosine(f64 angle, f64& sine, f64& cosine_of_it) {
    f64 turns = angle * 0.3183098861837907, whole = rounded(turns), r = turns - whole;
    f64 odd = fabs(whole - 2.0 * rounded(0.5 * whole)), sign = 1.0 - 2.0 * odd;
    sine = sign * r * sine_over(r);
    cosine_of_it = sign * cosine(r);
}

// e^x to 1e-15; 0 below -700, and no number above 700, which is left to others.
static inline f64 exp(f64 x) {
    constexpr double C[] = {1.0, 1.0, 0.5, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320,
                            1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600};
    f64 inside = select(x < -700.0, all(0.0), select(x > 700.0, all(0.0), x));
    f64 k = rounded(inside * 1.4426950408889634);
    f64 r = inside - k * 0.6931471803691238 - k * 1.9082149292705877e-10, sum = all(C[12]);
    for (int i = 11; i >= 0; i--) sum = sum * r + C[i];
    f64 shifted = k + NO_FRACTION;
    f64 power = {(d_half)(((i_half)shifted.low + 1023) << 52), (d_half)(((i_half)shifted.high + 1023) << 52)};
    return select(x < -700.0, all(0.0), select(x > 700.0, all(__builtin_nan("")), sum * power));
}
