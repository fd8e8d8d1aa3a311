/* Strict parsing of the command line by the table of flags. */
#ifndef ARGV_H
#define ARGV_H

#include "options.h"

void find_header_files(int count, char **tokens, Options *options);
void parse_options(int count, char **tokens, Options *options);

#endif
