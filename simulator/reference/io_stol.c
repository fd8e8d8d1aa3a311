/* Tables of an amorphous background: two columns. They have no effect on the image, so the file is only
 * checked. */
#include "io_stol.h"

#include "errors.h"
#include "io_text.h"

void check_stol(const char *path)
{
    Text text;
    Line line;
    double value;
    int i, lines = 0;
    const Allowed comments = {1, 0}; /* published tables have them, and nothing in them can change the image */
    read_text(path, &text, comments);
    for (; next_line(&text, BLANKS, &line); lines++) {
        if (line.count < 2)
            fail("%s line %ld: two numbers expected, '%s' found", path, text.line_number, line.field[0]);
        for (i = 0; i < 2; i++)
            if (!parse_real(line.field[i], &value))
                fail("%s line %ld: '%s' is not a number", path, text.line_number, line.field[i]);
    }
    free_text(&text);
    if (lines == 0)
        fail("%s: no numbers found", path);
}
