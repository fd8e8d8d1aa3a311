/* Text files of structure factors: h k l F per line. */
#ifndef IO_HKL_H
#define IO_HKL_H

#include "config.h"
#include "io_text.h"

void read_hkl(const char *path, StructureFactors *F, Allowed allowed);

#endif
