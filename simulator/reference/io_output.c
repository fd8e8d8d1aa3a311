/* Output files that appear whole or not at all. */
#include "io_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"

#define TEMPORARY_SUFFIX ".partial"
#define DEVICES "/dev/"

/* Remove what this run has written. */
void outputs_discard(Outputs *outputs)
{
    int i;
    for (i = 0; i < outputs->count; i++) {
        OutputFile *file = &outputs->file[i];
        if (file->temporary != NULL)
            remove(file->published ? file->path : file->temporary);
        free(file->temporary);
        file->temporary = NULL;
    }
    outputs->count = 0;
}

/* Open a file for writing under its temporary name; NULL, with errno set, where that cannot be. A device is
 * written directly. */
FILE *output_try(Outputs *outputs, const char *path)
{
    OutputFile *file = &outputs->file[outputs->count];
    FILE *stream;
    file->path = path;
    file->published = 0;
    file->temporary = NULL;
    if (strncmp(path, DEVICES, strlen(DEVICES)) != 0) {
        file->temporary = allocate(strlen(path) + sizeof TEMPORARY_SUFFIX, 1, path);
        strcpy(file->temporary, path);
        strcat(file->temporary, TEMPORARY_SUFFIX);
    }
    stream = fopen(file->temporary != NULL ? file->temporary : path, "wb");
    if (stream != NULL) {
        outputs->count++;
    } else {
        free(file->temporary);
        file->temporary = NULL;
    }
    return stream;
}

/* As output_try, but what cannot be opened, or is named twice, ends the run without outputs. */
FILE *output_open(Outputs *outputs, const char *path)
{
    FILE *stream;
    int i;
    for (i = 0; i < outputs->count; i++)
        if (strcmp(outputs->file[i].path, path) == 0 && outputs->file[i].temporary != NULL) {
            outputs_discard(outputs);
            fail("%s: two outputs have this name", path);
        }
    stream = output_try(outputs, path);
    if (stream == NULL) {
        int reason = errno;
        outputs_discard(outputs);
        fail("%s: cannot be written: %s", path, strerror(reason));
    }
    return stream;
}

/* Close the file opened last; when it did not take every byte, remove all outputs and fail. */
void output_close(Outputs *outputs, FILE *stream, int failed)
{
    const char *path = outputs->file[outputs->count - 1].path;
    int broken = ferror(stream);
    if (fclose(stream) != 0 || broken || failed) {
        int reason = errno;
        outputs_discard(outputs);
        fail("%s: cannot be written: %s", path, strerror(reason));
    }
}

/* Give every complete file its own name. */
void outputs_publish(Outputs *outputs)
{
    int i;
    for (i = 0; i < outputs->count; i++) {
        OutputFile *file = &outputs->file[i];
        if (file->temporary != NULL && rename(file->temporary, file->path) != 0) {
            const char *path = file->path;
            int reason = errno;
            outputs_discard(outputs);
            fail("%s: cannot be written: %s", path, strerror(reason));
        }
        file->published = 1;
    }
    for (i = 0; i < outputs->count; i++)
        free(outputs->file[i].temporary);
    outputs->count = 0;
}
