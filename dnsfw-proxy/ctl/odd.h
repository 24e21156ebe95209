/* What is odd in a list that has no errors (U3). */
#ifndef CTL_ODD_H
#define CTL_ODD_H

#include "clients.h"
#include "list.h"

/* What is odd about a rule; column from 1. */
typedef void odd_fn(void *arg, struct list *, unsigned int line,
    unsigned int column, const char *text);

/*
 * Tell all that is odd, in the order of lines.  Clients outside of all nets are,
 * if there are any nets.
 */
void	odd_find(struct list *, const struct clients_nets *, odd_fn *tell,
	    void *arg);

#endif
