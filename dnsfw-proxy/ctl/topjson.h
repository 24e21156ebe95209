/* dnsfwctl top --json. */
#ifndef CTL_TOPJSON_H
#define CTL_TOPJSON_H

#include "top/rates.h"

/*
 * Print what happened between two samples as one object; before is of use if the
 * rates are known.  now NULL: dnsfw does not answer.
 */
void	topjson_print(const struct sample *before, const struct sample *now,
	    const struct rates *);

#endif
