/* Units and help of the table of flags. The rows are in flags_table.c, which is generated: to add an option, add a
 * field to Options and a row to simulator/nanobrag_torch/command/flags.py. */
#include "flags.h"

#include <stdio.h>
#include <string.h>

#include "units.h"

#define HELP_COLUMN 44

/* ---- units ------------------------------------------------------------------------------------- */

const char *unit_name(Unit unit)
{
    switch (unit) {
    case MILLIMETRES: return "mm";
    case MICROMETRES:
    case WATER_MICROMETRES: return "um";
    case DEGREES: return "deg";
    case MILLIRADIANS: return "mrad";
    case PERCENT: return "%";
    case ANGSTROMS:
    case ANGSTROMS_OF_D: return "A";
    case ELECTRONVOLTS: return "eV";
    default: return "";
    }
}

/* The value in SI units. Whether a unit divides or multiplies decides the last bit, so it is part of the
 * interface. */
double to_si(Unit unit, double value)
{
    switch (unit) {
    case MILLIMETRES: return value / MM_PER_METRE;
    case MICROMETRES: return value * METRES_PER_UM;
    case WATER_MICROMETRES: return value / UM_PER_METRE;
    case DEGREES: return value / DEGREES_PER_RADIAN;
    case MILLIRADIANS: return value / MRAD_PER_RADIAN;
    case PERCENT: return value / 100.0;
    case ANGSTROMS: return value / ANGSTROM_PER_METRE;
    case ANGSTROMS_OF_D: return value * METRES_PER_ANGSTROM;
    case ELECTRONVOLTS: return (PHOTON_EV_ANGSTROM / value) / ANGSTROM_PER_METRE;
    default: return value;
    }
}

/* ---- help -------------------------------------------------------------------------------------- */

/* What follows an option's name, as words. */
static const char *value_words(const Flag *flag)
{
    static const char *const numbers[] = {"", " x", " x y", " x y z", " x0 x1 y0 y1"};
    switch (flag->takes) {
    case TAKES_INPUT: return " input file";
    case TAKES_OUTPUT: return " output file";
    case TAKES_DUMP: return " file";
    case TAKES_WORD: return " word";
    case TAKES_CELL: return " a [b c al be ga]";
    case TAKES_MISSET: return " x y z | random";
    case TAKES_ATTENUATION: return " x | inf";
    case TAKES_PIVOT: return " beam | sample";
    case TAKES_PIXEL: return " x y";
    case TAKES_INTEGERS: return flag->values == 1 ? " n" : numbers[flag->values];
    case TAKES_REALS: return numbers[flag->values];
    default: return "";
    }
}

void print_help(void)
{
    int i;
    printf("usage: nanobragg_reference [options]\n\n"
           "Simulates the diffraction image of a small crystal. Needs a cell (-mat or -cell) and structure\n"
           "factors (-hkl, -dump or -default_F).\n\n");
    for (i = 0; i < FLAG_COUNT; i++) {
        const Flag *flag = &FLAGS[i];
        const char *unit = unit_name(flag->unit);
        int width = printf("  %s%s", flag->names, value_words(flag));
        if (width > HELP_COLUMN)
            width = printf("\n") - 1;
        printf("%*s  %s", HELP_COLUMN - width, "", flag->help);
        if (*unit != '\0')
            printf(", %s", unit);
        if (*flag->by_default != '\0')
            printf(" [%s]", flag->by_default);
        printf("\n");
    }
}
