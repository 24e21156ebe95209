/* The kernel's firewall as the ledger wants it. */
#include "repair.h"

#include "advice.h"
#include "clock.h"
#include "compare.h"
#include "conf.h"
#include "firewall.h"
#include "kernel/watch.h"
#include "log.h"
#include "mend.h"
#include "repairsteps.h"
#include "sample.h"

#define MS		(CLOCK_SECOND / 1000)

/* How often what sends no events is looked at, and a chain that is missing. */
#define CHECK_PERIOD	(150 * MS)

/* The longest pause after a failure. */
#define PAUSE_TIME	CLOCK_SECOND

/*
 * After a failure; twice as long after the next one, at most PAUSE_TIME.  Most
 * often the operator was not done yet: a set went after it was made.
 */
#define PAUSE_FIRST	(50 * MS)

/* How long nobody must have deleted anything; and how long that may take. */
#define QUIET_TIME	(80 * MS)
#define QUIET_MAX	(400 * MS)

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

static struct repairing repair;

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

/* --- the states --- */

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
	uint64_t longer = repair.pause == 0 ? PAUSE_FIRST : 2 * repair.pause;

	if (repair.failed)
		repair.pause = longer < PAUSE_TIME ? longer : PAUSE_TIME;
	repair.until = repair.failed ? clock_now() + repair.pause :
	    repair.next_compare;
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
		repairsteps_begin_compare(&repair);
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
	case IDLE:
		repair.pause = 0;
		break;
	case STAY:
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
	if (now < repair.next_look)
		return (EVENTS);
	repair.next_look = now + CHECK_PERIOD;
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
		return (repairsteps_look(&repair));
	case COMPARE:
		return (repairsteps_compare());
	case EXPEL:
		return (repairsteps_expel(&repair));
	case PREPARE:
		return (repairsteps_prepare(&repair));
	case FILL:
		return (repairsteps_fill());
	case MEND:
		return (repairsteps_mend(&repair));
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

	if (stuck && !repair.was_stuck)
		log_error("dnsfw-priv, the helper, does not answer: answers "
		    "that need a grant fail until it does");
	else if (!stuck && repair.was_stuck) {
		log_info("dnsfw-priv, the helper, answers again");
		repair_unsure();
	}
	repair.was_stuck = stuck;
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
		repair.chains.seen &= firewall.families;
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
	return (repair.state == COMPARE && !ask_stuck() ? compare_fd() : -1);
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
		return (ms_until(repair.next_look));
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
		takeover_impossible();
	repair.chains.seen = repair.target = firewall.families;
	repair.takeover.fresh = firewall.families;
	repair.state = COMPARE;
	takeover_all(&repair.takeover, max_grants);
	firewall.taken_over = ledger_count(firewall.ledger);
	on_event(DONE);
	while (repair.state != MEND && repair.state != PAUSE) {
		event = step_state(clock_now());
		if (event != EVENTS)
			on_event(event);
		else
			takeover_wait(repair_fd());
	}
	if (repair.state == PAUSE)
		takeover_impossible();
	firewall.ready = firewall.families;
	repair.state = IDLE;
	repair.takeover.fresh = 0;
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
			takeover_wait(repair_fd());
	}
}
