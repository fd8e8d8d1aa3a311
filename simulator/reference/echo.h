/* What a run says on stdout about itself; harnesses read these lines. */
#ifndef ECHO_H
#define ECHO_H

#include "config.h"
#include "options.h"
#include "statistics.h"

void echo_version(void);
void echo_setup(const Options *options, const Scene *scene);
void echo_statistics(const Statistics *statistics);

#endif
