/* One-line errors and warnings, and allocation that cannot fail silently. */
#include "errors.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- messages ---------------------------------------------------------------------------------- */

/* Write "<program>: <kind>: <message>" as one line to stderr; what the program has already said on
 * stdout comes first. */
static void say(const char *kind, const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s: ", PROGRAM_NAME, kind);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

/* Print the error and leave with status 2. Does not return. */
void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("error", format, arguments);
    va_end(arguments);
    exit(EXIT_BAD_INPUT);
}

/* Print a warning; the run goes on. */
void warn(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say("warning", format, arguments);
    va_end(arguments);
}

/* ---- memory ------------------------------------------------------------------------------------ */

/* left*right as a size, or an error naming what was too large. */
size_t checked_product(size_t left, size_t right, const char *what)
{
    if (right != 0 && left > SIZE_MAX / right)
        fail("%s: %lu x %lu is too large for this machine", what, (unsigned long)left, (unsigned long)right);
    return left * right;
}

/* Zeroed memory for count items of the given size; never NULL. */
void *allocate(size_t count, size_t size, const char *what)
{
    size_t bytes = checked_product(count, size, what);
    void *memory = calloc(bytes > 0 ? bytes : 1, 1);
    if (memory == NULL)
        fail("%s: out of memory (%lu bytes wanted)", what, (unsigned long)bytes);
    return memory;
}
