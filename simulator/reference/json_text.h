/* JSON, written as it comes: objects and lists are opened, filled and closed in order. */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <stdio.h>

#include "vectors.h"

/* A document in the making: where it goes, how deep we are in it, and whether the next value is the first. */
typedef struct {
    FILE *file;
    int depth;
    int first;
} Json;

void json_open(Json *json, const char *key, char bracket);
void json_close(Json *json, char bracket);

void json_null(Json *json, const char *key);
void json_integer(Json *json, const char *key, long value);
void json_number(Json *json, const char *key, double value);
void json_flag(Json *json, const char *key, int value);
void json_text(Json *json, const char *key, const char *value);
void json_numbers(Json *json, const char *key, const double *values, int count);
void json_vector(Json *json, const char *key, Vector v);

void write_json_number(FILE *file, double value);

#endif
