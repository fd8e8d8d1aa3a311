/* Text files read whole, line by line, and numbers read strictly. */
#ifndef IO_TEXT_H
#define IO_TEXT_H

#include <stddef.h>

#define BLANKS " \t\r\v\f"
#define MOST_FIELDS 16

/* What readers may pass over because the user said so (-allow): from # or ! to the end of a line, and columns
 * after the last one that is read. */
typedef struct {
    int comments, columns;
} Allowed;

/* A file in memory. `next` moves along; lines and fields are cut in place. */
typedef struct {
    const char *path;
    char *data;
    char *next;
    size_t length;
    long line_number;
} Text;

/* One line cut into fields; count may exceed MOST_FIELDS, the surplus is not kept. */
typedef struct {
    int count;
    char *field[MOST_FIELDS];
} Line;

void read_bytes(const char *path, Text *text);
void read_text(const char *path, Text *text, Allowed allowed);
Allowed parse_allowed(const char *words);
const char *hint_of(const Line *line, Allowed allowed);
int next_line(Text *text, const char *delimiters, Line *line);
void free_text(Text *text);

int parse_real(const char *token, double *value);
int parse_integer(const char *token, int *value);

#endif
