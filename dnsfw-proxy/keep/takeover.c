/* Entries that are there, as the ledger sees them. */
#include "takeover.h"

#include <poll.h>
#include <string.h>

#include "children.h"
#include "choice.h"
#include "clock.h"
#include "compare.h"
#include "conf.h"
#include "firewall.h"
#include "keepconf.h"
#include "log.h"
#include "signals.h"

#define MS		(CLOCK_SECOND / 1000)

/* No grant of ours lives longer; nor does ipset's timeout. */
#define LEFT_MAX	(2147483 * 1000ULL)	/* ms */

/*
 * ms by which an entry may differ from the wish: ipset tells whole seconds, rounded
 * down, and takes them rounded up; the clocks of the kernel have ticks; and a
 * listing is older than we are.
 */
#define SHORTER_IPSET	1050
#define SHORTER_NFT	50
#define LONGER_IPSET	1500
#define LONGER_NFT	500

/* For a listing to begin; between two of them a millisecond passes. */
#define LOOKS_MAX	(LIST_WAIT / MS)

static unsigned int
owner_of(const struct msg_grant *g)
{
	if (g->local != 0 || conf->nworkers == 0)
		return (LEDGER_NOBODY);
	return (choice_worker(g->family, g->client, conf->nworkers));
}

/* An entry that we did not make ourselves since the start. */
static bool
take_over(void *arg, const struct msg_grant *g, uint64_t ms)
{
	struct takeover *t = arg;
	uint64_t now = clock_now();
	struct ledger_entry *e;
	struct msg_grant copy;

	if (ms == 0 || ms > LEFT_MAX ||
	    msg_grant_decode(g, sizeof(*g), &copy) != MSG_OK)
		return (false);
	e = ledger_put(firewall.ledger, &copy, now + ms * MS, now,
	    owner_of(&copy));
	if (e == NULL)
		t->without_room++;
	else
		ledger_set_sure(firewall.ledger, e, true);
	return (true);
}

/* Has it the time and the name of the ledger's? */
static bool
is_as_wished(const struct ledger_entry *e, const struct msg_grant *g,
    uint64_t ms)
{
	const bool exact = conf->firewall == KEEPCONF_NFTABLES;
	const uint64_t shorter = exact ? SHORTER_NFT : SHORTER_IPSET;
	const uint64_t longer = exact ? LONGER_NFT : LONGER_IPSET;
	uint64_t now = clock_now(), left = 0;

	if (e->expiry > now)
		left = (e->expiry - now) / MS;
	return (ms != 0 && ms + shorter >= left && ms <= left + longer &&
	    memcmp(e->grant.label, g->label, sizeof(g->label)) == 0);
}

bool
takeover_compare(void *arg, const struct msg_grant *g, uint64_t ms)
{
	struct takeover *t = arg;
	struct ledger_entry *e = ledger_find(firewall.ledger, g);

	if (e == NULL)
		return ((t->fresh & backend_bit(backend_kind(g))) != 0 &&
		    take_over(t, g, ms));
	if (is_as_wished(e, g, ms))
		ledger_set_sure(firewall.ledger, e, true);
	return (true);
}

/* --- the start --- */

void
takeover_heed(void)
{
	if (signals_child())
		children_look();
	if (signals_stop != 0)
		fatalx("stopped by signal %d during the start", signals_stop);
}

void
takeover_wait(int fd)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
	    { .fd = KEEP_FD_SIGNALS, .events = POLLIN } };

	children_poll(fds, 2, fds[0].fd == -1 ? 1 : 100);
	takeover_heed();
	ask_look();
}

/*
 * To its end; COMPARE_MORE if a listing that nobody reads any more has none.  Looks
 * are counted, not time: on a machine that is busy one of them may take a second.
 */
static enum compare_step
compare_whole(void)
{
	unsigned int in_vain = 0;
	enum compare_step step;

	while ((step = compare_step()) == COMPARE_MORE) {
		in_vain = compare_fd() == -1 ? in_vain + 1 : 0;
		if (in_vain > LOOKS_MAX)
			break;
		takeover_wait(compare_fd());
	}
	return (step);
}

void
takeover_all(struct takeover *t, uint32_t max_grants)
{
	uint32_t room = max_grants;
	enum compare_step step;

	for (;;) {
		t->without_room = 0;
		/* What a listing tells twice is in it already. */
		firewall.ledger = ledger_new(max_grants, room, conf->nworkers);
		compare_begin(t->fresh, take_over, t);
		step = compare_whole();
		if (step == COMPARE_MORE || step == COMPARE_FAILED)
			children_look();	/* as below */
		if (step == COMPARE_MORE)
			fatalx("the firewall cannot be used: dnsfw-priv, the "
			    "helper, does not answer");
		if (step == COMPARE_FAILED)
			fatalx("the firewall cannot be used: its sets cannot "
			    "be listed");
		if (t->without_room == 0)
			return;
		room += t->without_room;
		ledger_free(firewall.ledger);
	}
}

void
takeover_impossible(void)
{
	children_look();	/* that one has died may be the reason */
	fatalx("the firewall cannot be used");
}
