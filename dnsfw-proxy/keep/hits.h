/*
 * How often the rules of the list in force matched (U6): what the workers tell,
 * together.  The memory is fixed, and nothing depends on it.
 */
#ifndef KEEP_HITS_H
#define KEEP_HITS_H

#include <stdint.h>

#include "msg.h"

struct hits {
	uint64_t	count;
	uint64_t	last;		/* clock_now() of the last ones, ns */
};

void	hits_open(void);

/*
 * A list has come into force, now (ns).  If it has another text it begins with
 * nothing.
 */
void	hits_list(uint64_t now);

/* When that began, ns. */
uint64_t hits_since(void);

/* Add what a worker tells now (ns), if it is of that text. */
void	hits_take(const struct msg_hits *, uint64_t now);

/* Those of the line, from 1 to MSG_LINES_MAX. */
const struct hits *hits_of(uint32_t line);

#endif
