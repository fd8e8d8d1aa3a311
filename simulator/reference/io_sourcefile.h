/* Source files: x y z weight wavelength(m), one source per line. */
#ifndef IO_SOURCEFILE_H
#define IO_SOURCEFILE_H

#include "config.h"
#include "io_text.h"

void read_source_file(const char *path, Beam *beam, Allowed allowed);

#endif
