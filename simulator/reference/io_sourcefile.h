/* Source files: x y z weight wavelength(m), one source per line. */
#ifndef IO_SOURCEFILE_H
#define IO_SOURCEFILE_H

#include "config.h"

void read_source_file(const char *path, Beam *beam);

#endif
