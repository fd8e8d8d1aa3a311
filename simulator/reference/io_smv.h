/* SMV images: headers and masks read, the int image written. */
#ifndef IO_SMV_H
#define IO_SMV_H

#include <stdio.h>

#include "config.h"
#include "options.h"

typedef enum { HEADER_OF_IMAGE, HEADER_OF_MASK } HeaderUse;

void apply_header(const char *path, HeaderUse use, Options *options);
unsigned char *read_mask(const char *path, const Detector *detector);
int write_smv(FILE *file, const Scene *scene, const float *image, double scale, double adc_offset);

#endif
