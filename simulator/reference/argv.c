/* Strict parsing of the command line by the table of flags: whole words, exact numbers of values, and an
 * error that names the nearest option for anything else. */
#include "argv.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "flags.h"
#include "io_text.h"
#include "size_limits.h"

#define LONGEST_NAME 64
#define AS_THE_C_PROGRAM " (nanobrag_torch -emulate argv reads the line as nanoBragg does)"

/* ---- names ------------------------------------------------------------------------------------- */

/* Whether the word is one of the blank-separated names. */
static int has_name(const char *names, const char *word)
{
    size_t size = strlen(word);
    const char *at;
    for (at = strstr(names, word); at != NULL; at = strstr(at + 1, word))
        if ((at == names || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return 1;
    return 0;
}

static const Flag *find_flag(const char *word)
{
    int i;
    if (word[0] == '-' && strchr(word, ' ') == NULL && word[1] != '\0')
        for (i = 0; i < FLAG_COUNT; i++)
            if (has_name(FLAGS[i].names, word))
                return &FLAGS[i];
    return NULL;
}

/* Edit distance between a word and the first `size` characters of a name. */
static int edit_distance(const char *word, const char *name, int size)
{
    int row[LONGEST_NAME + 1], i, j, columns = size < LONGEST_NAME ? size : LONGEST_NAME;
    for (j = 0; j <= columns; j++)
        row[j] = j;
    for (i = 0; word[i] != '\0' && i < LONGEST_NAME; i++) {
        int corner = row[0];
        row[0] = i + 1;
        for (j = 0; j < columns; j++) {
            int best = corner + (word[i] != name[j]);
            if (row[j + 1] + 1 < best)
                best = row[j + 1] + 1;
            if (row[j] + 1 < best)
                best = row[j] + 1;
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    return row[columns];
}

/* The first name among blank-separated ones that is nearest to a word, with its size and distance. */
static void nearer(const char *word, const char *names, const char **nearest, int *size, int *least)
{
    const char *name = names;
    while (*name != '\0') {
        int width = (int)strcspn(name, " ");
        int distance = edit_distance(word, name, width);
        if (distance < *least) {
            *least = distance;
            *nearest = name;
            *size = width;
        }
        name += width;
        name += strspn(name, " ");
    }
}

/* Refuse a word that is no option, naming the one that people mean by it, or else the nearest. */
static void refuse_unknown(const char *word)
{
    const char *nearest = "";
    int i, size = 0, least = 1 << 30;
    if (word[0] != '-')
        fail("unexpected value '%s': no option takes it" AS_THE_C_PROGRAM, word);
    for (i = 0; i < FLAG_COUNT; i++)
        nearer(word, FLAGS[i].names, &nearest, &size, &least);
    for (i = 0; i < FLAG_COUNT; i++)
        if (FLAGS[i].mistaken != NULL && has_name(FLAGS[i].mistaken, word)) {
            nearest = FLAGS[i].names;
            size = (int)strcspn(nearest, " ");
        }
    fail("unknown option '%s'; did you mean '%.*s'?" AS_THE_C_PROGRAM, word, size, nearest);
}

/* ---- values ------------------------------------------------------------------------------------ */

/* The tokens being read: the option, and where its values start and end. */
typedef struct {
    const char *name;
    char **value;
    int left;
} Reader;

static double read_real(const Reader *reader, int i)
{
    double value = 0.0;
    if (!parse_real(reader->value[i], &value))
        fail("%s: '%s' is not a number", reader->name, reader->value[i]);
    return value;
}

static int read_integer(const Reader *reader, int i)
{
    int value = 0;
    if (!parse_integer(reader->value[i], &value))
        fail("%s: '%s' is not an integer", reader->name, reader->value[i]);
    return value;
}

static void need_values(const Reader *reader, int values)
{
    if (reader->left < values)
        fail("%s: %d value%s expected, %d given", reader->name, values, values == 1 ? "" : "s", reader->left);
}

/* A real in SI units; the result must still be a finite number (an energy of 0 has no wavelength). */
static double read_quantity(const Reader *reader, int i, Unit unit)
{
    double value = read_real(reader, i);
    double si = to_si(unit, value);
    if (!(si - si == 0.0))
        fail("%s: '%s' is not a usable value", reader->name, reader->value[i]);
    return si;
}

/* -cell: one to six values, up to the next option. */
static int store_cell(const Reader *reader, double *cell)
{
    int i;
    need_values(reader, 1);
    for (i = 0; i < 6 && i < reader->left && reader->value[i][0] != '-'; i++)
        cell[i] = to_si(i < 3 ? PLAIN : DEGREES, read_real(reader, i));
    if (i == 0)
        fail("%s: 1 to 6 values expected, '%s' given", reader->name, reader->value[0]);
    return i;
}

/* -misset: a word holding "rand", or three angles. */
static int store_misset(const Reader *reader, Options *options)
{
    int i;
    if (reader->left > 0 && strstr(reader->value[0], "rand") != NULL) {
        options->misset_mode = MISSET_RANDOM;
        return 1;
    }
    need_values(reader, 3);
    for (i = 0; i < 3; i++)
        options->misset[i] = read_quantity(reader, i, DEGREES);
    options->misset_mode = MISSET_ANGLES;
    return 3;
}

/* -describe_pixel: one more pixel on the list. */
static int store_pixel(const Reader *reader, PixelList *list)
{
    int (*larger)[2];
    need_values(reader, 2);
    larger = realloc(list->pixel, ((size_t)list->count + 1) * sizeof *larger);
    if (larger == NULL)
        fail("%s: out of memory after %d pixels", reader->name, list->count);
    larger[list->count][0] = read_integer(reader, 0);
    larger[list->count][1] = read_integer(reader, 1);
    list->pixel = larger;
    list->count++;
    return 2;
}

static int store_pivot(const Reader *reader, int *pivot)
{
    need_values(reader, 1);
    if (strstr(reader->value[0], "sample") != NULL)
        *pivot = PIVOT_SAMPLE;
    else if (strstr(reader->value[0], "beam") != NULL)
        *pivot = PIVOT_BEAM;
    else
        fail("%s: 'beam' or 'sample' expected, '%s' given", reader->name, reader->value[0]);
    return 1;
}

/* The plain kinds: so many integers, reals or words, into `copies` equal cells where asked. */
static int store_plain(const Reader *reader, const Flag *flag, void *target)
{
    int i, j, copies = flag->copies > 1 ? flag->copies : 1;
    need_values(reader, flag->values);
    for (i = 0; i < flag->values; i++)
        for (j = 0; j < copies; j++) {
            if (flag->takes == TAKES_INTEGERS)
                ((int *)target)[i + j] = read_integer(reader, i);
            else if (flag->takes == TAKES_REALS)
                ((double *)target)[i + j] = read_quantity(reader, i, flag->unit);
            else
                ((const char **)target)[i + j] = reader->value[i];
        }
    return flag->values;
}

/* Store what an option gives and return how many tokens it took. */
static int store_values(const Reader *reader, const Flag *flag, Options *options)
{
    void *target = (char *)options + flag->at;
    double ignored;
    switch (flag->takes) {
    case TAKES_NOTHING: return 0;
    case TAKES_PERHAPS_ONE: return reader->left > 0 && parse_real(reader->value[0], &ignored);
    case TAKES_CELL: return store_cell(reader, target);
    case TAKES_MISSET: return store_misset(reader, options);
    case TAKES_PIVOT: return store_pivot(reader, target);
    case TAKES_PIXEL: return store_pixel(reader, target);
    case TAKES_ATTENUATION:
        if (reader->left > 0 && strstr(reader->value[0], "inf") != NULL) {
            *(double *)target = 0.0;
            return 1;
        }
        need_values(reader, 1);
        *(double *)target = read_quantity(reader, 0, flag->unit);
        return 1;
    default: return store_plain(reader, flag, target);
    }
}

/* ---- the command line -------------------------------------------------------------------------- */

/* Read all options in their order. Values of later options replace those of earlier ones. */
void parse_options(int count, char **tokens, Options *options)
{
    int i = 0;
    while (i < count) {
        const Flag *flag = find_flag(tokens[i]);
        Reader reader = {tokens[i], tokens + i + 1, count - i - 1};
        if (flag == NULL)
            refuse_unknown(tokens[i]);
        i += 1 + store_values(&reader, flag, options);
        if (flag->also != 0)
            *(int *)((char *)options + flag->also) = flag->also_value;
        if (flag->convention != CONVENTION_UNSET)
            options->convention = flag->convention;
        if (flag->pivot != PIVOT_UNSET)
            options->pivot = flag->pivot;
    }
}

static void check_inputs(const Options *o)
{
    check_input(o->mask_file);
    check_input(o->img_file);
    check_input(o->stol_file);
    check_input(o->hkl_file);
    check_input(o->matrix_file);
    check_input(o->source_file);
    if (o->hkl_file == NULL)
        check_input(o->dump_file);
}

/* A first pass over the same tokens, which looks at all inputs and keeps the files whose headers come before all
 * options. */
void find_header_files(int count, char **tokens, Options *options)
{
    Options scratch = *options;
    parse_options(count, tokens, &scratch);
    if (!scratch.force && !scratch.show_help && !scratch.show_version)
        check_inputs(&scratch);
    options->img_file = scratch.img_file;
    options->mask_file = scratch.mask_file;
    options->show_help = scratch.show_help;
    options->show_version = scratch.show_version;
    free(scratch.describe_pixel.pixel);
}
