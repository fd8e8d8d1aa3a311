/* The sum over layers, sub-pixels, sources, phi steps and mosaic domains that makes each pixel. */
#ifndef RENDER_H
#define RENDER_H

#include "config.h"
#include "trace.h"

/* The cell at every phi step and mosaic domain, domains fastest. */
Basis *turned_cells(const Scene *scene);

/* Terms by which a pixel is divided: sources * domains * phi steps * oversample^2. */
double term_count(const Scene *scene);

/* Kahn's factor for a direction of incidence, or 1 with -nopolar. */
double source_polarization(const Scene *scene, Vector incident, Vector diffracted);

/* Whether the region of interest and the mask leave a pixel to be rendered. */
int is_rendered(const Scene *scene, int slow, int fast);

/* Photons on one pixel, by quicker sines where asked, and the sum of its solid angles. The trace may be NULL. */
double pixel_intensity(const Scene *scene, const Basis *cells, int slow, int fast, int quick, double *omega_sum,
                       Trace *trace);

/* Render the image, slow rows of fast pixels. Returns the solid angle of what was rendered (sr). */
double simulate(const Scene *scene, const Basis *cells, int show_progress, float *image);

#endif
