/* The system calls of the helper. */
#ifndef STAMP_FILTER_H
#define STAMP_FILTER_H

#include "sandbox.h"
#include "stamps.h"

/* The helper's table. */
extern const struct sandbox_rule filter_rules[];
extern const size_t filter_nrules;

/* Fills in ->filter and ->nfilter.  fatal() on error. */
void	filter_make(struct stamps *);

#endif
