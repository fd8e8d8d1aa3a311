/* 3-vectors by value, 3x3 matrices, and the two kinds of rotation the geometry uses.
 *
 * The order of the floating-point operations is part of the contract: the Python simulator does the same
 * steps in the same order, so that images agree to the last bit of float32. */
#include "vectors.h"

#include <math.h>

#include "units.h"

/* ---- arithmetic -------------------------------------------------------------------------------- */

Vector vector(double x, double y, double z)
{
    Vector v = {x, y, z};
    return v;
}

Vector add(Vector left, Vector right)
{
    return vector(left.x + right.x, left.y + right.y, left.z + right.z);
}

Vector subtract(Vector left, Vector right)
{
    return vector(left.x - right.x, left.y - right.y, left.z - right.z);
}

Vector scaled(Vector v, double factor)
{
    return vector(factor * v.x, factor * v.y, factor * v.z);
}

double dot(Vector left, Vector right)
{
    return left.x * right.x + left.y * right.y + left.z * right.z;
}

Vector cross(Vector left, Vector right)
{
    return vector(left.y * right.z - left.z * right.y,
                  left.z * right.x - left.x * right.z,
                  left.x * right.y - left.y * right.x);
}

double length(Vector v)
{
    return sqrt(dot(v, v));
}

/* v/|v|; the null vector stays null. */
Vector unit(Vector v)
{
    double size = length(v);
    if (size == 0.0)
        return vector(0.0, 0.0, 0.0);
    return vector(v.x / size, v.y / size, v.z / size);
}

/* ---- rotations --------------------------------------------------------------------------------- */

/* Right-handed rotation about lab x, then lab y, then lab z, each skipped when its angle is 0. */
Vector rotate_xyz(Vector v, Vector angles_rad)
{
    if (angles_rad.x != 0.0) {
        double c = cos(angles_rad.x), s = sin(angles_rad.x);
        v = vector(v.x, v.y * c - v.z * s, v.y * s + v.z * c);
    }
    if (angles_rad.y != 0.0) {
        double c = cos(angles_rad.y), s = sin(angles_rad.y);
        v = vector(v.x * c + v.z * s, v.y, -v.x * s + v.z * c);
    }
    if (angles_rad.z != 0.0) {
        double c = cos(angles_rad.z), s = sin(angles_rad.z);
        v = vector(v.x * c - v.y * s, v.x * s + v.y * c, v.z);
    }
    return v;
}

/* Rodrigues rotation, right-handed: v' = n (n.v)(1 - cos) + v cos + (n x v) sin, with n as given. */
Vector rotate_about(Vector v, Vector axis, double angle_rad)
{
    double c = cos(angle_rad), s = sin(angle_rad);
    double along = dot(axis, v) * (1.0 - c);
    Vector across = cross(axis, v);
    return vector(axis.x * along + v.x * c + across.x * s,
                  axis.y * along + v.y * c + across.y * s,
                  axis.z * along + v.z * c + across.z * s);
}

/* m v */
Vector transform(Matrix m, Vector v)
{
    return vector(dot(m.row[0], v), dot(m.row[1], v), dot(m.row[2], v));
}

/* Right-handed rotation about a unit axis: cos I + (1 - cos) n n^T + sin [n]x. */
Matrix axis_rotation(Vector n, double angle_rad)
{
    double c = cos(angle_rad), s = sin(angle_rad), t = 1.0 - c;
    Matrix u;
    u.row[0] = vector(c + n.x * n.x * t, t * n.x * n.y - n.z * s, t * n.x * n.z + n.y * s);
    u.row[1] = vector(t * n.x * n.y + n.z * s, c + n.y * n.y * t, t * n.y * n.z - n.x * s);
    u.row[2] = vector(t * n.x * n.z - n.y * s, t * n.y * n.z + n.x * s, c + n.z * n.z * t);
    return u;
}

/* The angles (radians) that make rotate_xyz do the same as the matrix. Its rows are made unit vectors twice, as in the
 * original. */
Vector rotation_angles(Matrix u)
{
    double u31;
    int i;
    for (i = 0; i < 3; i++)
        u.row[i] = unit(unit(u.row[i]));
    u31 = u.row[2].x;
    if (u31 * u31 >= 1.0)
        return vector(PI, PI / 2.0, atan2(u.row[0].y, -u.row[1].y));
    return vector(atan2(u.row[2].y, u.row[2].z),
                  atan2(-u31, sqrt(u.row[2].y * u.row[2].y + u.row[2].z * u.row[2].z)),
                  atan2(u.row[1].x, u.row[0].x));
}
