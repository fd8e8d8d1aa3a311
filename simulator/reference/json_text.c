/* JSON, written as it comes: objects and lists are opened, filled and closed in order. A key of NULL is for what has
 * none: the document itself and the members of a list. */
#include "json_text.h"

#include <math.h>

/* ---- structure --------------------------------------------------------------------------------- */

/* The comma, the new line and the key that stand before a value. */
static void begin_value(Json *json, const char *key)
{
    if (json->depth > 0)
        fprintf(json->file, "%s\n%*s", json->first ? "" : ",", json->depth, "");
    if (key != NULL)
        fprintf(json->file, "\"%s\": ", key);
    json->first = 0;
}

/* Begin an object ('{') or a list ('['). */
void json_open(Json *json, const char *key, char bracket)
{
    begin_value(json, key);
    fputc(bracket, json->file);
    json->depth++;
    json->first = 1;
}

/* End it, with '}' or ']'. */
void json_close(Json *json, char bracket)
{
    json->depth--;
    if (!json->first)
        fprintf(json->file, "\n%*s", json->depth, "");
    fputc(bracket, json->file);
    json->first = 0;
    if (json->depth == 0)
        fputc('\n', json->file);
}

/* ---- values ------------------------------------------------------------------------------------ */

/* JSON has no NaN and no infinity; 17 digits are enough for every double to be read back as it was. */
void write_json_number(FILE *file, double value)
{
    if (isfinite(value))
        fprintf(file, "%.17g", value);
    else
        fputs("null", file);
}

void json_null(Json *json, const char *key)
{
    begin_value(json, key);
    fputs("null", json->file);
}

void json_integer(Json *json, const char *key, long value)
{
    begin_value(json, key);
    fprintf(json->file, "%ld", value);
}

void json_number(Json *json, const char *key, double value)
{
    begin_value(json, key);
    write_json_number(json->file, value);
}

void json_flag(Json *json, const char *key, int value)
{
    begin_value(json, key);
    fputs(value ? "true" : "false", json->file);
}

/* A text without quotation marks, backslashes and control characters: the program's own words. */
void json_text(Json *json, const char *key, const char *value)
{
    begin_value(json, key);
    fprintf(json->file, "\"%s\"", value);
}

void json_numbers(Json *json, const char *key, const double *values, int count)
{
    int i;
    begin_value(json, key);
    fputc('[', json->file);
    for (i = 0; i < count; i++) {
        fputs(i ? ", " : "", json->file);
        write_json_number(json->file, values[i]);
    }
    fputc(']', json->file);
}

void json_vector(Json *json, const char *key, Vector v)
{
    double values[3];
    values[0] = v.x;
    values[1] = v.y;
    values[2] = v.z;
    json_numbers(json, key, values, 3);
}
