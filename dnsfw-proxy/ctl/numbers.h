/*
 * What dnsfw counts and measures, and how stats and metrics call it: the one table
 * of each.
 */
#ifndef CTL_NUMBERS_H
#define CTL_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

#include "controlmsg.h"

/* Of what workers count. */
struct number {
	size_t		at;		/* in struct counters */
	const char	*key;		/* in JSON */
	const char	*metric, *help;
	const char	*line;		/* of the text, that begins with it */
	const char	*text;		/* before it; NULL: not in the text */
};

extern const struct number numbers[];
extern const size_t numbers_count;

uint64_t number_of(const struct counters *, const struct number *);

/* How long something takes. */
struct span {
	size_t		at;		/* of the histogram in the status */
	uint64_t	first;		/* ns: its first bound */
	const char	*key;		/* in JSON, and in the text */
	const char	*metric, *help;
};

extern const struct span spans[];
extern const size_t spans_count;

const struct histogram *span_of(const struct control_status *,
	    const struct span *);

/*
 * Of bucket i, up to HISTOGRAM_BOUNDS: how many are in it and those before.  Its
 * bound is span.first << i; the last one has none.
 */
uint64_t span_within(const struct histogram *, size_t i);

/* The bucket that so many of a hundred are not above. */
size_t	span_percent(const struct histogram *, unsigned int percent);

#endif
