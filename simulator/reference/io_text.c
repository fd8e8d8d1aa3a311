/* Text files read whole, line by line, and numbers read strictly. */
#include "io_text.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"

#define FIRST_CHUNK 65536

/* ---- files ------------------------------------------------------------------------------------- */

/* The whole file as bytes, with a NUL after the last one. A missing or unreadable file is an error. */
void read_bytes(const char *path, Text *text)
{
    size_t room = FIRST_CHUNK, got;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail("%s: cannot be opened: %s", path, strerror(errno));
    text->path = path;
    text->length = 0;
    text->line_number = 0;
    text->data = allocate(room, 1, path);
    while ((got = fread(text->data + text->length, 1, room - text->length - 1, file)) > 0) {
        text->length += got;
        if (text->length == room - 1) {
            char *larger = realloc(text->data, checked_product(room, 2, path));
            if (larger == NULL)
                fail("%s: out of memory after %lu bytes", path, (unsigned long)text->length);
            text->data = larger;
            room *= 2;
        }
    }
    if (ferror(file))
        fail("%s: cannot be read: %s", path, strerror(errno));
    fclose(file);
    text->data[text->length] = '\0';
    text->next = text->data;
}

/* As read_bytes, for files people write: empty files and NUL bytes are errors. */
void read_text(const char *path, Text *text)
{
    read_bytes(path, text);
    if (text->length == 0)
        fail("%s: the file is empty", path);
    if (memchr(text->data, '\0', text->length) != NULL)
        fail("%s: a text file was expected, but it holds NUL bytes (binary data)", path);
}

/* The next line that holds a field, cut at the delimiters; 0 at the end of the file. Blank lines are
 * counted and passed over; any line end will do. */
int next_line(Text *text, const char *delimiters, Line *line)
{
    while (*text->next != '\0') {
        char *end = text->next + strcspn(text->next, "\n");
        char *cursor = text->next;
        text->next = *end == '\n' ? end + 1 : end;
        *end = '\0';
        text->line_number++;
        line->count = 0;
        for (cursor += strspn(cursor, delimiters); *cursor != '\0'; cursor += strspn(cursor, delimiters)) {
            char *field = cursor;
            cursor += strcspn(cursor, delimiters);
            if (*cursor != '\0')
                *cursor++ = '\0';
            if (line->count < MOST_FIELDS)
                line->field[line->count] = field;
            line->count++;
        }
        if (line->count > 0)
            return 1;
    }
    return 0;
}

void free_text(Text *text)
{
    free(text->data);
    text->data = text->next = NULL;
}

/* ---- numbers ----------------------------------------------------------------------------------- */

/* A finite decimal number and nothing else: no NaN, infinity, hexadecimal or trailing text. */
int parse_real(const char *token, double *value)
{
    char *end;
    if (*token == '\0' || token[strspn(token, "+-.0123456789eE")] != '\0')
        return 0;
    *value = strtod(token, &end);
    return *end == '\0' && end != token && isfinite(*value);
}

/* A decimal integer and nothing else, within the range of int but for its most negative value. */
int parse_integer(const char *token, int *value)
{
    char *end;
    long parsed;
    if (*token == '\0' || token[strspn(token, "+-0123456789")] != '\0')
        return 0;
    errno = 0;
    parsed = strtol(token, &end, 10);
    if (*end != '\0' || end == token || errno == ERANGE || parsed > INT_MAX || parsed < -INT_MAX)
        return 0;
    *value = (int)parsed;
    return 1;
}
