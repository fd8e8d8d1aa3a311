/* -describe: everything that follows from a command line as one JSON document. */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "config.h"
#include "options.h"

void describe(const Options *options, const Scene *scene);

#endif
