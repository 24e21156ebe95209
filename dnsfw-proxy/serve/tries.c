/* The tries of one exchange. */
#include "tries.h"

#include <string.h>

#include "../dns/accept.h"
#include "../dns/build.h"
#include "back_tcp.h"
#include "back_udp.h"
#include "clock.h"
#include "counters.h"
#include "extra.h"
#include "kept.h"
#include "loop.h"
#include "resend.h"
#include "scratch.h"
#include "settings.h"
#include "upstream.h"

#define TRIES_MAX	16	/* of one exchange */
#define STEP_MAX	CLOCK_SECOND	/* before the next upstream is asked */
#define RETRY_AGE	(CLOCK_SECOND / 2)	/* see tries_more() */
#define BREAKS_MAX	2	/* then the question may be what breaks them */

/* The answer of an upstream that cannot, or will not (D6). */
struct refusal {
	uint8_t		upstream;
	size_t		len;
	uint8_t		msg[];
};

/* The times from the beginning are the same for all, so these are ordered. */
static struct exchanges by_step = TAILQ_HEAD_INITIALIZER(by_step);
static uint64_t step;
static const struct tries_events *tries_events;

static const char no_way[] = "no upstream can be reached";

static void
end_try(struct attempt *t)
{
	extra_leave(t);
	LIST_REMOVE(t, link);
	if (t->tcp)
		back_tcp_end(t);
	else
		back_udp_end(t);
}

/* May it have one more? */
static bool
may_try(const struct exchange *x)
{
	return (x->ntries < TRIES_MAX &&
	    (LIST_EMPTY(&x->tries) || extra_may(x)));
}

void
tries_pass(struct exchange *x, const struct quota *from, struct quota *to)
{
	extra_pass(x, from, to);
	kept_pass(x->refusal, from, to);
}

static bool
tries_send(struct exchange *x, int upstream)
{
	bool extra = !LIST_EMPTY(&x->tries);
	struct attempt *t;

	x->tried |= 1U << upstream;
	if (extra && (t = extra_in_the_way()) != NULL)
		end_try(t);
	t = x->tcp ? back_tcp_send((size_t)upstream, x->msg, x->len,
	    x->breaks >= BREAKS_MAX) :
	    back_udp_send((size_t)upstream, x->msg, x->len);
	if (t == NULL) {
		resend_later(x, upstream);
		return (false);
	}
	t->extra = false;
	if (extra)
		extra_take(x, t);
	t->exchange = x;
	t->upstream = (uint8_t)upstream;
	t->tcp = x->tcp;
	LIST_INSERT_HEAD(&x->tries, t, link);
	x->last = (uint8_t)upstream;
	x->last_try = loop.now;
	x->judged = false;
	x->ntries++;
	return (true);
}

/* Ask an upstream that was not asked yet.  False: there is none. */
static bool
next_try(struct exchange *x)
{
	bool probe, sent = false;
	int i;

	while (may_try(x) &&
	    (i = upstream_choose(x->tried, &probe)) != -1) {
		if (tries_send(x, i)) {
			sent = true;
			if (!probe)
				break;
		}
	}
	return (sent);
}

static void
unschedule_step(struct exchange *x)
{
	if (x->stepping)
		TAILQ_REMOVE(&by_step, x, by_step);
	x->stepping = false;
}

/* If there is somebody else to ask, in a while that is to be done. */
static void
schedule_step(struct exchange *x)
{
	unschedule_step(x);
	if (upstream_count() == 1)
		return;
	x->step_at = loop.now + step;
	TAILQ_INSERT_TAIL(&by_step, x, by_step);
	x->stepping = true;
}

/* Before its time: who is asked now has a whole step to answer. */
static bool
next_try_now(struct exchange *x)
{
	if (!next_try(x))
		return (false);
	schedule_step(x);
	return (true);
}

void
tries_prepare(struct exchange *x)
{
	LIST_INIT(&x->tries);
	x->tried = x->refused = 0;
	x->ntries = x->breaks = 0;
	x->stepping = x->judged = false;
	x->reconnected = x->accepted = false;
	x->broken = NULL;
	x->refusal = NULL;
	x->last_try = loop.now;
	resend_prepare(x);
}

void
tries_begin(struct exchange *x)
{
	if (next_try(x))
		schedule_step(x);
	else if (!x->resending)
		tries_events->failed(x, EDE_NETWORK_ERROR, no_way);
}

/* The next upstream if there is one, or the next of those that were asked. */
void
tries_more(struct exchange *x)
{
	if (loop.now < x->last_try + RETRY_AGE || !may_try(x))
		return;
	if (!next_try(x))
		tries_send(x, (x->last + 1) % (int)upstream_count());
}

static void
forget_refusal(struct exchange *x)
{
	kept_free(x->refusal);
	x->refusal = NULL;
}

static void
evict_refusal(void *refusal, void *exchange)
{
	(void)refusal;
	forget_refusal(exchange);
}

void
tries_end(struct exchange *x)
{
	while (!LIST_EMPTY(&x->tries))
		end_try(LIST_FIRST(&x->tries));
	unschedule_step(x);
	resend_forget(x);
	forget_refusal(x);
}

/* --- the end --- */

/* True if the answer may still come of somebody who has not refused. */
static bool
may_come(const struct exchange *x)
{
	const struct attempt *t;

	if (x->resending)
		return (true);
	LIST_FOREACH(t, &x->tries, link) {
		if ((x->refused & 1U << t->upstream) == 0)
			return (true);
	}
	return (false);
}

/* With the last refusal, if there was one, or for that reason. */
static void
tries_finish(struct exchange *x, enum dns_ede ede, const char *reason)
{
	struct refusal *refusal = x->refusal;
	struct dns_response r;
	int upstream;
	uint8_t *msg;
	size_t len;

	if (refusal == NULL || dns_response_parse(refusal->msg, refusal->len,
	    &r) != DNS_OK) {
		tries_events->failed(x, ede, reason);
		return;
	}
	/* Who is told may need the room that it is kept in. */
	upstream = refusal->upstream;
	len = refusal->len;
	msg = memcpy(scratch_take(len), refusal->msg, len);
	forget_refusal(x);
	tries_events->done(x, upstream, msg, len, &r);
	scratch_give(msg);
}

/* --- answers --- */

/*
 * An error that says nothing about the name.  Perhaps another upstream knows
 * better: it is asked at once, and this answer kept for the case that it does
 * not (D6).  False: there is nobody else.
 */
static bool
ask_others(struct attempt *t, const uint8_t *msg, size_t len)
{
	struct exchange *x = t->exchange;
	struct refusal *refusal;

	x->refused |= 1U << t->upstream;
	if (!next_try_now(x) && !may_come(x))
		return (false);
	forget_refusal(x);
	/* Without room for it the end is SERVFAIL, which is no better. */
	refusal = kept_alloc_if_room(x->quota, sizeof(*refusal) + len,
	    evict_refusal, x);
	if (refusal != NULL) {
		refusal->upstream = t->upstream;
		refusal->len = len;
		memcpy(refusal->msg, msg, len);
	}
	x->refusal = refusal;
	end_try(t);
	return (true);
}

static bool
is_refusal(const struct dns_response *r)
{
	return (r->rcode == RCODE_SERVFAIL || r->rcode == RCODE_REFUSED ||
	    r->rcode == RCODE_NOTIMP || r->rcode == RCODE_FORMERR);
}

/*
 * It matches, but cannot be parsed to its last record (D10).  Another upstream
 * may have a better one.  Over UDP it may be a forgery or a damaged datagram,
 * and the true answer may still come (D11); over TCP it is the answer.
 */
static bool
broken_answer(struct attempt *t, enum dns_err err)
{
	struct exchange *x = t->exchange;
	bool asked;

	counters.junk++;
	x->broken = dns_strerror(err);
	asked = next_try_now(x);
	if (!t->tcp)
		return (false);
	end_try(t);
	if (!asked && !may_come(x))
		tries_finish(x, EDE_OTHER, x->broken);
	return (true);
}

/* It belongs to the question.  Returns as tries_arrived(). */
static bool
take_answer(struct attempt *t, const uint8_t *msg, size_t len, uint8_t *space)
{
	DNS_UNINITIALIZED struct dns_response r;
	struct exchange *x = t->exchange;
	enum dns_err err;

	err = dns_accept(&msg, &len, &x->dns, !t->tcp, space, &r);
	if (err != DNS_OK)
		return (broken_answer(t, err));
	if (!is_refusal(&r) || !ask_others(t, msg, len))
		tries_events->done(x, t->upstream, msg, len, &r);
	return (true);
}

static bool
tries_arrived(struct attempt *t, const uint8_t *msg, size_t len)
{
	uint8_t *space;
	bool taken;

	if (dns_response_matches(msg, len, &t->exchange->dns, t->id,
	    settings.config.randomize_case) != DNS_OK) {
		counters.junk++;
		return (false);
	}
	upstream_answered(t->upstream);
	space = scratch_take(DNS_MESSAGE_MAX);
	taken = take_answer(t, msg, len, space);
	scratch_give(space);
	return (taken);
}

/* --- broken ways --- */

/*
 * Perhaps it is this question that breaks the connections, and all others with
 * them; perhaps it only travelled with it.  Over UDP it does so alone.
 */
static void
go_by_udp(struct exchange *x)
{
	x->tcp = false;
	x->tried = 0;
	dns_limit_edns(x->msg, &x->dns.edns);
}

/*
 * The connection of a try broke.  A server may close an idle one just when it
 * is used; and some answer only so many queries on one (RFC 7766 section
 * 6.2.4).  Then the same upstream may be asked again.
 */
static void
note_break(const struct attempt *t, enum way way)
{
	struct exchange *x = t->exchange;
	bool again = way == WAY_ANSWERED || !x->reconnected;

	x->reconnected |= way != WAY_ANSWERED;
	x->accepted |= way != WAY_NONE;
	x->breaks++;
	/* The other upstreams, and UDP, are to have their turn. */
	if (again && (x->breaks < BREAKS_MAX || (x->for_tcp &&
	    x->ntries + upstream_count() <= TRIES_MAX)))
		x->tried &= ~(1U << t->upstream);
}

/*
 * No upstream is left, but perhaps another question broke all connections: try
 * without it.
 */
static bool
try_without_others(struct exchange *x)
{
	if (x->refusal != NULL)
		return (false);
	if (x->tcp && !x->for_tcp)
		go_by_udp(x);
	else if (x->tcp && x->accepted)
		/* What cannot be sent has had its times: see resend.h. */
		x->tried = x->unsent;
	else
		return (false);
	return (next_try(x));
}

/* Somebody else is asked, or there is something to wait for; or it ends. */
static void
tries_go_on(struct exchange *x)
{
	if (!next_try_now(x) && !may_come(x) && !try_without_others(x) &&
	    !may_come(x))
		tries_finish(x, EDE_NETWORK_ERROR, no_way);
}

static void
tries_failed(struct attempt *t, enum way way)
{
	struct exchange *x = t->exchange;

	if (way == WAY_UNSENT) {
		/* It is no chance for a forger: that is what the limit is for. */
		x->ntries--;
		resend_later(x, t->upstream);
	} else if (t->tcp && way != WAY_LEFT)
		note_break(t, way);
	end_try(t);
	if (way != WAY_LEFT || !may_come(x))
		tries_go_on(x);
}

static void
tries_left(struct attempt *t)
{
	if (t->exchange->tcp && may_try(t->exchange))
		tries_send(t->exchange, t->upstream);
}

/* Perhaps that is true: then the next one has the answer sooner. */
static void
tries_doubted(struct attempt *t)
{
	next_try_now(t->exchange);
}

/* --- time --- */

/* It has had its time: is it silent?  What has failed was not, or is counted. */
static void
judge_newest(struct exchange *x)
{
	const struct attempt *t = LIST_FIRST(&x->tries);

	if (x->judged)
		return;
	x->judged = true;
	if (t != NULL && t->upstream == x->last)
		upstream_silent(x->last);
}

static void
tick_steps(void)
{
	struct exchange *x;

	while ((x = TAILQ_FIRST(&by_step)) != NULL &&
	    x->step_at <= loop.now && !loop_tick_over()) {
		unschedule_step(x);
		judge_newest(x);
		if (next_try(x))
			schedule_step(x);
	}
}

void
tries_tick(void)
{
	struct exchange *x;

	while ((x = resend_next()) != NULL)
		tries_go_on(x);
	tick_steps();
}

void
tries_expire(struct exchange *x)
{
	if (!x->stepping)
		judge_newest(x);
	if (x->broken != NULL)
		tries_finish(x, EDE_OTHER, x->broken);
	else
		tries_finish(x, EDE_NO_REACHABLE, "the upstream does not answer");
}

/* --- start --- */

void
tries_init(const struct tries_events *events)
{
	static const struct attempt_events attempts = { .arrived = tries_arrived,
	    .failed = tries_failed, .left = tries_left,
	    .doubted = tries_doubted };

	tries_events = events;
	extra_init();
	attempt_init(&attempts);
	resend_init();
	/* All upstreams get their turn before the time is up (D6). */
	step = settings.timeout / (upstream_count() + 1);
	if (step > STEP_MAX)
		step = STEP_MAX;
}
