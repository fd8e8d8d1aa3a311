/* 3-vectors by value, 3x3 matrices, and the two kinds of rotation the geometry uses. */
#ifndef VECTORS_H
#define VECTORS_H

typedef struct {
    double x, y, z;
} Vector;

/* Rows of a 3x3 matrix, applied to column vectors. */
typedef struct {
    Vector row[3];
} Matrix;

/* Three vectors that belong together: a, b, c of a cell, or a*, b*, c*. */
typedef struct {
    Vector a, b, c;
} Basis;

Vector vector(double x, double y, double z);
Vector add(Vector left, Vector right);
Vector subtract(Vector left, Vector right);
Vector scaled(Vector v, double factor);
double dot(Vector left, Vector right);
Vector cross(Vector left, Vector right);
double length(Vector v);
Vector unit(Vector v);

Vector rotate_xyz(Vector v, Vector angles_rad);
Vector rotate_about(Vector v, Vector axis, double angle_rad);
Vector transform(Matrix m, Vector v);
Matrix axis_rotation(Vector axis, double angle_rad);
Vector rotation_angles(Matrix rotation);

#endif
