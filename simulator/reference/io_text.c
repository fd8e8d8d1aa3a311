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
        fail("%s: cannot be read: %s", path, strerror(errno));
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

/* ---- text -------------------------------------------------------------------------------------- */

/* The value of -allow; NULL allows nothing. */
Allowed parse_allowed(const char *words)
{
    Allowed allowed = {0, 0};
    const char *word = words;
    while (word != NULL) {
        size_t size = strcspn(word, ",");
        if (size == strlen("comments") && strncmp(word, "comments", size) == 0)
            allowed.comments = 1;
        else if (size == strlen("columns") && strncmp(word, "columns", size) == 0)
            allowed.columns = 1;
        else
            fail("-allow: comments, columns or comments,columns expected, '%s' given", words);
        word = word[size] == ',' ? word + size + 1 : NULL;
    }
    return allowed;
}

/* Blank out what follows # or ! in each line, and say how often. */
static void cut_comments(Text *text)
{
    char *c, *end;
    long comments = 0;
    for (c = text->data; *(c += strcspn(c, "#!")) != '\0'; c = end, comments++)
        for (end = c + strcspn(c, "\n"); c < end; c++)
            *c = ' ';
    if (comments > 0)
        warn("%s: %ld comment%s left out (-allow)", text->path, comments, comments > 1 ? "s" : "");
}

/* Refuse what people take for a text of numbers and is none, by the bytes that it begins with. */
static void refuse_odd(const Text *text)
{
    static const struct {
        const char *begins, *what;
    } odd[] = {
        {"version https://git-lfs.github.com/", "a git-LFS pointer, not the file it stands for (git lfs pull)"},
        {"\x1f\x8b", "packed with gzip (gunzip it first)"},
        {"\xef\xbb\xbf", "text with a byte-order mark, which is no number (save it as plain UTF-8)"},
        {"\xff\xfe", "UTF-16 text (save it as plain UTF-8)"},
        {"\xfe\xff", "UTF-16 text (save it as plain UTF-8)"},
    };
    size_t i;
    for (i = 0; i < sizeof odd / sizeof odd[0]; i++)
        if (strncmp(text->data, odd[i].begins, strlen(odd[i].begins)) == 0)
            fail("%s: this is %s", text->path, odd[i].what);
}

/* As read_bytes, for files people write: empty and packed files, NUL bytes and lines that end in CR alone are errors;
 * comments are cut out where they are allowed. */
void read_text(const char *path, Text *text, Allowed allowed)
{
    const char *cr;
    read_bytes(path, text);
    if (text->length == strspn(text->data, BLANKS "\n"))
        fail("%s: the file is empty", path);
    refuse_odd(text);
    if (memchr(text->data, '\0', text->length) != NULL)
        fail("%s: a text file was expected, but it holds NUL bytes (binary data)", path);
    cr = strchr(text->data, '\r');
    if (cr != NULL && cr[1] != '\0' && strchr(text->data, '\n') == NULL)
        fail("%s: its lines end in CR alone, as on old Macintoshes (dos2unix -c mac mends it)", path);
    if (allowed.comments)
        cut_comments(text);
}

/* What to say after the refusal of a line that holds a comment. */
const char *hint_of(const Line *line, Allowed allowed)
{
    int i;
    for (i = 0; !allowed.comments && i < line->count && i < MOST_FIELDS; i++)
        if (strpbrk(line->field[i], "#!") != NULL)
            return " (-allow comments leaves out # and !)";
    return "";
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
