/* The system calls of the helper. */
#ifndef START_FILTER_H
#define START_FILTER_H

#include "stamps.h"

/* Fills in ->filter and ->nfilter.  fatal() on error. */
void	filter_make(struct stamps *);

#endif
