/* Output files that appear whole or not at all.
 *
 * Each has no name, or a temporary one beside its own, until all are complete. */
#ifndef IO_OUTPUT_H
#define IO_OUTPUT_H

#include <stdio.h>

#define MOST_OUTPUTS 8

typedef struct {
    const char *path;
    char *temporary;   /* NULL: written directly (a device) */
    FILE *stream;      /* NULL once it is closed; a file without a name stays open until it gets one */
    int handle;
    int named, published;
} OutputFile;

typedef struct {
    int count;
    OutputFile file[MOST_OUTPUTS];
} Outputs;

FILE *output_try(Outputs *outputs, const char *path);
FILE *output_open(Outputs *outputs, const char *path);
void output_close(Outputs *outputs, FILE *file, int failed);
void outputs_discard(Outputs *outputs);
void outputs_publish(Outputs *outputs);

#endif
