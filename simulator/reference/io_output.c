/* Output files that appear whole or not at all, and together or not at all.
 *
 * Until then a file has no name where the system has such files, so that nothing is left of a killed run; elsewhere
 * it has a temporary one. */
#define _GNU_SOURCE   /* O_TMPFILE, linkat */
#include "io_output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"

#define TEMPORARY_SUFFIX ".partial"
#define DEVICES "/dev/"
#define OWN_FILE "/proc/self/fd/%d"
#define LONGEST_OWN_FILE 64
#define RIGHTS 0666
#define COPIED_AT_ONCE 65536

/* ---- files without a name ---------------------------------------------------------------------- */

#ifdef O_TMPFILE
/* A stream to a file of the folder of `path` that has no name; NULL where there is no such thing. */
static FILE *open_unnamed(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash != NULL ? (size_t)(slash - path) + 1 : 1;
    char *folder = allocate(size + 1, 1, path);
    FILE *stream = NULL;
    int handle;
    memcpy(folder, slash != NULL ? path : ".", size);
    handle = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, RIGHTS);
    free(folder);
    if (handle >= 0 && access("/proc/self/fd", X_OK) == 0)
        stream = fdopen(handle, "w+b");
    if (stream == NULL && handle >= 0)
        close(handle);
    return stream;
}

/* Copy a file without a name to its temporary one. 0 when that was done. */
static int copy_unnamed(const OutputFile *file)
{
    char piece[COPIED_AT_ONCE];
    FILE *copy = fopen(file->temporary, "wb");
    size_t got, written = 0;
    if (copy == NULL)
        return -1;
    rewind(file->stream);
    do {
        got = fread(piece, 1, sizeof piece, file->stream);
        written = fwrite(piece, 1, got, copy);
    } while (got > 0 && written == got);
    if (fclose(copy) != 0 || written != got || ferror(file->stream)) {
        remove(file->temporary);
        return -1;
    }
    return 0;
}

/* Give a file without a name its temporary one, or, where the system refuses to, a copy of it. 0 when that was done. */
static int name_unnamed(const OutputFile *file)
{
    char own[LONGEST_OWN_FILE];
    snprintf(own, sizeof own, OWN_FILE, file->handle);
    remove(file->temporary);
    if (linkat(AT_FDCWD, own, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW) == 0)
        return 0;
    return copy_unnamed(file);
}
#else
static FILE *open_unnamed(const char *path)
{
    (void)path;
    return NULL;
}

static int name_unnamed(const OutputFile *file)
{
    (void)file;
    return -1;
}
#endif

/* ---- opening ----------------------------------------------------------------------------------- */

/* Whether the path is written directly: a device, or a pipe. */
static int is_device(const char *path)
{
    struct stat found;
    return strncmp(path, DEVICES, strlen(DEVICES)) == 0
        || (stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode));
}

/* Whether this run may make or replace the file; errno says why not. */
static int may_write(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return errno == ENOENT;
    if (S_ISDIR(found.st_mode)) {
        errno = EISDIR;
        return 0;
    }
    return access(path, W_OK) == 0;
}

static void forget(OutputFile *file)
{
    if (file->stream != NULL)
        fclose(file->stream);
    free(file->temporary);
    file->stream = NULL;
    file->temporary = NULL;
}

/* Remove what this run has written. */
void outputs_discard(Outputs *outputs)
{
    int i;
    for (i = 0; i < outputs->count; i++) {
        OutputFile *file = &outputs->file[i];
        if (file->published)
            remove(file->path);
        else if (file->temporary != NULL && file->named)
            remove(file->temporary);
        forget(file);
    }
    outputs->count = 0;
}

/* Open a file for writing; NULL, with errno set, where that cannot be. */
FILE *output_try(Outputs *outputs, const char *path)
{
    static const OutputFile none;
    OutputFile *file = &outputs->file[outputs->count];
    *file = none;
    file->path = path;
    if (is_device(path)) {
        file->stream = fopen(path, "wb");
    } else if (may_write(path)) {
        file->temporary = allocate(strlen(path) + sizeof TEMPORARY_SUFFIX, 1, path);
        strcpy(file->temporary, path);
        strcat(file->temporary, TEMPORARY_SUFFIX);
        file->stream = open_unnamed(path);
        file->named = file->stream == NULL;
        if (file->named)
            file->stream = fopen(file->temporary, "wb");
    }
    if (file->stream == NULL) {
        int reason = errno;
        forget(file);
        errno = reason;
        return NULL;
    }
    file->handle = fileno(file->stream);
    outputs->count++;
    return file->stream;
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

/* ---- closing ----------------------------------------------------------------------------------- */

static void give_up(Outputs *outputs, const char *path, int reason)
{
    outputs_discard(outputs);
    fail("%s: cannot be written: %s", path, strerror(reason));
}

/* The file opened last is complete; when it did not take every byte, remove all outputs and fail. */
void output_close(Outputs *outputs, FILE *stream, int failed)
{
    OutputFile *file = &outputs->file[outputs->count - 1];
    int full = fflush(stream) != 0 || ferror(stream) || failed;
    if (full)
        give_up(outputs, file->path, errno);
    if (file->temporary == NULL || file->named) {
        file->stream = NULL;
        if (fclose(stream) != 0)
            give_up(outputs, file->path, errno);
    }
}

/* Give every complete file its own name. */
void outputs_publish(Outputs *outputs)
{
    int i;
    for (i = 0; i < outputs->count; i++) {
        OutputFile *file = &outputs->file[i];
        if (file->temporary == NULL)
            continue;
        if (!file->named && name_unnamed(file) != 0)
            give_up(outputs, file->path, errno);
        file->named = 1;
        if (rename(file->temporary, file->path) != 0)
            give_up(outputs, file->path, errno);
        file->published = 1;
    }
    for (i = 0; i < outputs->count; i++)
        forget(&outputs->file[i]);
    outputs->count = 0;
}
