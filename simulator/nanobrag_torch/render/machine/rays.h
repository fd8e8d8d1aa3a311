// Where the pixels of a piece of a row are, and what of a ray does not depend on the crystal.
#pragma once

#include "lanes.h"
#include "scene.h"

constexpr int PIXELS = 512;  // of a piece: few enough to stay in the nearest cache
constexpr int VECTORS = PIXELS / LANES;

typedef f64 Piece[VECTORS];  // a number for each of its pixels

// One sub-pixel of every pixel of a piece: the unit vectors d towards it, and 1/R (1/m).
struct Rays {
    Piece diffracted[3], inverse;
};

static inline f64 dot(const double v[3], f64 x, f64 y, f64 z) { return v[0] * x + v[1] * y + v[2] * z; }

struct Point {
    f64 x, y, z;
};

// A point turned about an axis, right-handed: n (n.v)(1 - cos) + v cos + (n x v) sin.
static Point turned(Point v, const double n[3], f64 angle) {
    f64 s, c;
    sine_and_cosine(angle, s, c);
    f64 along = dot(n, v.x, v.y, v.z) * (1.0 - c);
    return {n[0] * along + v.x * c + (n[1] * v.z - n[2] * v.y) * s,
            n[1] * along + v.y * c + (n[2] * v.x - n[0] * v.z) * s,
            n[2] * along + v.z * c + (n[0] * v.y - n[1] * v.x) * s};
}

// The rays to sub-pixel (sub_slow, sub_fast) of a layer, for a row and the columns from ``column`` on.
static void locate(const Scene& s, int64_t row, int64_t column, int vectors, int layer, int sub_slow, int sub_fast,
                   Rays& rays) {
    const double n = s.oversample, size = s.pixel_size / n;
    const double slow_m = size * (row * n + sub_slow) + size / 2.0, depth = layer * s.layer_thickness;
    double across[3];
    for (int i = 0; i < 3; i++) across[i] = slow_m * s.slow[i] + depth * s.normal[i] + s.pix0[i];
    for (int v = 0; v < vectors; v++) {
        const f64 fast_m = size * (counted(double(column + v * LANES)) * n + double(sub_fast)) + size / 2.0;
        Point p = {fast_m * s.fast[0] + across[0], fast_m * s.fast[1] + across[1], fast_m * s.fast[2] + across[2]};
        if (s.curved) {
            f64 first = s.curved_by_lab ? p.y : fast_m - s.bend_from[0];
            f64 second = s.curved_by_lab ? p.z : all(slow_m - s.bend_from[1]);
            p = {all(s.start[0] + depth * s.start_growth[0]), all(s.start[1] + depth * s.start_growth[1]),
                 all(s.start[2] + depth * s.start_growth[2])};
            p = turned(turned(p, s.bend_axes[0], first / s.distance), s.bend_axes[1], second / s.distance);
        }
        f64 inverse = inverse_sqrt(p.x * p.x + p.y * p.y + p.z * p.z);
        rays.inverse[v] = inverse;
        rays.diffracted[0][v] = p.x * inverse;
        rays.diffracted[1][v] = p.y * inverse;
        rays.diffracted[2][v] = p.z * inverse;
    }
}

// Solid angle (sr): px^2/R^2 close_distance/R; px^2/R^2 where the pixel faces the sample; 1/R^2 for a point.
static inline f64 solid_angle(const Scene& s, const Rays& rays, int v) {
    f64 near = rays.inverse[v] * rays.inverse[v];
    if (s.point_pixel) return near;
    near = near * (s.pixel_size * s.pixel_size);
    return s.faces_sample ? near : near * s.close_distance * rays.inverse[v];
}

// Share of the photons that a layer absorbs: exp(-t dt mu/(d.o)) - exp(-(t+1) dt mu/(d.o)).
static inline f64 capture_fraction(const Scene& s, const Rays& rays, int layer, int v) {
    f64 parallax = all(1.0);
    if (!s.faces_sample) parallax = dot(s.normal, rays.diffracted[0][v], rays.diffracted[1][v], rays.diffracted[2][v]);
    f64 depth = (-s.layer_thickness * s.attenuation) / parallax;
    return exp(double(layer) * depth) - exp(double(layer + 1) * depth);
}

// Kahn's factor 0.5 (1 + c^2 - K cos(2 psi) (1 - c^2)) with c = i.d: (1 - c^2) cos(2 psi) is (d.E)^2 - (d.B)^2, and
// where the polarization axis lies along the beam, which leaves no E and B, psi counts as 0.
static inline f64 polarization(const Scene& s, const Rays& rays, int64_t beam, int v) {
    if (!s.polarized) return all(1.0);
    f64 x = rays.diffracted[0][v], y = rays.diffracted[1][v], z = rays.diffracted[2][v];
    f64 c = dot(s.incident + 3 * beam, x, y, z), c2 = c * c;
    if (s.kahn == 0.0) return 0.5 * (1.0 + c2);
    f64 E = dot(s.electric + 3 * beam, x, y, z), B = dot(s.magnetic + 3 * beam, x, y, z);
    f64 turned = E * E - B * B + s.axis_parallel[beam] * (1.0 - c2);
    return 0.5 * (1.0 + c2 - s.kahn * turned);
}
