/* How large a run may be without -force: its terms and its memory, known before anything of that size is made.
 *
 * The limits, the words and the estimates are those of the Python simulator; limits.py says how they were set. */
#define _POSIX_C_SOURCE 200809L   /* stat */
#include "size_limits.h"

#include <sys/stat.h>

#include "errors.h"

#define MOST_TERMS 1e12
#define MOST_TERMS_OF_A_PIXEL 1e8
#define MOST_BYTES 8589934592.0
#define TERMS_PER_HOUR 7.2e9       /* of one core: 2 million a second */
#define BYTES_OF_A_PIXEL 4.0
#define BYTES_OF_A_ROW 8.0
#define BYTES_OF_AN_ENTRY 500.0    /* a source, or the cell of one phi step and domain, where they need the most */
#define MOST_INPUT_BYTES 4294967296.0
#define GIB 1073741824.0

/* The option of the count that is the largest. */
static const char *largest(const Size *size)
{
    static const char *const options[] = {"-detpixels", "-divsteps", "-phisteps", "-mosaic_domains", "-oversample",
                                          "-detector_thicksteps"};
    double count[6];
    int i, most = 0;
    count[0] = size->rendered;
    count[1] = size->sources;
    count[2] = size->phi_steps;
    count[3] = size->domains;
    count[4] = size->oversample * size->oversample;
    count[5] = size->layers;
    for (i = 1; i < 6; i++)
        if (count[i] > count[most])
            most = i;
    return BYTES_OF_A_PIXEL * size->pixels > MOST_BYTES ? options[0] : options[most];
}

/* Refuse, with the estimate, a run beyond the limits. */
void check_size(const Size *size)
{
    double of_a_pixel = size->sources * size->phi_steps * size->domains * size->oversample * size->oversample
                      * size->layers;
    double terms = size->rendered * of_a_pixel;
    double bytes = BYTES_OF_A_PIXEL * size->pixels + BYTES_OF_A_ROW * size->rows
                 + BYTES_OF_AN_ENTRY * (size->sources + size->phi_steps * size->domains);
    if (terms <= MOST_TERMS && of_a_pixel <= MOST_TERMS_OF_A_PIXEL && bytes <= MOST_BYTES)
        return;
    fail("%s: %g pixels x %g sources x %g phi steps x %g mosaic domains x %g^2 sub-pixels x %g layers are %.3g "
         "terms, about %.2g hours of a core, with %.3g GiB; the limits are %g terms, %g in a pixel, and %g GiB "
         "(-force goes on all the same)", largest(size), size->rendered, size->sources, size->phi_steps,
         size->domains, size->oversample, size->layers, terms, terms / TERMS_PER_HOUR, bytes / GIB, MOST_TERMS,
         MOST_TERMS_OF_A_PIXEL, MOST_BYTES / GIB);
}

/* Refuse an input that is too large, or of no known size; one that is not there is left to its reader. */
void check_input(const char *path)
{
    struct stat found;
    if (path == NULL || stat(path, &found) != 0 || S_ISDIR(found.st_mode))
        return;
    if (!S_ISREG(found.st_mode))
        fail("%s: a device or pipe, whose size nobody knows (-force reads it all the same)", path);
    if ((double)found.st_size > MOST_INPUT_BYTES)
        fail("%s: %.3g GiB; the limit of an input is %g GiB (-force reads it all the same)", path,
             (double)found.st_size / GIB, MOST_INPUT_BYTES / GIB);
}
