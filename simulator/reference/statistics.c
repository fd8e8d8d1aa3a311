/* Figures of the finished image. Only rendered pixels count. */
#include "statistics.h"

#include <math.h>

#include "render.h"

/* Middle of a pixel's last sub-pixel (m). */
static double last_subpixel_m(const Scene *scene, int pixel)
{
    int oversample = scene->sampling.oversample;
    double size_m = scene->detector.pixel_size_m / oversample;
    return size_m * ((double)pixel * oversample + oversample - 1) + size_m / 2.0;
}

/* One pass for sum, squares and the first of the largest pixels, one for the deviations from the mean:
 * mean = sum/n, rms = sqrt(sum x^2/(n-1)), rmsd = sqrt(sum (x-mean)^2/(n-1)). */
Statistics image_statistics(const Scene *scene, const float *image)
{
    Statistics s = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0};
    const int *roi = scene->sampling.roi;
    double sum = 0.0, squares = 0.0, deviations = 0.0, n = 0.0;
    int slow, fast, pass;
    for (pass = 0; pass < 2; pass++) {
        for (slow = roi[2]; slow <= roi[3]; slow++)
            for (fast = roi[0]; fast <= roi[1]; fast++) {
                float x = image[(size_t)slow * (size_t)scene->detector.fast_pixels + (size_t)fast];
                if (!is_rendered(scene, slow, fast))
                    continue;
                if (pass == 1) {
                    deviations += (x - s.mean) * (x - s.mean);
                    continue;
                }
                n += 1.0;
                sum += x;
                squares += (double)(float)(x * x);
                if (x > s.max) {
                    s.max = x;
                    s.max_fast_m = last_subpixel_m(scene, fast);
                    s.max_slow_m = last_subpixel_m(scene, slow);
                }
            }
        s.mean = n > 0.0 ? sum / n : 0.0;
    }
    if (n <= 1.0)
        n = 2.0;
    s.rms = sqrt(squares / (n - 1.0));
    s.rmsd = sqrt(deviations / (n - 1.0));
    return s;
}
