/* The record of every factor of one pixel, in the order of calculation. */
#include "trace.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "json_text.h"
#include "version.h"

/* ---- recording --------------------------------------------------------------------------------- */

static TraceEntry *next_entry(Trace *trace)
{
    if (trace->count == trace->room) {
        size_t room = trace->room ? 2 * trace->room : 64;
        TraceEntry *larger = realloc(trace->entries, checked_product(room, sizeof *larger, "trace"));
        if (larger == NULL)
            fail("trace: out of memory after %lu values", (unsigned long)trace->count);
        trace->entries = larger;
        trace->room = room;
    }
    return &trace->entries[trace->count++];
}

/* Record a value under "name[i,j,...]", with the indices of the loops it is inside. */
void trace_values(Trace *trace, int depth, const char *name, const double *values, int count)
{
    TraceEntry *entry;
    int i, used;
    if (trace == NULL)
        return;
    entry = next_entry(trace);
    used = snprintf(entry->name, sizeof entry->name, "%s", name);
    for (i = 0; i < depth; i++)
        used += snprintf(entry->name + used, sizeof entry->name - (size_t)used, "%c%d%s", i ? ',' : '[',
                         trace->index[i], i == depth - 1 ? "]" : "");
    entry->count = count;
    memcpy(entry->value, values, (size_t)count * sizeof *values);
}

void trace_number(Trace *trace, int depth, const char *name, double value)
{
    trace_values(trace, depth, name, &value, 1);
}

void trace_vector(Trace *trace, int depth, const char *name, Vector v)
{
    double values[3];
    values[0] = v.x;
    values[1] = v.y;
    values[2] = v.z;
    trace_values(trace, depth, name, values, 3);
}

void trace_basis(Trace *trace, int depth, const char *name, Basis basis)
{
    const Vector axes[3] = {basis.a, basis.b, basis.c};
    double values[9];
    int i;
    for (i = 0; i < 3; i++) {
        values[3 * i] = axes[i].x;
        values[3 * i + 1] = axes[i].y;
        values[3 * i + 2] = axes[i].z;
    }
    trace_values(trace, depth, name, values, 9);
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* One line per value: TRACE name=value, the parts of a vector separated by blanks. */
void trace_print(const Trace *trace)
{
    size_t i;
    int j;
    for (i = 0; i < trace->count; i++) {
        const TraceEntry *entry = &trace->entries[i];
        printf("TRACE %s=", entry->name);
        for (j = 0; j < entry->count; j++)
            printf("%s%.15g", j ? " " : "", entry->value[j]);
        printf("\n");
    }
}

/* The same as a list of [name, value], with a vector as a list; 0 when the file took every byte. */
int trace_write_json(FILE *file, const Trace *trace)
{
    size_t i;
    int j;
    fprintf(file, "{\n  \"program\": \"%s\",\n  \"version\": \"%s\",\n  \"mode\": \"physics\",\n  \"trace\": [\n",
            PROGRAM_NAME, VERSION);
    for (i = 0; i < trace->count; i++) {
        const TraceEntry *entry = &trace->entries[i];
        fprintf(file, "    [\"%s\", %s", entry->name, entry->count > 1 ? "[" : "");
        for (j = 0; j < entry->count; j++) {
            fputs(j ? ", " : "", file);
            write_json_number(file, entry->value[j]);
        }
        fprintf(file, "%s]%s\n", entry->count > 1 ? "]" : "", i + 1 < trace->count ? "," : "");
    }
    fprintf(file, "  ]\n}\n");
    return ferror(file) ? -1 : 0;
}

void trace_free(Trace *trace)
{
    free(trace->entries);
    trace->entries = NULL;
    trace->count = trace->room = 0;
}
