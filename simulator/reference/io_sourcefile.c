/* Source files: x y z weight wavelength(m), one source per line; weight and wavelength may be left out. */
#include "io_sourcefile.h"

#include <limits.h>
#include <stdlib.h>

#include "errors.h"
#include "io_text.h"
#include "units.h"

#define SOURCE_DELIMITERS BLANKS ",;:!"
#define SOURCE_COLUMNS 5
#define LONGEST_WAVELENGTH_M 1e-6   /* a longer one was meant in another unit */

/* One line as a source, or an error naming file, line and value. */
static Source parse_source(const Text *text, const Line *line, double wavelength_m, Allowed allowed)
{
    double column[SOURCE_COLUMNS] = {0.0, 0.0, 0.0, 1.0, 0.0};
    Source source = {0};
    int i;
    column[4] = wavelength_m;
    if (line->count < 3 || (line->count > SOURCE_COLUMNS && !allowed.columns)) {
        const char *hint = hint_of(line, allowed);
        if (*hint == '\0' && line->count > SOURCE_COLUMNS)
            hint = " (-allow columns takes the first five)";
        fail("%s line %ld: 3 to 5 numbers expected (x y z weight wavelength), %d fields found starting '%s'%s",
             text->path, text->line_number, line->count, line->field[0], hint);
    }
    for (i = 0; i < line->count && i < SOURCE_COLUMNS; i++)
        if (!parse_real(line->field[i], &column[i]))
            fail("%s line %ld: '%s' is not a number%s", text->path, text->line_number, line->field[i],
                 hint_of(line, allowed));
    source.position = vector(column[0], column[1], column[2]);
    source.incident = source.position;
    source.weight = 1.0;
    source.printed_weight = column[3];
    source.wavelength_m = column[4];
    if (length(source.position) == 0.0)
        fail("%s line %ld: the source sits on the sample (0 0 0)", text->path, text->line_number);
    if (source.printed_weight < 0.0)
        fail("%s line %ld: negative weight %g", text->path, text->line_number, source.printed_weight);
    if (!(source.wavelength_m > 0.0))
        fail("%s line %ld: the wavelength must be positive, not %g m", text->path, text->line_number,
             source.wavelength_m);
    if (source.wavelength_m > LONGEST_WAVELENGTH_M)
        warn("%s: a wavelength of %g m; the fifth column is in metres (1 A is 1e-10)", text->path,
             source.wavelength_m);
    return source;
}

/* Read every source of a file; positions and weights as they stand there. */
void read_source_file(const char *path, Beam *beam, Allowed allowed)
{
    Text text;
    Line line;
    size_t room = 0;
    long longer = 0;
    read_text(path, &text, allowed);
    beam->source_count = 0;
    beam->sources = NULL;
    while (next_line(&text, SOURCE_DELIMITERS, &line)) {
        if ((size_t)beam->source_count == room) {
            Source *larger;
            room = room ? 2 * room : 16;
            larger = room < INT_MAX ? realloc(beam->sources, checked_product(room, sizeof *larger, path)) : NULL;
            if (larger == NULL)
                fail("%s: too many sources", path);
            beam->sources = larger;
        }
        beam->sources[beam->source_count++] = parse_source(&text, &line, beam->wavelength_m, allowed);
        longer += line.count > SOURCE_COLUMNS;
    }
    free_text(&text);
    if (beam->source_count == 0)
        fail("%s: no sources found", path);
    if (longer > 0)
        warn("%s: the columns after the fifth are left out in %ld lines (-allow)", path, longer);
}
