/* One-line errors and warnings, and allocation that cannot fail silently. */
#include "errors.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages ---------------------------------------------------------------------------------- */

#define MOST_WARNING_TEXT 8192

/* Warnings not yet reported. The only state the program keeps outside its main function: a failed run says
 * one line on stderr, whatever was noticed before. */
static char waiting[MOST_WARNING_TEXT];

/* Print the error as one line and leave with status 2. Does not return. */
void fail(const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fprintf(stderr, "%s: error: ", PROGRAM_NAME);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_BAD_INPUT);
}

/* Keep a warning for report_warnings; the run goes on. */
void warn(const char *format, ...)
{
    size_t used = strlen(waiting), room = sizeof waiting - used;
    va_list arguments;
    int length = snprintf(waiting + used, room, "%s: warning: ", PROGRAM_NAME);
    va_start(arguments, format);
    if (length > 0 && (size_t)length < room)
        length += vsnprintf(waiting + used + length, room - (size_t)length, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length + 1 < room)
        strcat(waiting, "\n");
    else
        waiting[used] = '\0';
}

/* Print the warnings, one line each, to stderr. */
void report_warnings(void)
{
    fflush(stdout);
    fputs(waiting, stderr);
    waiting[0] = '\0';
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
