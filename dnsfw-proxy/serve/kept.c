/* What is kept for the requests of a client while they wait. */
#include "kept.h"

#include <stdlib.h>

#include "log.h"
#include "loop.h"

#define KEPT_PERIOD	60	/* seconds between log lines */

static size_t kept_in_all;

static void
kept_refused(void)
{
	static struct log_limit limit;
	uint64_t count;

	if (log_allowed(&limit, loop.now, KEPT_PERIOD, &count))
		log_warn("%llu message%s not kept: the room for long ones, or "
		    "one client's share of it, is in use",
		    (unsigned long long)count, log_s(count));
}

void *
kept_alloc(struct quota *q, size_t size)
{
	void *p;

	if (size > KEPT_SHARE - q->kept || size > KEPT_MAX - kept_in_all) {
		kept_refused();
		return (NULL);
	}
	if ((p = malloc(size)) == NULL)
		return (NULL);
	q->kept += size;
	kept_in_all += size;
	return (p);
}

void
kept_free(struct quota *q, void *p, size_t size)
{
	if (p == NULL)
		return;
	q->kept -= size;
	kept_in_all -= size;
	free(p);
}
