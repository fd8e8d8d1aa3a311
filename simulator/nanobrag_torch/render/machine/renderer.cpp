// Rows of an image:
//
//     value = r_e^2 fluence * sum[ w F_cell^2 F_latt^2 * capture * polar * omega ] / steps + background
//
// as plain.py has it, with the same order of factors: omega and polar are those of the pixel's first sub-pixel and
// capture that of the first sub-pixel of each layer, unless by the -oversample_ flags. A row is rendered a piece at a
// time, and nothing couples two pixels.

#include "sums.h"
#include "threads.h"

// The factors of the pixels of a piece that are in force, and what was added up.
struct Pixels {
    Piece omega, omega_sum, capture, polar, total;
    mask unpolarized[VECTORS];
};

// --- factors --------------------------------------------------------------------------------------------------------

// Bring the factors of a sub-pixel into force.
static void enter(const Scene& s, const Rays& rays, int layer, bool is_first, bool is_very_first, int vectors,
                  Pixels& pixels) {
    for (int v = 0; v < vectors; v++) {
        if (is_very_first || s.oversample_omega) pixels.omega[v] = solid_angle(s, rays, v);
        pixels.omega_sum[v] = pixels.omega_sum[v] + pixels.omega[v];
        if (is_first || s.oversample_thick)
            pixels.capture[v] = s.computes_capture ? capture_fraction(s, rays, layer, v) : all(1.0);
    }
}

// D of a beam, and the polarization factor in force: of the first source that reaches a pixel, unless each has its own.
static bool shine(const Scene& s, const Rays& rays, int64_t beam, int vectors, Pixels& pixels, BeamOnPiece& on) {
    const double* incident = s.incident + 3 * beam;
    bool any_lit = false;
    for (int v = 0; v < vectors; v++) {
        for (int axis = 0; axis < 3; axis++) {
            on.difference[axis][v] = rays.diffracted[axis][v] - incident[axis];
            on.near_difference[axis][v] = to_f32(on.difference[axis][v]);
        }
        f64 x = on.difference[0][v], y = on.difference[1][v], z = on.difference[2][v];
        on.square[v] = x * x + y * y + z * z;
        on.sum[v] = all(0.0);
        mask dark = nowhere();
        if (s.largest_q > 0.0) {
            dark = ~dark;
            for (int64_t wave = s.first_wavelength[beam]; wave < s.first_wavelength[beam + 1]; wave++)
                dark = dark & beyond(s, on.square[v], s.inverse_wavelength[wave]);
        }
        on.lit[v] = any(~dark);
        any_lit = any_lit || on.lit[v];
        mask take = s.oversample_polar ? ~dark : ~dark & pixels.unpolarized[v];
        if (any(take)) pixels.polar[v] = select(take, polarization(s, rays, beam, v), pixels.polar[v]);
        pixels.unpolarized[v] = pixels.unpolarized[v] & dark;
    }
    return any_lit;
}

// The factors inside the sum, but for the weight.
static inline f64 inside(const Scene& s, const Pixels& pixels, int v) {
    f64 factor = all(1.0);
    if (s.capture_inside) factor = factor * pixels.capture[v];
    if (s.oversample_polar) factor = factor * pixels.polar[v];
    if (s.oversample_omega) factor = factor * pixels.omega[v];
    return factor;
}

// --- sums -----------------------------------------------------------------------------------------------------------

// Emulation running-product: the factors multiply all that came before, term by term; single steps in their order.
template <class Kernel>
static void multiply_on(const Scene& s, const Kernel& kernel, int64_t first, int64_t last, int vectors, BeamOnPiece& on,
                        Pixels& pixels) {
    for (int v = 0; v < vectors; v++) {
        if (!on.lit[v]) continue;
        const f64 factor = inside(s, pixels, v);
        f64 total = pixels.total[v];
        for (int64_t wave = first; wave < last; wave++) {
            mask beyond_it = s.largest_q > 0.0 ? beyond(s, on.square[v], s.inverse_wavelength[wave]) : nowhere();
            for (int64_t cell = 0; cell < s.singles; cell++) {
                f64 along[3];
                mask dark = nowhere();
                project(s.single_cells + 9 * cell, on, v, along);
                f64 term = kernel.term(along, s.inverse_wavelength[wave], dark);
                mask skipped = s.dark_is_skipped ? dark | beyond_it : beyond_it;
                total = select(skipped, total, (total + term) * factor);
            }
        }
        pixels.total[v] = total;
    }
}

template <class Kernel>
static void add_beam(const Scene& s, const Kernel& kernel, int64_t beam, int vectors, BeamOnPiece& on, Pixels& pixels) {
    const int64_t first = s.first_wavelength[beam], last = s.first_wavelength[beam + 1];
    if (s.running_product) {
        multiply_on(s, kernel, first, last, vectors, on, pixels);
        return;
    }
    add_singles(s, kernel, first, last, vectors, on);
    if constexpr (__is_same(Kernel, Fixed)) add_groups(s, kernel, first, last, vectors, on);
    for (int v = 0; v < vectors; v++)
        if (on.lit[v]) pixels.total[v] = pixels.total[v] + on.sum[v] * inside(s, pixels, v);
}

// Photons of water: I_bg * sum over sub-pixels of [ (sum over layers of capture * omega) * polar ] / oversample^2, with
// the polarization of the first source, whatever its resolution.
static void background(const Scene& s, int64_t row, int64_t column, int vectors, Piece found) {
    const int n = int(s.oversample), layers = int(s.layers);
    Piece omega, polar;
    static thread_local Rays rays;
    for (int v = 0; v < vectors; v++) found[v] = all(0.0);
    for (int layer = 0; layer < layers; layer++) {
        Piece capture;
        for (int sub = 0; sub < n * n; sub++) {
            locate(s, row, column, vectors, layer, sub / n, sub % n, rays);
            static thread_local Rays at_surface;
            const bool own_polar = sub == 0 || s.oversample_polar;
            if (own_polar) locate(s, row, column, vectors, 0, sub / n, sub % n, at_surface);
            for (int v = 0; v < vectors; v++) {
                if ((layer == 0 && sub == 0) || s.oversample_omega) omega[v] = solid_angle(s, rays, v);
                if (sub == 0 || s.oversample_thick)
                    capture[v] = s.computes_capture ? capture_fraction(s, rays, layer, v) : all(1.0);
                if (own_polar) polar[v] = polarization(s, at_surface, 0, v);
                found[v] = found[v] + capture[v] * omega[v] * polar[v];
            }
        }
    }
    for (int v = 0; v < vectors; v++) found[v] = found[v] * (s.water_beside / (double(n) * n));
}

// --- a piece of a row -----------------------------------------------------------------------------------------------

template <class Kernel>
static void sum_piece(const Scene& s, const Kernel& kernel, int64_t row, int64_t column, int vectors, Pixels& pixels) {
    const int n = int(s.oversample);
    static thread_local Rays rays;
    static thread_local BeamOnPiece on;
    for (int v = 0; v < vectors; v++) {
        pixels.omega_sum[v] = all(0.0);
        pixels.total[v] = all(s.water_first);
        pixels.polar[v] = all(s.unpolarized);
        pixels.unpolarized[v] = ~nowhere();
    }
    for (int layer = 0; layer < s.layers; layer++)
        for (int sub = 0; sub < n * n; sub++) {
            locate(s, row, column, vectors, layer, sub / n, sub % n, rays);
            enter(s, rays, layer, sub == 0, layer == 0 && sub == 0, vectors, pixels);
            for (int64_t beam = 0; beam < s.beams; beam++)
                if (shine(s, rays, beam, vectors, pixels, on)) add_beam(s, kernel, beam, vectors, on, pixels);
        }
}

// Photons of a row to ``values`` [width] and the sum of its solid angles (sr) to ``angle``; how many of its pixels came
// out as no number.
template <class Kernel>
static int64_t render_row(const Scene& s, const Kernel& kernel, int64_t row, float* values, double* angle) {
    static thread_local Pixels pixels;
    static thread_local Piece beside;
    static thread_local f32 photons[VECTORS];
    f64 angles = all(0.0);
    i32 undefined = {};
    for (int64_t start = 0; start < s.width; start += PIXELS) {
        const int count = int(s.width - start < PIXELS ? s.width - start : PIXELS);
        const int vectors = (count + LANES - 1) / LANES;
        const int64_t column = s.first_column + start;
        sum_piece(s, kernel, row, column, vectors, pixels);
        if (s.water_beside > 0.0) background(s, row, column, vectors, beside);
        for (int v = 0; v < vectors; v++) {
            f64 value = pixels.total[v] * s.scale;
            if (s.capture_shared) value = value * pixels.capture[v];
            if (!s.oversample_polar) value = value * pixels.polar[v];
            if (!s.oversample_omega) value = value * pixels.omega[v];
            if (s.water_beside > 0.0) value = value + beside[v];
            photons[v] = to_f32(value);
        }
        float* numbers = (float*)photons;
        double* omegas = (double*)pixels.omega_sum;
        const uint8_t* rendered = s.mask ? s.mask + row * s.fast_pixels + column : nullptr;
        for (int i = rendered ? 0 : count; i < vectors * LANES; i++)
            if (i >= count || !rendered[i]) numbers[i] = 0.0f, omegas[i] = 0.0;
        for (int v = 0; v < vectors; v++) {
            angles = angles + pixels.omega_sum[v];
            undefined -= photons[v] != photons[v];
        }
        memcpy(values + start, photons, size_t(count) * sizeof *values);
    }
    double sums[LANES];
    int32_t counts[LANES];
    int64_t found = 0;
    memcpy(sums, &angles, sizeof sums);
    memcpy(counts, &undefined, sizeof counts);
    *angle = 0.0;
    for (int i = 0; i < LANES; i++) *angle += sums[i], found += counts[i];
    return found;
}

template <class Kernel>
static int render(const Scene& s, const Kernel& kernel, int64_t first_row, int64_t rows, int64_t threads,
                  const Target& to) {
    return render_all(s, first_row, rows, threads, to, [&](int64_t row, float* values, double* angle) {
        return render_row(s, kernel, row, values, angle);
    });
}

template <Shape SHAPE>
static int render_exactly(const Scene& s, int64_t first_row, int64_t rows, int64_t threads, const Target& to) {
    if (s.interpolated) return render(s, Exact<SHAPE, true>(s), first_row, rows, threads, to);
    return render(s, Exact<SHAPE, false>(s), first_row, rows, threads, to);
}

// --- what compiled.py calls -----------------------------------------------------------------------------------------

extern "C" int64_t scene_bytes() { return sizeof(Scene); }

// Rows of an image to ``to``, by some threads; 0, errno, or STOPPED.
extern "C" int render_rows(const Scene* scene, int64_t first_row, int64_t rows, int64_t threads, const Target* to) {
    const Scene& s = *scene;
    if (s.in_float32) return render(s, Fixed(s), first_row, rows, threads, *to);
    switch (s.shape) {
        case ROUND: return render_exactly<ROUND>(s, first_row, rows, threads, *to);
        case GAUSS: return render_exactly<GAUSS>(s, first_row, rows, threads, *to);
        case TOPHAT: return render_exactly<TOPHAT>(s, first_row, rows, threads, *to);
        default: return render_exactly<SQUARE>(s, first_row, rows, threads, *to);
    }
}
