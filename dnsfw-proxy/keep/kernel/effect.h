/* What our rules can do where they are, for both backends (backend.h). */
#ifndef KEEP_EFFECT_H
#define KEEP_EFFECT_H

#include <stdint.h>

#include "backend.h"

#define EFFECT_CHAINS	2	/* iptables has one for each family */

/* Our chains: the stamps of chain i have that for sub. */
struct effect_names {
	const char	*table;
	const char	*chain;
	uint8_t		 families[EFFECT_CHAINS];	/* 0: there is none */
	unsigned int	 (*whose)(const struct nlmsghdr *);	/* place.h */
};

/* As effect and effect_drop of struct backend. */
enum list_step effect_step(struct backend_effect *,
	    const struct effect_names *, unsigned int datagrams);
void	effect_drop(struct backend_effect *);

#endif
