/* The kernel's firewall as the ledger wants it. */
#include "repair.h"

#include <poll.h>
#include <string.h>

#include "children.h"
#include "choice.h"
#include "clock.h"
#include "compare.h"
#include "conf.h"
#include "advice.h"
#include "firewall.h"
#include "keepconf.h"
#include "kernel/watch.h"
#include "log.h"
#include "mend.h"
#include "sample.h"
#include "signals.h"

#define MS		(CLOCK_SECOND / 1000)

/* How often what sends no events is looked at, and a chain that is missing. */
#define CHECK_PERIOD	(150 * MS)

/* Of what failed, and between two comparisons that somebody's answers cause. */
#define PAUSE_TIME	CLOCK_SECOND

/* How long nobody must have deleted anything; and how long that may take. */
#define QUIET_TIME	(80 * MS)
#define QUIET_MAX	(400 * MS)

/* No grant of ours lives longer; nor does ipset's timeout. */
#define LEFT_MAX	(2147483 * 1000ULL)	/* ms */

/*
 * ms: ipset tells whole seconds, rounded down, and takes them rounded up; the
 * clocks of the kernel have ticks; and a listing is older than we are.
 */
#define SHORTER_IPSET	1050
#define SHORTER_NFT	50
#define LONGER		1500

enum repair_state {
	STAY = 0,	/* no state: an event that changes nothing */
	IDLE,		/* all that can be is there, as far as is known */
	QUIET,		/* something has gone: until nobody deletes any more */
	LOOK,		/* which families have their chain? */
	COMPARE,	/* what do the sets have? */
	EXPEL,		/* what is no grant goes out of them */
	PREPARE,	/* sets and rules */
	FILL,		/* a set that is to replace one */
	MEND,		/* what is missing of grants goes in */
	PAUSE,		/* something failed, or was just done: wait */
	STATES
};

enum repair_event {
	LOST = 0,	/* something of ours has gone, says the kernel */
	ADDED,		/* something came into our table or chain */
	UNSURE,		/* something may be there or not */
	MISSING,	/* something of ours is not there: seen by looking */
	DUE,		/* it is time */
	DONE,		/* what the state does is done */
	NOTHING,	/* there was nothing to be done */
	AGAIN,		/* there is more of it; or it has to be done anew */
	FAILED,		/* it cannot be done now */
	EVENTS
};

/*
 * What each event does: the next state.  What has gone while there is work under
 * way is remembered (lost, unsure, added), and is for when that is done: so nobody puts
 * it off for ever.
 */
static const uint8_t transitions[STATES][EVENTS] = {
	[IDLE] = { [LOST] = QUIET, [ADDED] = LOOK, [UNSURE] = PAUSE,
	    [MISSING] = LOOK, [DUE] = LOOK },
	[QUIET] = { [ADDED] = LOOK, [DUE] = LOOK },
	[LOOK] = { [DONE] = COMPARE, [NOTHING] = IDLE, [FAILED] = PAUSE },
	[COMPARE] = { [DONE] = EXPEL, [FAILED] = PAUSE },
	[EXPEL] = { [DONE] = PREPARE, [AGAIN] = COMPARE },
	[PREPARE] = { [DONE] = MEND, [AGAIN] = FILL, [FAILED] = PAUSE },
	[FILL] = { [DONE] = PREPARE, [FAILED] = PAUSE },
	[MEND] = { [DONE] = IDLE, [AGAIN] = QUIET, [FAILED] = PAUSE },
	[PAUSE] = { [LOST] = QUIET, [DUE] = LOOK }
};

/* Of one repair, from the first event to IDLE. */
static struct repairing {
	enum repair_state state;
	uint64_t	until;		/* QUIET, PAUSE: ns */
	uint64_t	latest;		/* QUIET: ns, at most until then */
	uint64_t	begin;		/* ns: for the log */
	bool		failed;		/* PAUSE is for that */
	bool		needed;		/* there is something to compare */
	bool		lost;		/* the same since COMPARE: see transitions */
	bool		unsure;
	bool		added;
	bool		visible;	/* it is worth a line in the log */
	uint32_t	doubt;		/* the ledger's, before COMPARE */
	uint8_t		target;		/* families with their chain */
	uint8_t		fresh;		/* of these, whose entries are taken over */
	struct backend_prepare prepare;
	uint32_t	removed;
} repair;

static uint8_t seen_chains;	/* families that had their chain at last look */
static uint8_t missing_logged;	/* families */
static uint64_t repair_look, next_compare;
static bool was_stuck;
static uint32_t without_room;

static void enter_state(enum repair_state);
static void enter_quiet(void);

static void
on_event(enum repair_event event)
{
	enum repair_state next = (enum repair_state)transitions[repair.state][event];

	if (event == LOST && repair.state == QUIET)
		enter_quiet();
	repair.added |= event == ADDED && next == STAY;
	if (next == STAY)
		return;
	repair.failed = event == FAILED;
	repair.state = next;
	enter_state(next);
}

/* --- what is in the kernel --- */

static unsigned int
owner_of(const struct msg_grant *g)
{
	if (g->local != 0 || conf->nworkers == 0)
		return (LEDGER_NOBODY);
	return (choice_worker(g->family, g->client, conf->nworkers));
}

/* An entry that we did not make ourselves since the start. */
static bool
take_over(const struct msg_grant *g, uint64_t ms)
{
	uint64_t now = clock_now();
	struct ledger_entry *e;
	struct msg_grant copy;

	if (ms == 0 || ms > LEFT_MAX ||
	    msg_grant_decode(g, sizeof(*g), &copy) != MSG_OK)
		return (false);
	e = ledger_put(firewall.ledger, &copy, now + ms * MS, now,
	    owner_of(&copy));
	if (e == NULL)
		without_room++;
	else
		ledger_set_sure(firewall.ledger, e, true);
	return (true);
}

/* Has it the time and the name of the ledger's? */
static bool
is_as_wished(const struct ledger_entry *e, const struct msg_grant *g,
    uint64_t ms)
{
	uint64_t now = clock_now(), left = 0, shorter = SHORTER_NFT;

	if (conf->firewall == KEEPCONF_IPTABLES)
		shorter = SHORTER_IPSET;
	if (e->expiry > now)
		left = (e->expiry - now) / MS;
	return (ms != 0 && ms + shorter >= left && ms <= left + LONGER &&
	    memcmp(e->grant.label, g->label, sizeof(g->label)) == 0);
}

/* What is there as the ledger says needs nothing more. */
static bool
compare_entry(const struct msg_grant *g, uint64_t ms)
{
	struct ledger_entry *e = ledger_find(firewall.ledger, g);

	if (e == NULL)
		return ((repair.fresh & backend_bit(backend_kind(g))) != 0 &&
		    take_over(g, ms));
	if (is_as_wished(e, g, ms))
		ledger_set_sure(firewall.ledger, e, true);
	return (true);
}

/* --- the states --- */

/*
 * Families whose chain was made after the start.  What is in their sets is taken
 * over, as it would have been then.  One whose sets are not as ours is left out,
 * and check has logged why.
 */
static void
take_families_in(uint8_t there)
{
	uint8_t fresh = there & (uint8_t)~seen_chains &
	    (uint8_t)~firewall.families, found;

	seen_chains = there;
	if (fresh == 0 || firewall.backend->check(&found) == -1 ||
	    (found &= fresh) == 0)
		return;
	repair.fresh |= found;
}

/* What they had is in the ledger now: they are served, and looked at again. */
static void
add_families(void)
{
	if ((repair.fresh & (uint8_t)~firewall.families) == 0)
		return;
	firewall.families |= repair.fresh;
	log_info("the chain of %s is there now, and is filled, too",
	    repair.fresh == MSG_FAMILY_V4 ? "IPv4" : "IPv6");
}

static void
log_chains(uint8_t there)
{
	uint8_t missing = firewall.families & (uint8_t)~there;

	if ((missing & (uint8_t)~missing_logged) != 0)
		log_error("the firewall was changed: our chain%s is gone; "
		    "nothing is granted there until it exists again",
		    firewall_lacking(there & firewall.families));
	missing_logged = missing;
}

static enum repair_event
look_at_chains(void)
{
	uint8_t there;

	if (firewall.backend->chains(&there) == -1)
		return (FAILED);
	take_families_in(there);
	there &= firewall.families | repair.fresh;
	repair.target = there;
	if (!repair.needed && repair.fresh == 0 && there == firewall.ready)
		return (NOTHING);
	if (there != firewall.ready)
		repair.visible = true;
	firewall.ready &= there;
	if (there != 0)
		return (DONE);
	/* Until one is there, and then there is all to be done. */
	log_chains(there);
	return (NOTHING);
}

static enum repair_event
step_compare(void)
{
	switch (compare_step()) {
	case COMPARE_MORE:
		return (EVENTS);
	case COMPARE_DONE:
		return (DONE);
	case COMPARE_FAILED:
		break;
	}
	return (FAILED);
}

static enum repair_event
step_expel(void)
{
	uint32_t before = repair.removed;

	if (compare_expel(&repair.removed))
		return (EVENTS);
	/* Those that do not go are not worth another listing now. */
	return (compare_overflowed() && repair.removed > before ? AGAIN : DONE);
}

static enum repair_event
step_prepare(void)
{
	switch (firewall.backend->prepare(&repair.prepare)) {
	case PREPARE_MORE:
		return (EVENTS);
	case PREPARE_FILL:
		/* What is added to the old one would not be in the new one. */
		firewall.ready &= (uint8_t)~backend_bit(repair.prepare.kind);
		mend_begin(1U << repair.prepare.kind, 0);
		return (AGAIN);
	case PREPARE_DONE:
		add_families();
		if (!repair.lost)
			firewall.ready = repair.target;
		log_chains(repair.target);
		return (DONE);
	case PREPARE_FAILED:
		firewall.ready = 0;
		return (FAILED);
	case PREPARE_UNKNOWN:
		break;
	}
	return (FAILED);
}

static void
log_repair(void)
{
	uint32_t mended = mend_count();

	if (!repair.visible && mended + repair.removed == 0)
		return;
	firewall.repairs++;
	log_warn("the firewall was changed: rules, sets and %u grant%s are "
	    "put back, %u other entr%s removed, in %llu ms", mended,
	    log_s(mended), repair.removed, repair.removed == 1 ? "y" : "ies",
	    (unsigned long long)((clock_now() - repair.begin) / MS));
}

/* It is done, but for what came meanwhile, and for what the kernel refuses. */
static enum repair_event
end_repair(bool failed)
{
	log_repair();
	next_compare = clock_now() + PAUSE_TIME;
	repair.visible = false;
	repair.fresh = 0;
	advice_look();
	if (repair.lost)
		return (AGAIN);
	return (failed || repair.unsure ? FAILED : DONE);
}

static enum repair_event
step_fill(void)
{
	if (mend_step())
		return (EVENTS);
	return (mend_failed() ? FAILED : DONE);
}

static enum repair_event
step_mend(void)
{
	return (mend_step() ? EVENTS : end_repair(mend_failed()));
}

static void
enter_compare(void)
{
	repair.needed = repair.lost = repair.unsure = false;
	ledger_expire(firewall.ledger, clock_now());
	/* What it does not show is missing, and nothing else, whatever comes. */
	repair.doubt = ledger_doubt(firewall.ledger);
	compare_begin(repair.target, compare_entry);
}

static void
enter_quiet(void)
{
	uint64_t now = clock_now();

	if (repair.latest < now)
		repair.latest = now + QUIET_MAX;
	repair.until = now + QUIET_TIME < repair.latest ? now + QUIET_TIME :
	    repair.latest;
	repair.needed = repair.visible = true;
}

static void
enter_pause(void)
{
	repair.until = repair.failed ? clock_now() + PAUSE_TIME : next_compare;
	repair.failed = false;
	repair.needed = true;
}

static void
enter_state(enum repair_state state)
{
	switch (state) {
	case QUIET:
		enter_quiet();
		break;
	case LOOK:
		advice_yield();
		repair.begin = clock_now();
		repair.removed = 0;
		break;
	case COMPARE:
		enter_compare();
		break;
	case EXPEL:
		repair.prepare = (struct backend_prepare){
		    .families = repair.target };
		break;
	case MEND:
		mend_begin(mend_kinds(repair.target), repair.doubt);
		break;
	case PAUSE:
		enter_pause();
		break;
	case STAY:
	case IDLE:
	case PREPARE:
	case FILL:
	case STATES:
		break;
	}
}

/* --- the steps --- */

static enum repair_event
step_idle(uint64_t now)
{
	if (now < repair_look)
		return (EVENTS);
	repair_look = now + CHECK_PERIOD;
	switch (sample_look()) {
	case SAMPLE_THERE:
		return (firewall.ready == firewall.families ? EVENTS : DUE);
	case SAMPLE_NO_SET:
		firewall.ready = 0;
		repair.visible = true;
		break;
	case SAMPLE_GONE:
		break;
	}
	repair.needed = true;
	ledger_doubt(firewall.ledger);
	return (MISSING);
}

/* EVENTS: it has more to do, or to wait. */
static enum repair_event
step_state(uint64_t now)
{
	switch (repair.state) {
	case IDLE:
		return (step_idle(now));
	case QUIET:
	case PAUSE:
		return (now >= repair.until ? DUE : EVENTS);
	case LOOK:
		return (look_at_chains());
	case COMPARE:
		return (step_compare());
	case EXPEL:
		return (step_expel());
	case PREPARE:
		return (step_prepare());
	case FILL:
		return (step_fill());
	case MEND:
		return (step_mend());
	case STAY:
	case STATES:
		break;
	}
	return (EVENTS);
}

bool
repair_soon_done(void)
{
	static uint64_t since;
	uint64_t now = clock_now();

	if (repair.state == IDLE || ask_stuck() ||
	    (repair.target & (uint8_t)~firewall.ready) == 0) {
		since = 0;
		return (false);
	}
	if (since == 0)
		since = now;
	return (now < since + CLOCK_SECOND);
}

/* What is under way at the helper will be known only when it answers. */
static bool
is_stuck(void)
{
	bool stuck = ask_stuck();

	if (stuck && !was_stuck)
		log_error("dnsfw-priv, the helper, does not answer: answers "
		    "that need a grant fail until it does");
	else if (!stuck && was_stuck) {
		log_info("dnsfw-priv, the helper, answers again");
		repair_unsure();
	}
	was_stuck = stuck;
	return (stuck);
}

bool
repair_step(void)
{
	enum repair_event event;

	if (firewall.families == 0 || is_stuck())
		return (false);
	event = step_state(clock_now());
	if (event != EVENTS)
		on_event(event);
	if (repair.added && repair.state == IDLE) {
		repair.added = false;
		on_event(ADDED);
	}
	if (repair.state == IDLE)
		advice_step();
	return (event == MISSING);
}

void
repair_unsure(void)
{
	repair.unsure = repair.needed = true;
	on_event(UNSURE);
}

bool
repair_events(void)
{
	unsigned int seen;

	if (firewall.families == 0)
		return (false);
	seen = watch_read();
	if ((seen & (WATCH_RULES | WATCH_UNSURE)) != 0)
		advice_look();
	if ((seen & WATCH_LOST) != 0) {
		firewall.ready = 0;
		repair.lost = repair.needed = true;
		/* A chain may be another one when it is seen again. */
		seen_chains &= firewall.families;
		on_event(LOST);
	}
	if ((seen & WATCH_ADDED) != 0)
		on_event(ADDED);
	if ((seen & WATCH_UNSURE) != 0)
		repair_unsure();
	if ((seen & (WATCH_LOST | WATCH_UNSURE)) == 0)
		return (false);
	ledger_doubt(firewall.ledger);
	return (true);
}

int
repair_fd(void)
{
	return (repair.state == COMPARE ? compare_fd() : -1);
}

/* ms until then. */
static int
ms_until(uint64_t when)
{
	uint64_t now = clock_now();

	return (now >= when ? 0 : (int)((when - now) / MS) + 1);
}

static int
state_wait(void)
{
	switch (repair.state) {
	case QUIET:
	case PAUSE:
		return (ms_until(repair.until));
	case COMPARE:
		/* Silence has its end, and somebody else may be listing. */
		return (compare_fd() == -1 ? 5 : 100);
	case IDLE:
		if (firewall.ready == firewall.families &&
		    firewall.backend->intact == NULL)
			return (-1);
		return (ms_until(repair_look));
	case STAY:
	case LOOK:
	case EXPEL:
	case PREPARE:
	case FILL:
	case MEND:
	case STATES:
		break;
	}
	return (0);
}

int
repair_wait(void)
{
	int state, effect;

	if (firewall.families == 0)
		return (-1);
	/* What helps then can be read. */
	if (ask_stuck())
		return (100);
	state = state_wait();
	effect = repair.state == IDLE ? advice_wait() : -1;
	if (state == -1 || effect == -1)
		return (state == -1 ? effect : state);
	return (state < effect ? state : effect);
}

/* --- the start --- */

/* Let others be heard while it waits for the kernel. */
static void
start_wait(void)
{
	struct pollfd fds[] = { { .fd = repair_fd(), .events = POLLIN },
	    { .fd = KEEP_FD_SIGNALS, .events = POLLIN } };

	children_poll(fds, 2, fds[0].fd == -1 ? 1 : 100);
	if (signals_child())
		children_look();
	if (signals_stop != 0)
		fatalx("stopped by signal %d during the start", signals_stop);
	ask_look();
}

/* Make a ledger of what the kernel has, however much it is (G9). */
static void
take_all_over(uint32_t max_grants)
{
	uint32_t room = max_grants;
	enum compare_step step;

	for (;;) {
		without_room = 0;
		/* What a listing tells twice is in it already. */
		firewall.ledger = ledger_new(max_grants, room, conf->nworkers);
		compare_begin(firewall.families, take_over);
		while ((step = compare_step()) == COMPARE_MORE)
			start_wait();
		if (step == COMPARE_FAILED)
			fatalx("the firewall cannot be used: its sets cannot "
			    "be listed");
		if (without_room == 0)
			return;
		room += without_room;
		ledger_free(firewall.ledger);
	}
}

static void __attribute__((noreturn))
cannot_start(void)
{
	children_look();	/* that one has died may be the reason */
	fatalx("the firewall cannot be used");
}

void
repair_start(const struct backend *b, uint32_t max_grants)
{
	enum repair_event event;
	uint64_t begin;

	firewall.backend = b;
	if (b == NULL) {
		firewall.ledger = ledger_new(max_grants, 0, conf->nworkers);
		return;
	}
	if (b->check(&firewall.families) == -1)
		cannot_start();
	seen_chains = repair.target = repair.fresh = firewall.families;
	repair.state = COMPARE;
	take_all_over(max_grants);
	firewall.taken_over = ledger_count(firewall.ledger);
	on_event(DONE);
	while (repair.state != MEND && repair.state != PAUSE) {
		event = step_state(clock_now());
		if (event != EVENTS)
			on_event(event);
		else
			start_wait();
	}
	if (repair.state == PAUSE)
		cannot_start();
	firewall.ready = firewall.families;
	repair.state = IDLE;
	repair.fresh = 0;
	if (firewall.taken_over + repair.removed > 0)
		log_info("%llu existing grant%s kept, %u stale entr%s removed",
		    (unsigned long long)firewall.taken_over,
		    log_s(firewall.taken_over), repair.removed,
		    repair.removed == 1 ? "y" : "ies");
	repair.removed = 0;
	begin = clock_now();
	advice_look();
	/* It comes before we say that we serve, unless it takes its time. */
	while (advice_wait() != -1 && clock_now() < begin + CLOCK_SECOND) {
		advice_step();
		if (advice_wait() != -1)
			start_wait();
	}
}
