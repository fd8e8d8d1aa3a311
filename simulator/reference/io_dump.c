/* Binary dumps of the grid of structure factors: "hmin hmax kmin kmax lmin lmax", newline, form feed, then
 * native doubles, h slowest and l fastest, with one entry of padding per axis. */
#include "io_dump.h"

#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "hkl_grid.h"
#include "io_text.h"

#define DUMP_LIMITS 6
#define LONGEST_DUMP_HEADER 128

/* The six limits of the first line; returns where the numbers start. */
static const char *read_limits(const Text *text, StructureFactors *F)
{
    char header[LONGEST_DUMP_HEADER];
    char *end = memchr(text->data, '\n', text->length < sizeof header ? text->length : sizeof header);
    Text first = {text->path, header, header, 0, 0};
    Line line;
    int *limit[DUMP_LIMITS], i;
    limit[0] = &F->h_min;
    limit[1] = &F->h_max;
    limit[2] = &F->k_min;
    limit[3] = &F->k_max;
    limit[4] = &F->l_min;
    limit[5] = &F->l_max;
    if (end == NULL || end[1] != '\f')
        fail("%s: this is no dump of structure factors (six limits, newline and form feed expected)",
             text->path);
    memcpy(header, text->data, (size_t)(end - text->data));
    header[end - text->data] = '\0';
    if (!next_line(&first, " ", &line) || line.count != DUMP_LIMITS)
        fail("%s line 1: six limits of h, k and l expected", text->path);
    for (i = 0; i < DUMP_LIMITS; i++)
        if (!parse_integer(line.field[i], limit[i]))
            fail("%s line 1: '%s' is not an integer", text->path, line.field[i]);
    for (i = 0; i < DUMP_LIMITS; i++)
        if (*limit[i] > LARGEST_INDEX || *limit[i] < -LARGEST_INDEX)
            fail("%s line 1: index %d is out of all range", text->path, *limit[i]);
    if (F->h_max < F->h_min || F->k_max < F->k_min || F->l_max < F->l_min)
        fail("%s line 1: the limits of an index are the wrong way round", text->path);
    return end + 2;
}

/* Read a dump; every number must be there and finite, and nothing may follow. */
void read_dump(const char *path, StructureFactors *F)
{
    Text text;
    const char *numbers;
    size_t bytes, i;
    read_bytes(path, &text);
    numbers = read_limits(&text, F);
    allocate_grid(F, path);
    bytes = grid_size(F) * sizeof *F->grid;
    if (text.length != (size_t)(numbers - text.data) + bytes)
        fail("%s: %lu bytes of structure factors expected, %lu found", path, (unsigned long)bytes,
             (unsigned long)(text.length - (size_t)(numbers - text.data)));
    memcpy(F->grid, numbers, bytes);
    free_text(&text);
    for (i = 0; i < grid_size(F); i++)
        if (!(F->grid[i] - F->grid[i] == 0.0))
            fail("%s: structure factor number %lu is not a number", path, (unsigned long)i);
    F->records = ((long)F->h_max - F->h_min + 1) * ((long)F->k_max - F->k_min + 1)
               * ((long)F->l_max - F->l_min + 1);
}

/* Write the grid; 0 when the file took every byte. */
int write_dump(FILE *file, const StructureFactors *F)
{
    size_t count = grid_size(F);
    fprintf(file, "%d %d %d %d %d %d\n\f", F->h_min, F->h_max, F->k_min, F->k_max, F->l_min, F->l_max);
    return fwrite(F->grid, sizeof *F->grid, count, file) == count ? 0 : -1;
}
