/* One-line errors and warnings, and allocation that cannot fail silently.
 *
 * An error is all that a failed run says on stderr, so warnings wait until report_warnings, at the end.
 * Every error here is one the user can mend: wrong command line, bad input file, full disk, no memory. */
#ifndef ERRORS_H
#define ERRORS_H

#include <stddef.h>

#define PROGRAM_NAME "nanobragg_reference"
#define EXIT_BAD_INPUT 2

void fail(const char *format, ...);
void warn(const char *format, ...);
void report_warnings(void);

void *allocate(size_t count, size_t size, const char *what);
size_t checked_product(size_t left, size_t right, const char *what);

#endif
