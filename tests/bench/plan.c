/* The sequence of queries of a load. */
#include "plan.h"

#include "query.h"

/* xorshift64*: the same sequence in every run, so that runs compare. */
static uint32_t
below(struct plan *p, uint32_t limit)
{
	p->random ^= p->random >> 12;
	p->random ^= p->random << 25;
	p->random ^= p->random >> 27;
	return ((uint32_t)(((p->random * 0x2545f4914f6cdd1dULL) >> 32) *
	    limit >> 32));
}

struct ask
plan_next(struct plan *p)
{
	uint64_t i = p->asked++;
	struct ask ask = { .rcode = p->rcode };
	uint32_t client, own;

	client = (uint32_t)(i % p->clients);
	switch (p->kind) {
	case PLAN_SEQUENCE:
		ask.number = p->first + (uint32_t)(i % p->names);
		break;
	case PLAN_RANDOM:
		ask.number = p->first + below(p, p->names);
		break;
	case PLAN_POLICY:
		client = below(p, p->clients);
		own = below(p, PLAN_CLIENT_NAMES);
		ask.number = client * PLAN_CLIENT_NAMES + own;
		ask.rcode = own < PLAN_CLIENT_NAMES - PLAN_CLIENT_REFUSED ?
		    RCODE_NOERROR : RCODE_REFUSED;
		break;
	}
	ask.client = PLAN_CLIENT_FIRST + client;
	return (ask);
}
