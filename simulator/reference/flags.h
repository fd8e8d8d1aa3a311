/* The table of flags: names, values, units, defaults, help. It drives parsing (argv.c) and -h. */
#ifndef FLAGS_H
#define FLAGS_H

#include <stddef.h>

#include "config.h"
#include "options.h"

typedef enum {
    TAKES_NOTHING,
    TAKES_INTEGERS,
    TAKES_REALS,
    TAKES_INPUT,         /* the name of a file to read */
    TAKES_OUTPUT,        /* the name of a file to write */
    TAKES_DUMP,          /* the name of a file to write with -hkl, to read without */
    TAKES_WORD,
    TAKES_CELL,          /* one to six reals, up to the next option */
    TAKES_MISSET,        /* a word holding "rand", or three reals */
    TAKES_ATTENUATION,   /* a word holding "inf", or a real */
    TAKES_PIVOT,         /* a word holding "beam" or "sample" */
    TAKES_PIXEL,         /* fast and slow of a pixel, added to a list */
    TAKES_PERHAPS_ONE    /* an optional number that means nothing */
} Takes;

typedef enum {
    PLAIN,
    MILLIMETRES,
    MICROMETRES,
    WATER_MICROMETRES,
    DEGREES,
    MILLIRADIANS,
    PERCENT,
    ANGSTROMS,           /* of a wavelength */
    ANGSTROMS_OF_D,      /* of a resolution */
    ELECTRONVOLTS
} Unit;

/* One option. Values are stored at offset `at` of Options, `copies` times side by side when it is not 0;
 * then also_value is stored at offset `also`, and the convention and pivot are set, where given. */
typedef struct {
    const char *names;   /* separated by blanks, the usual one first */
    Takes takes;
    int values;
    int copies;
    Unit unit;
    size_t at;
    size_t also;
    int also_value;
    Convention convention;
    Pivot pivot;
    const char *mistaken; /* words that people write for it and no program knows, or NULL */
    const char *by_default;
    const char *help;
} Flag;

extern const Flag FLAGS[];
extern const int FLAG_COUNT;

const char *unit_name(Unit unit);
double to_si(Unit unit, double value);
void print_help(void);

#endif
