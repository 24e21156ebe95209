/* Events that are counted, for the statistics. */
#include "counters.h"

#include "log.h"

struct counters counters;

void
counters_log(void)
{
	const struct counters *c = &counters;

	log_info("queries: %llu, refused %llu, bad %llu, turned away %llu, "
	    "over the rate %llu, of others than clients %llu; "
	    "upstream: exchanges %llu, shared %llu, timeouts %llu, junk %llu; "
	    "grants: asked %llu, known %llu; refusals untold %llu, let through %llu",
	    (unsigned long long)c->queries,
	    (unsigned long long)c->refused, (unsigned long long)c->bad,
	    (unsigned long long)c->overload, (unsigned long long)c->limited,
	    (unsigned long long)c->outside,
	    (unsigned long long)c->exchanges, (unsigned long long)c->shared,
	    (unsigned long long)c->timeouts, (unsigned long long)c->junk,
	    (unsigned long long)c->grants, (unsigned long long)c->known,
	    (unsigned long long)c->untold, (unsigned long long)c->audited);
}
