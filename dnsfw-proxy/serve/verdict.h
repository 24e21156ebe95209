/*
 * What leaves of an answer under -> (G1 to G8): addresses that are not granted
 * go, the others are granted, and the answer is held until the kernel has them
 * all.  No TTL that leaves is longer than what is left of its grant.
 */
#ifndef SERVE_VERDICT_H
#define SERVE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "../dns/build.h"
#include "answer.h"
#include "removal.h"
#include "request.h"

struct held;

struct verdict {
	struct request	*request;
	struct held	*held;		/* while grants are on their way */
};

/* What becomes of an answer; the verdict belongs to the called from then on. */
struct verdict_events {
	/* It leaves; granted: somebody can connect to what it names. */
	void	(*leaves)(struct verdict *, const struct reply *, bool granted);
	/* It does not; reason is for the log and the client. */
	void	(*failed)(struct verdict *, enum dns_ede, const char *reason);
};

/* Before the first query; events must stay. */
void	verdict_init(const struct verdict_events *events);

/*
 * Grant what the answer names, and let it leave: now or later.  msg, the
 * client's copy of it, may be changed, and is the caller's again on return.  What a
 * long one needs, or one of many grants, is asked for later (parts.h).
 */
void	verdict_answer(struct verdict *, struct answer *, uint8_t *msg);

/*
 * Grant nothing, and let it leave without what is never granted: now.  msg as
 * above.
 */
void	verdict_pass(struct verdict *, struct answer *, uint8_t *msg);

/* Let go of the answer that is held. */
void	verdict_abandon(struct verdict *);

#endif
