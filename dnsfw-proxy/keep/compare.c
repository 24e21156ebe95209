/* What the kernel's sets have. */
#include "compare.h"

#include "clock.h"
#include "firewall.h"

#define DATAGRAMS	8	/* in a step: about a millisecond */
#define CHANGED_MAX	3	/* listings of a set, while things change */
#define BROKEN_MAX	5
#define STRANGERS_MAX	8192

static struct comparison {
	uint8_t		families;
	size_t		kind;		/* the next one, or that being listed */
	bool		listing;
	struct list	list;
	unsigned int	changed, broken;	/* listings of this kind */
	compare_found	*found;
	void		*arg;
} compare;

static struct msg_grant strangers[STRANGERS_MAX];
static size_t nstrangers, nexpelled;
static bool overflowed;

void
compare_begin(uint8_t families, compare_found *found, void *arg)
{
	if (compare.listing)
		list_drop(&compare.list);
	compare.families = families;
	compare.kind = 0;
	compare.listing = false;
	compare.changed = compare.broken = 0;
	compare.found = found;
	compare.arg = arg;
	nstrangers = nexpelled = 0;
	overflowed = false;
}

static void
take_entry_of(void *arg, const struct msg_grant *g, uint64_t ms)
{
	(void)arg;
	if (compare.found(compare.arg, g, ms))
		return;
	if (nstrangers == STRANGERS_MAX)
		overflowed = true;
	else
		strangers[nstrangers++] = *g;
}

static void
compare_next(void)
{
	compare.kind++;
	compare.changed = compare.broken = 0;
}

enum compare_step
compare_step(void)
{
	const struct backend *b = firewall.backend;
	enum list_step step;

	while (compare.kind < BACKEND_KINDS &&
	    (compare.families & backend_bit(compare.kind)) == 0)
		compare_next();
	if (compare.kind == BACKEND_KINDS)
		return (COMPARE_DONE);
	if (!compare.listing && b->entries(compare.kind, &compare.list) == -1)
		return (COMPARE_MORE);
	compare.listing = true;
	step = b->entries_step(compare.kind, &compare.list, DATAGRAMS,
	    take_entry_of, NULL);
	if (step == LIST_MORE)
		return (COMPARE_MORE);
	compare.listing = false;
	if (step == LIST_BROKEN && ++compare.broken == BROKEN_MAX)
		return (COMPARE_FAILED);
	/* What the last listing had not, is taken for missing. */
	if (step == LIST_END || step == LIST_NONE || (step == LIST_CHANGED &&
	    ++compare.changed == CHANGED_MAX))
		compare_next();
	return (COMPARE_MORE);
}

int
compare_fd(void)
{
	return (compare.listing ? compare.list.fd : -1);
}

bool
compare_expel(uint32_t *removed)
{
	static struct backend_batch batch;
	const struct msg_grant *g;
	size_t i;

	batch.n = 0;
	while (nexpelled < nstrangers && batch.n < BACKEND_BATCH_MAX) {
		g = &strangers[nexpelled++];
		/* It may have become a grant since it was listed. */
		if (ledger_find(firewall.ledger, g) == NULL)
			(void)firewall_batch(&batch, g, CLOCK_SECOND);
	}
	if (batch.n > 0)
		firewall_remove(&batch);
	for (i = 0; i < batch.n; i++)
		*removed += batch.adds[i].code == BACKEND_OK;
	return (nexpelled < nstrangers);
}

bool
compare_overflowed(void)
{
	return (overflowed);
}
