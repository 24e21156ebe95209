/* What dnsfw said at one moment. */
#ifndef TOP_SAMPLE_H
#define TOP_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controlmsg.h"

/* More than there can be are not kept. */
#define SAMPLE_REFUSALS_MAX	(MSG_WORKERS_MAX * 4096)

struct sample {
	bool		up;		/* it answered; else nothing else counts */
	uint64_t	at;		/* ns */
	struct control_status status;
	bool		has_refusals, has_rules;	/* all were told */
	struct control_refusal *refusals;	/* by id, after sample_sort() */
	size_t		nrefusals, room;
	struct control_rule rules[MSG_LINES_MAX];	/* by line */
	size_t		nrules;
};

/* Begin anew; the memory is used again. */
void	sample_clear(struct sample *, uint64_t at);

/* One more.  A refusal for which there is no memory is not kept. */
void	sample_add_refusal(struct sample *, const struct control_refusal *);
void	sample_add_rule(struct sample *, const struct control_rule *);

/* All are there. */
void	sample_sort(struct sample *);

/* The refusal with that id, the hits of that line; 0: there are none. */
uint32_t sample_count(const struct sample *, uint64_t id);
uint64_t sample_hits(const struct sample *, uint32_t line);

#endif
