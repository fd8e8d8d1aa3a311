/* The PGM image, for a quick look: 8 bits, truncated. */
#include "io_pgm.h"

#define WHITE 255.0

/* 0 when the file took every byte. Pixels outside the region of interest are black. */
int write_pgm(FILE *file, const Scene *scene, const float *image, double scale)
{
    int slow, fast, slow_pixels = scene->detector.slow_pixels, fast_pixels = scene->detector.fast_pixels;
    fprintf(file, "P5\n%d %d\n# pixels scaled by %g\n255\n", fast_pixels, slow_pixels, scale);
    for (slow = 0; slow < slow_pixels; slow++)
        for (fast = 0; fast < fast_pixels; fast++) {
            double value = image[(size_t)slow * (size_t)fast_pixels + (size_t)fast] * scale;
            value = value < WHITE ? value : WHITE;
            putc(value > 0.0 ? (int)value : 0, file);
        }
    return ferror(file) ? -1 : 0;
}
