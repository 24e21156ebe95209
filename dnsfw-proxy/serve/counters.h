/* Events that are counted, for the statistics. */
#ifndef SERVE_COUNTERS_H
#define SERVE_COUNTERS_H

#include <stdint.h>

struct counters {
	uint64_t	queries;	/* messages of clients */
	uint64_t	refused;	/* by the ACL */
	uint64_t	bad;		/* FORMERR, or of a kind not allowed */
	uint64_t	exchanges;	/* questions that went upstream */
	uint64_t	shared;		/* queries that joined another's (D12) */
	uint64_t	junk;		/* what was no answer (D10, D11) */
	uint64_t	timeouts;
	uint64_t	grants;		/* asked of the keeper */
	uint64_t	known;		/* grants that cost nothing (G7) */
	uint64_t	overload;	/* turned away at a limit */
	uint64_t	untold;		/* refusals that the keeper did not hear of */
};

extern struct counters counters;

/* A line of the application log with all of them. */
void	counters_log(void);

#endif
