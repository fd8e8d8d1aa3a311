/* Tables of an amorphous background. */
#ifndef IO_STOL_H
#define IO_STOL_H

void check_stol(const char *path);

#endif
