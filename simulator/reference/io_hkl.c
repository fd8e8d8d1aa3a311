/* Text files of structure factors: h k l F per line, three whole numbers and a real. */
#include "io_hkl.h"

#include <stdlib.h>

#include "errors.h"
#include "hkl_grid.h"
#include "io_text.h"

#define HKL_COLUMNS 4

typedef struct {
    int h, k, l;
    double F;
} Record;

/* One line as a record, or an error naming file, line and value. */
static Record parse_record(const Text *text, const Line *line, Allowed allowed)
{
    Record record = {0, 0, 0, 0.0};
    int *index[3], i;
    index[0] = &record.h;
    index[1] = &record.k;
    index[2] = &record.l;
    if (line->count != HKL_COLUMNS && !(line->count > HKL_COLUMNS && allowed.columns)) {
        const char *hint = hint_of(line, allowed);
        if (*hint == '\0' && line->count > HKL_COLUMNS)
            hint = " (-allow columns takes the first four)";
        fail("%s line %ld: h k l F expected, %d field%s found starting '%s'%s", text->path, text->line_number,
             line->count, line->count == 1 ? "" : "s", line->field[0], hint);
    }
    for (i = 0; i < 3; i++) {
        if (!parse_integer(line->field[i], index[i]))
            fail("%s line %ld: index '%s' is not an integer%s", text->path, text->line_number, line->field[i],
                 hint_of(line, allowed));
        if (*index[i] > LARGEST_INDEX || *index[i] < -LARGEST_INDEX)
            fail("%s line %ld: index '%s' is out of all range", text->path, text->line_number, line->field[i]);
    }
    if (!parse_real(line->field[3], &record.F))
        fail("%s line %ld: structure factor '%s' is not a number%s", text->path, text->line_number,
             line->field[3], hint_of(line, allowed));
    return record;
}

static void widen(int *min, int *max, int value, int first)
{
    if (first || value < *min)
        *min = value;
    if (first || value > *max)
        *max = value;
}

/* Read all records: once for the ranges of the indices, once to fill the grid. A reflection listed twice
 * has the later value. */
void read_hkl(const char *path, StructureFactors *F, Allowed allowed)
{
    Text text;
    Line line;
    Record *records;
    long room = 1, longer = 0, i;
    char *c;
    read_text(path, &text, allowed);
    for (c = text.data; *c != '\0'; c++)
        room += *c == '\n';
    records = allocate((size_t)room, sizeof *records, path);
    F->records = 0;
    while (next_line(&text, BLANKS, &line)) {
        Record record = parse_record(&text, &line, allowed);
        longer += line.count > HKL_COLUMNS;
        widen(&F->h_min, &F->h_max, record.h, F->records == 0);
        widen(&F->k_min, &F->k_max, record.k, F->records == 0);
        widen(&F->l_min, &F->l_max, record.l, F->records == 0);
        records[F->records++] = record;
    }
    free_text(&text);
    if (F->records == 0)
        fail("%s: no structure factors found", path);
    if (longer > 0)
        warn("%s: the columns after the fourth are left out in %ld lines (-allow)", path, longer);
    allocate_grid(F, path);
    for (i = 0; i < F->records; i++)
        *grid_entry(F, records[i].h, records[i].k, records[i].l) = records[i].F;
    free(records);
}
