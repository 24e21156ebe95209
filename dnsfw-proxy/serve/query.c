/* A client's request: read it, decide, and see that it is answered. */
#include "query.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../dns/build.h"
#include "../dns/mnemonic.h"
#include "accesslog.h"
#include "again.h"
#include "audit.h"
#include "back_udp.h"
#include "counters.h"
#include "decision.h"
#include "exchange.h"
#include "flight.h"
#include "follow.h"
#include "front_tcp.h"
#include "front_udp.h"
#include "hits.h"
#include "kind.h"
#include "known.h"
#include "log.h"
#include "loop.h"
#include "observe.h"
#include "policy.h"
#include "respond.h"
#include "scratch.h"
#include "settings.h"
#include "tell.h"
#include "times.h"
#include "verdict.h"

#define OVERLOAD_PERIOD	60	/* seconds between log lines */
#define LATE_PERIOD	60
#define TEXT_MAX	64	/* of a line */

static const char overload_text[] = "too many requests in flight";
static const char no_list[] = "the list in force could not be read";
static const char too_much[] = "more than a question and an OPT record";

static struct log_limit overload_limit, late_limit;

static struct query *
query_of_waiter(struct waiter *w)
{
	return ((struct query *)(void *)((char *)w -
	    offsetof(struct query, waiter)));
}

static struct query *
query_of_verdict(struct verdict *v)
{
	return ((struct query *)(void *)((char *)v -
	    offsetof(struct query, verdict)));
}

static struct query *
query_of_request(struct request *r)
{
	return ((struct query *)(void *)((char *)r -
	    offsetof(struct query, request)));
}

/* End without an answer, or after it. */
static void
query_drop(struct query *q)
{
	if (q->request.from.conn != NULL)
		front_tcp_detach(&q->request.from);
	again_remove(&q->request);
	flight_end(q);
}

/*
 * Send an answer (not larger than the client takes) and end the query.  The
 * id and the question's spelling become the client's, in place.
 */
static void
query_reply(struct query *q, uint8_t *msg, size_t len)
{
	dns_set_id(msg, q->request.dns.id);
	/* The answer has the same question, but for case (D5). */
	dns_restore_question(msg, &q->request.dns);
	respond_send(&q->request.from, msg, len);
	query_drop(q);
}

static void
query_failed(struct query *q, enum dns_ede ede, const char *reason)
{
	respond_failed(&q->request, ede, reason);
	query_drop(q);
}

static void
log_overload(void)
{
	uint64_t count;

	counters.overload++;
	if (log_allowed(&overload_limit, loop.now, OVERLOAD_PERIOD, &count))
		log_warn("%llu request%s turned away: --max-connections, or "
		    "one client's share of it, is in use",
		    (unsigned long long)count, log_s(count));
}

/* It goes, so that another one has its place. */
static void
query_evict(struct query *q)
{
	log_overload();
	if (q->verdict.held != NULL)
		verdict_abandon(&q->verdict);
	else
		exchange_leave(&q->waiter);
	query_failed(q, EDE_OTHER, overload_text);
}

/* A place, of those of another one if it has to be; or NULL. */
static struct query *
query_new(const struct request *r)
{
	struct query *q, *victim;

	if ((q = flight_begin(r, &victim)) == NULL) {
		/* Answers that are there make room. */
		back_udp_take();
		q = flight_begin(r, &victim);
	}
	if (q == NULL && victim != NULL) {
		query_evict(victim);
		q = flight_begin(r, &victim);
	}
	if (q != NULL && r->from.tcp)
		front_tcp_attach(&q->request.from);
	return (q);
}

/* It was read without a fault; otherwise it has its answer now. */
static bool
is_good(const struct request *r, enum dns_err err)
{
	if (err != DNS_OK && !kind_is_known(&r->dns))
		respond_bad_query(r, RCODE_NOTIMP, kind_unknown_opcode);
	else if (err != DNS_OK)
		respond_bad_query(r, RCODE_FORMERR, dns_strerror(err));
	else if (r->dns.edns.present && r->dns.edns.version > 0)
		/* RFC 6891 6.1.3: whatever is asked. */
		respond_bad_query(r, RCODE_BADVERS, "unknown EDNS version");
	else
		return (true);
	return (false);
}

/* What goes on is checked to its last octet (D10). */
static bool
read_whole(struct request *r)
{
	if (r->dns.whole)
		return (true);
	if (!is_good(r, dns_query_parse(r->msg, r->len, &r->dns)))
		return (false);
	r->len = r->dns.length;
	return (true);
}

/* audited: what the list says against it, or NULL. */
static void
forward(struct request *r, bool grants, const char *audited)
{
	struct request *before;
	struct query *q;
	uint32_t place = 0;

	if ((before = again_find(r, &place)) != NULL) {
		/* It has its place, and will have its answer (D24). */
		q = query_of_request(before);
		if (q->waiter.exchange != NULL)
			exchange_again(q->waiter.exchange);
		return;
	}
	r->audited = audited != NULL;
	if ((q = query_new(r)) == NULL) {
		log_overload();
		respond_failed(r, EDE_OTHER, overload_text);
		return;
	}
	loop_need_tick();
	q->waiter.wants_grants = grants;
	again_add(&q->request, place);
	if (audited != NULL)
		audit_tell(r, audited);
	else
		access_log(grants ? ACCESS_FORWARD : ACCESS_RESOLVE, r,
		    ACCESS_NONE);
	exchange_join(&q->waiter, r->msg, r->len);
}

/* Under ~> any message may pass, not only what D10 wants of one. */
static bool
takes_all(const struct acl_decision *d)
{
	return (d->verdict == ACL_ALLOW && (d->resolve || d->any));
}

/* all: as above; audited: see forward(). */
static void
pass(struct request *r, bool grants, bool all, const char *audited)
{
	if ((r->dns.strict || all) && !read_whole(r))
		return;
	if (r->dns.strict || all)
		forward(r, grants, audited);
	else
		respond_bad_query(r, RCODE_FORMERR, too_much);
}

/* A well-formed message: what do the rules say? */
static void
decide(struct request *r)
{
	DNS_UNINITIALIZED struct decision d;
	const char *text;
	uint64_t begin;
	uint16_t rcode;
	bool grants;

	if (policy.missed) {
		respond_failed(r, EDE_OTHER, no_list);
		return;
	}
	begin = times_begin();
	decision_make(r, &d);
	times_decided(begin);
	hits_count(&d.acl);
	r->rule = d.acl.line;
	r->generation = policy.generation;
	r->named = d.named;
	r->aliased = d.norigins > 0;
	if ((text = kind_check_message(&r->dns, &d.acl, &rcode)) != NULL)
		respond_bad_query(r, rcode, text);
	else if (d.signal != SIGNAL_NONE)
		respond_signal(r, d.signal);
	else if ((text = audit_reason(r, &d.acl)) != NULL)
		pass(r, false, true, text);
	else if (r->dns.crowded && !takes_all(&d.acl))
		respond_bad_query(r, RCODE_FORMERR, too_much);
	else if (d.acl.verdict == ACL_LOCAL && !decision_is_plain(&r->dns))
		respond_kind_refused(r, kind_not_allowed);
	else if (d.acl.verdict != ACL_ALLOW)
		respond_denied(r, &d.acl);
	else if ((text = kind_check(&r->dns, &d.acl, &grants)) != NULL)
		respond_kind_refused(r, text);
	else
		pass(r, grants, !grants && takes_all(&d.acl), NULL);
}

void
query_receive(const uint8_t *msg, size_t len, const struct addr *addr,
    const struct asker *from)
{
	DNS_UNINITIALIZED struct request r;
	enum dns_err err;

	counters.queries++;
	known_asked(addr);
	/* To read a long one takes time, which who is refused does not get (D21). */
	err = len > DNS_SHORT_MAX ? dns_query_parse_head(msg, len, &r.dns) :
	    dns_query_parse(msg, len, &r.dns);
	if (err == DNS_EHEADER || err == DNS_EQR)
		return;		/* there is nothing to answer to (D8) */
	r.client = *addr;
	r.from = *from;
	r.msg = msg;
	r.len = r.dns.length;
	r.since = loop.now;
	r.rule = 0;
	r.upstream = REQUEST_NOBODY;
	if (is_good(&r, err))
		decide(&r);
}

/* Log an answer that passes without a grant, or the error that it is. */
static void
log_passed(const struct query *q, const struct dns_response *r)
{
	char text[TEXT_MAX], rcode[DNS_MNEMONIC_SIZE];

	if (r->rcode == RCODE_NOERROR) {
		access_log(ACCESS_PASS, &q->request, r->rcode);
		return;
	}
	/* Those of RFC 1035 by name, as the reference does. */
	if (r->rcode <= RCODE_REFUSED)
		snprintf(text, sizeof(text), "upstream error %s",
		    dns_rcode_print(r->rcode, rcode));
	else
		snprintf(text, sizeof(text), "upstream error %u", r->rcode);
	respond_log_bad_answer(&q->request, r->rcode, text);
}

/* Too long for the client: header, question and TC, so nothing to grant. */
static void
reply_truncated(struct query *q, uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	log_passed(q, r);
	query_reply(q, msg, dns_truncate(msg, len, r, request_limit(&q->request)));
}

/* The list that let it through may not be in force any more (A9). */
static bool
is_still_allowed(struct query *q)
{
	DNS_UNINITIALIZED struct decision d;
	struct request *r = &q->request;

	if (r->generation == policy.generation && !policy.missed)
		return (true);
	decision_make(r, &d);
	r->rule = d.acl.line;
	r->named = d.named;
	r->aliased = d.norigins > 0;
	r->audited = audit_reason(r, &d.acl) != NULL;
	if (r->audited)
		q->waiter.wants_grants = false;
	return (d.signal == SIGNAL_NONE && (r->audited ||
	    kind_is_allowed(&r->dns, &d.acl, &q->waiter.wants_grants)));
}

/* A name that it leads to is blocked (D19); false: but not with --audit. */
static bool
is_refused_for(struct query *q, const struct acl_decision *d)
{
	const char *text = audit_reason(&q->request, d);

	if (text == NULL)
		return (true);
	if (!q->request.audited)
		audit_tell(&q->request, text);
	q->request.audited = true;
	q->waiter.wants_grants = false;
	return (false);
}

static void
query_take_answer(struct query *q, struct answer *a, uint8_t *copy)
{
	DNS_UNINITIALIZED struct acl_decision d;
	enum follow follow = FOLLOW_PASS;

	if (!is_still_allowed(q)) {
		query_failed(q, EDE_PROHIBITED, "the policy has changed");
		return;
	}
	observe(&q->request, a);
	if (a->response->has_alias)
		follow = follow_answer(&q->request, a, copy, &d);
	if (follow == FOLLOW_TOO_MANY)
		query_failed(q, EDE_OTHER, "too many aliases to look at");
	else if (follow == FOLLOW_BLOCKED && is_refused_for(q, &d)) {
		respond_denied(&q->request, &d);
		query_drop(q);
	} else if (a->len > request_limit(&q->request))
		reply_truncated(q, copy, a->len, a->response);
	else if (q->waiter.wants_grants)
		verdict_answer(&q->verdict, a, copy);
	else if (q->request.audited)
		verdict_pass(&q->verdict, a, copy);
	else {
		log_passed(q, a->response);
		query_reply(q, copy, a->len);
	}
}

static void
query_answered(struct waiter *w, struct answer *a)
{
	struct query *q = query_of_waiter(w);
	uint8_t *copy;

	if (request_has_left(&q->request)) {
		respond_log_bad_answer(&q->request, ACCESS_NONE,
		    "the client has left");
		query_drop(q);
		return;
	}
	/* Others may wait for the same answer: each gets its own copy. */
	copy = scratch_take(a->len);
	memcpy(copy, a->msg, a->len);
	query_take_answer(q, a, copy);
	scratch_give(copy);
}

static void
query_unanswered(struct waiter *w, enum dns_ede ede, const char *reason)
{
	query_failed(query_of_waiter(w), ede, reason);
}

/* The kernel has not acknowledged what it waits for (D23). */
static void
query_late(struct query *q)
{
	uint64_t count;

	verdict_abandon(&q->verdict);
	if (log_allowed(&late_limit, loop.now, LATE_PERIOD, &count))
		log_warn("%llu answer%s turned away: the firewall did not "
		    "acknowledge the grants within --timeout",
		    (unsigned long long)count, log_s(count));
	query_failed(q, EDE_OTHER, "the firewall did not answer in time");
}

bool
query_tick(void)
{
	struct query *q, *next;

	/* The exchanges' turn comes first: most of these wait for theirs. */
	if (loop_tick_over())
		return (flight_first() != NULL);
	for (q = flight_first(); q != NULL &&
	    q->request.since + settings.timeout <= loop.now; q = next) {
		next = flight_next(q);
		/*
		 * If it waits for nothing here, its exchange ends now, or an
		 * answer that came in time is being delivered.
		 */
		if (q->verdict.held == NULL)
			continue;
		if (loop_tick_over())
			break;
		query_late(q);
	}
	return (flight_first() != NULL);
}

static void
query_leaves(struct verdict *v, const struct reply *reply, bool granted)
{
	struct query *q = query_of_verdict(v);

	if (!granted)
		log_passed(q, &reply->response);
	query_reply(q, reply->msg, reply->len);
}

static void
query_has_no_answer(struct verdict *v, enum dns_ede ede, const char *reason)
{
	query_failed(query_of_verdict(v), ede, reason);
}

void
query_init(void)
{
	static const struct verdict_events verdicts = {
		.leaves = query_leaves, .failed = query_has_no_answer };
	static const struct waiter_events events = {
		.answered = query_answered, .failed = query_unanswered };

	flight_init();
	again_init(settings.config.max_connections);
	exchange_init(&events);
	verdict_init(&verdicts);
}
