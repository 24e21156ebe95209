/*
 * What a long answer needs, or one of many grants, is asked for in parts: some at the
 * end of each turn, as there is time, and a part at least (D21).  The clients that
 * have such answers take turns.  Those of one client are in their order: each has all
 * before the next one begins, so that not all of them meet the end of its share.
 */
#ifndef SERVE_PARTS_H
#define SERVE_PARTS_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/answer.h"
#include "grants.h"
#include "recipients.h"
#include "request.h"

/* Grants that are asked for at once; a new one takes a third of a microsecond. */
#define PARTS_AT_ONCE	64

/* What is still to be asked for. */
struct parts {
	const struct request *request;
	struct grants	*grants;	/* open, with room for that */
	size_t		room;		/* grants that it may wait for */
	/* Of parts.c: */
	TAILQ_ENTRY(parts) link;
	bool		asking;		/* it is not finished */
	uint64_t	own_changes;	/* by these addresses it was vetted, */
	uint16_t	generation;	/* by that list decided, */
	bool		changed;	/* but now it would be decided otherwise */
	uint64_t	*decided;	/* what was, for each of the */
	const struct addr *to;		/* recipients, */
	unsigned int	nto, recipient;	/* and the next one, */
	size_t		n, at;		/* and the next address for it */
	struct dns_address addresses[];	/* and behind them decided, and to */
};

/* What is told of an answer. */
struct parts_events {
	/*
	 * All was asked for, or is outdated: what else is there to be done before it
	 * can leave?  *more: in another turn, too.  Returns why it fails, or NULL.
	 */
	const char *(*finish)(struct parts *, bool *more);
	/* It cannot have what it needs; parts_end() is not done. */
	void	(*failed)(struct parts *, const char *why);
};

/* Before the first answer; events must stay. */
void	parts_init(const struct parts_events *events);

/* Octets of one with so many recipients and addresses. */
size_t	parts_size(const struct recipients *, size_t n);

/*
 * Begin with this turn's end.  The first part of parts is set; what is known of grants
 * is logged, and its end set.  They are closed when it is finished, and left before it
 * fails.
 */
void	parts_begin(struct parts *, const struct recipients *,
	    const struct dns_address *, size_t n);

/* Ask for nothing more. */
void	parts_end(struct parts *);

/*
 * Not all of it was decided by the list and the own addresses of now; or for one of
 * the parts what led to the name had changed (D14), so that it would be another
 * answer's.
 */
bool	parts_are_outdated(const struct parts *);

/* At a turn's end. */
void	parts_flush(void);

#endif
