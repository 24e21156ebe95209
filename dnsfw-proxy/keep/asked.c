/* What workers tell of hosts' networks: of each the latest, in a ring. */
#include "asked.h"

#include <string.h>

#include "bucket.h"
#include "children.h"
#include "choice.h"
#include "hosts.h"

static struct asked_ring {
	struct bucket	pace;
	uint64_t	n;		/* that came; the latest are there */
	uint64_t	told[MSG_WORKERS_MAX];	/* of these, to each worker */
	struct msg_known at[ASKED_PLACES];
} rings[MSG_WORKERS_MAX];

void
asked_open(unsigned int workers)
{
	unsigned int i;

	for (i = 0; i < workers; i++)
		bucket_open(&rings[i].pace, ASKED_RATE, ASKED_BURST);
}

void
asked_take(unsigned int worker, const struct msg_known *m, uint64_t now)
{
	struct asked_ring *r = &rings[worker];
	struct addr client = { .family = ADDR_V6 };
	struct msg_known *to;

	memcpy(client.bytes, m->client, sizeof(client.bytes));
	if (children_nworkers < 2 || !bucket_has(&r->pace, now) ||
	    choice_worker(ADDR_V6, m->client,
	    (unsigned int)children_nworkers) != worker ||
	    !hosts_in_network(&client))
		return;
	bucket_take(&r->pace, now, 1);
	to = &r->at[r->n++ % ASKED_PLACES];
	*to = *m;
	to->type = MSG_KNOWN;
}

bool
asked_waits(unsigned int worker)
{
	unsigned int i;

	for (i = 0; i < children_nworkers; i++)
		if (i != worker && rings[i].told[worker] != rings[i].n)
			return (true);
	return (false);
}

/* What is left of one ring, as far as it fits; returns how many there are then. */
static size_t
asked_gather(struct asked_ring *r, unsigned int worker,
    struct msg_known out[MSG_BATCH_MAX], size_t n)
{
	uint64_t *told = &r->told[worker];

	if (r->n - *told > ASKED_PLACES)
		*told = r->n - ASKED_PLACES;
	while (*told < r->n && n < MSG_BATCH_MAX)
		out[n++] = r->at[(*told)++ % ASKED_PLACES];
	return (n);
}

void
asked_tell(unsigned int worker)
{
	struct msg_known out[MSG_BATCH_MAX];
	unsigned int i;
	size_t n = 0;

	for (i = 0; i < children_nworkers; i++)
		if (i != worker)
			n = asked_gather(&rings[i], worker, out, n);
	if (n > 0)
		children_send(&children_workers[worker], out,
		    n * sizeof(out[0]), -1);
}
