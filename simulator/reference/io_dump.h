/* Binary dumps of the grid of structure factors. */
#ifndef IO_DUMP_H
#define IO_DUMP_H

#include <stdio.h>

#include "config.h"

void read_dump(const char *path, StructureFactors *F);
int write_dump(FILE *file, const StructureFactors *F);

#endif
