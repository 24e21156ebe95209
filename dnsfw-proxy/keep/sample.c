/* Of what sends no events. */
#include "sample.h"

#include "clock.h"
#include "firewall.h"

/* An entry that ends sooner may just go. */
#define SAMPLE_LEFT	(2 * CLOCK_SECOND)

static uint32_t sample_cursor;

/*
 * One entry of each kind, as sets are flushed, and the next ones of all, as
 * somebody may delete a single one.
 */
static void
take_samples(struct backend_batch *b, uint64_t after)
{
	struct ledger *l = firewall.ledger;
	const struct ledger_entry *e;
	size_t i;

	b->n = 0;
	for (i = 0; i < BACKEND_BATCH_MAX; i++) {
		e = i < BACKEND_KINDS ? ledger_sample(l, i, after) :
		    ledger_at(l, sample_cursor++);
		if (e == NULL && i >= BACKEND_KINDS) {
			sample_cursor = 0;
			break;
		}
		if (e != NULL && e->expiry >= after &&
		    ledger_is_sure(l, e) && firewall_works(&e->grant))
			(void)firewall_batch(b, &e->grant, CLOCK_SECOND);
	}
}

enum sample
sample_look(void)
{
	static struct backend_batch batch;
	size_t i;

	if (firewall.backend->intact == NULL || firewall.ready == 0)
		return (SAMPLE_THERE);
	if (firewall.backend->intact(firewall.ready) == 0)
		return (SAMPLE_NO_SET);
	take_samples(&batch, clock_now() + SAMPLE_LEFT);
	if (batch.n > 0)
		firewall.backend->test(&batch);
	for (i = 0; i < batch.n; i++) {
		if (batch.adds[i].code == BACKEND_GONE)
			return (SAMPLE_GONE);
	}
	return (SAMPLE_THERE);
}
