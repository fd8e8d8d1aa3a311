/* The record of every factor of one pixel, in the order of calculation. */
#ifndef TRACE_H
#define TRACE_H

#include <stdio.h>

#include "vectors.h"

#define MOST_TRACE_VALUES 9
#define LONGEST_TRACE_NAME 120

/* The loops around a traced value, outermost first; a value's depth says how many of them it is inside. */
enum { LOOP_LAYER, LOOP_SUB_SLOW, LOOP_SUB_FAST, LOOP_SOURCE, LOOP_PHI, LOOP_DOMAIN, LOOPS };
enum { ONCE = 0, PER_SUBPIXEL = LOOP_SOURCE, PER_SOURCE = LOOP_PHI, PER_PHI = LOOP_DOMAIN, PER_DOMAIN = LOOPS };

typedef struct {
    char name[LONGEST_TRACE_NAME];
    int count;
    double value[MOST_TRACE_VALUES];
} TraceEntry;

typedef struct {
    int index[LOOPS];
    size_t count, room;
    TraceEntry *entries;
} Trace;

/* A null trace takes nothing, so that callers need not ask. */
void trace_values(Trace *trace, int depth, const char *name, const double *values, int count);
void trace_number(Trace *trace, int depth, const char *name, double value);
void trace_vector(Trace *trace, int depth, const char *name, Vector v);
void trace_basis(Trace *trace, int depth, const char *name, Basis basis);

void trace_print(const Trace *trace);
int trace_write_json(FILE *file, const Trace *trace);
void trace_free(Trace *trace);

#endif
