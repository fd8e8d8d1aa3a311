/* How large a run may be without -force: its terms and its memory, known before anything of that size is made. */
#ifndef SIZE_LIMITS_H
#define SIZE_LIMITS_H

/* The counts that make a run large. `rendered` are the pixels of the region of interest, `pixels` and `rows` those
 * of the image. */
typedef struct {
    double pixels, rows, rendered;
    double sources, phi_steps, domains, oversample, layers;
} Size;

void check_size(const Size *size);
void check_input(const char *path);

#endif
