/* Orientation matrix files: nine numbers, a*, b*, c* in columns, times the wavelength in A. */
#include "io_matrix.h"

#include "errors.h"
#include "io_text.h"
#include "units.h"

#define MATRIX_NUMBERS 9

/* a*, b*, c* (1/A): the numbers of the file divided by the wavelength. Numbers after the ninth are left
 * alone, as files of this kind go on with other things. */
Basis read_matrix(const char *path, double wavelength_m, Allowed allowed)
{
    double number[MATRIX_NUMBERS], factor = METRES_PER_ANGSTROM / wavelength_m;
    Basis star;
    Text text;
    Line line;
    int i, count = 0;
    read_text(path, &text, allowed);
    while (count < MATRIX_NUMBERS && next_line(&text, BLANKS, &line)) {
        for (i = 0; i < line.count && i < MOST_FIELDS && count < MATRIX_NUMBERS; i++, count++)
            if (!parse_real(line.field[i], &number[count]))
                fail("%s line %ld: '%s' is not a number%s", path, text.line_number, line.field[i],
                     hint_of(&line, allowed));
    }
    free_text(&text);
    if (count < MATRIX_NUMBERS)
        fail("%s line %ld: the file ends after %d of %d numbers", path, text.line_number, count,
             MATRIX_NUMBERS);
    star.a = vector(number[0] * factor, number[3] * factor, number[6] * factor);
    star.b = vector(number[1] * factor, number[4] * factor, number[7] * factor);
    star.c = vector(number[2] * factor, number[5] * factor, number[8] * factor);
    return star;
}
