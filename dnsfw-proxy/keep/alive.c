/*
 * Do the other processes still answer?  Looks are counted, not seconds: after the
 * machine has slept, or we were stopped, an answer may be there that nobody has
 * read.
 */
#include "alive.h"

#include "children.h"
#include "conf.h"
#include "kernel/ask.h"
#include "log.h"
#include "notify.h"
#include "policy.h"
#include "requests.h"

#define MS		(CLOCK_SECOND / 1000)

static uint64_t next_look, next_tell;
static uint32_t helper_ping;			/* seq; 0: none was sent */
static unsigned int helper_unanswered;
static bool helper_silent;

/* The watchdog hears of us twice in its time. */
static uint64_t
interval(void)
{
	return (conf->watchdog * MS / 2);
}

static uint64_t
look_period(void)
{
	return (conf->watchdog == 0 || interval() / 2 > ALIVE_PERIOD ?
	    ALIVE_PERIOD : interval() / 2);
}

static void
ask(struct child *c)
{
	if (c->silent)
		log_info("dnsfw-proxy (%s) answers again", c->name);
	c->silent = false;
	c->unanswered = 1;
	c->pings++;
	children_send_plain(c, MSG_PING, -1);
}

/* Who is asked is not asked again: one that is stopped takes nothing out. */
static void
look_at_child(struct child *c, uint64_t patience)
{
	if (c->unanswered == 0) {
		ask(c);
		return;
	}
	if (++c->unanswered > patience / look_period() && !c->silent) {
		log_error("dnsfw-proxy (%s) does not answer", c->name);
		c->silent = true;
	}
}

/* Who needs a grant meanwhile says so as well (repair.c), and that is enough. */
static void
look_at_helper(void)
{
	bool answered = helper_ping != 0 &&
	    ask_read_code(helper_ping) != ORDER_SENT;

	if (answered) {
		if (helper_silent)
			log_info("dnsfw-priv, the helper, answers again");
		helper_silent = false;
		helper_unanswered = 0;
	}
	if (answered || helper_ping == 0)
		helper_ping = ask_ping();
	if (++helper_unanswered == ALIVE_SILENCE / look_period() + 1 &&
	    !ask_stuck()) {
		log_error("dnsfw-priv, the helper, does not answer");
		helper_silent = true;
	}
}

static void
look(void)
{
	size_t i;

	look_at_child(&children_compiler, policy_reloading() ? ALIVE_LIST :
	    ALIVE_SILENCE);
	/* Who floods is not heard for a while (tokens.c), whatever it answers. */
	for (i = 0; i < children_nworkers; i++)
		if (requests_may((unsigned int)i))
			look_at_child(&children_workers[i], ALIVE_SILENCE);
	if (conf->helper != 0)
		look_at_helper();
}

/* Within the last interval. */
static bool
has_answered(unsigned int unanswered)
{
	return (unanswered * look_period() <= interval());
}

static bool
all_have_answered(void)
{
	size_t i = 0;

	while (i < children_nworkers && has_answered(children_workers[i].unanswered))
		i++;
	return (i == children_nworkers &&
	    has_answered(children_compiler.unanswered) &&
	    has_answered(helper_unanswered));
}

void
alive_step(void)
{
	const uint64_t now = clock_now();

	if (now >= next_look) {
		look();
		next_look = now + look_period();
	}
	if (conf->watchdog != 0 && now >= next_tell && all_have_answered()) {
		notify_alive();
		next_tell = now + interval();
	}
}

int
alive_wait(void)
{
	const uint64_t now = clock_now();

	return (now >= next_look ? 0 : (int)((next_look - now) / MS) + 1);
}
