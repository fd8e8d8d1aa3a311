/* The float image: native float32, no header, fast axis first. */
#include "io_floatfile.h"

/* 0 when the file took every byte. */
int write_floats(FILE *file, const float *image, size_t pixels)
{
    return fwrite(image, sizeof *image, pixels, file) == pixels ? 0 : -1;
}
