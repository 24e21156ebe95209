/* A client's request: read it, decide, and see that it is answered. */
#include "query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../dns/mnemonic.h"
#include "accesslog.h"
#include "again.h"
#include "counters.h"
#include "decision.h"
#include "exchange.h"
#include "follow.h"
#include "front_tcp.h"
#include "front_udp.h"
#include "grants.h"
#include "log.h"
#include "loop.h"
#include "quota.h"
#include "settings.h"
#include "upstream.h"

#define OVERLOAD_PERIOD	60	/* seconds between log lines */
#define TEXT_MAX	64	/* of an Extended DNS Error */

/* Zone transfers are several messages, which no exchange here has. */
enum { TYPE_IXFR = 251, TYPE_AXFR = 252 };

TAILQ_HEAD(query_queue, query);

static const char unknown_opcode[] = "unknown opcode";
static const char bad_kind[] = "opcode or class not allowed";

static struct query *pool;
static uint32_t fresh;			/* never used ones begin here */
static struct query_queue unused = TAILQ_HEAD_INITIALIZER(unused);
static struct log_limit overload_limit;

void
query_init(void)
{
	pool = calloc(settings.config.max_connections, sizeof(*pool));
	if (pool == NULL)
		fatalx("no memory for --max-connections");
	again_init(settings.config.max_connections);
}

/* What is known of one that is read just now. */
static struct access
facts_of(const struct addr *addr, const struct dns_query *dns, uint32_t rule,
    int rcode)
{
	return ((struct access){ .client = addr, .dns = dns,
	    .since = loop.now, .rule = rule, .upstream = ACCESS_NONE,
	    .rcode = rcode });
}

void
query_facts(const struct query *q, int rcode, struct access *out)
{
	*out = (struct access){ .client = &q->addr, .dns = &q->dns,
	    .since = q->since, .rule = q->rule, .upstream = q->upstream,
	    .rcode = rcode };
}

static struct query *
query_new(const struct addr *addr, const struct endpoint *from,
    const struct dns_query *dns)
{
	struct quota *client;
	struct query *q;

	if (TAILQ_EMPTY(&unused) && fresh == settings.config.max_connections)
		return (NULL);
	if ((client = quota_enter(addr)) == NULL)
		return (NULL);
	if ((q = TAILQ_FIRST(&unused)) != NULL)
		TAILQ_REMOVE(&unused, q, link);
	else
		q = &pool[fresh++];
	q->exchange = NULL;
	q->held = NULL;
	q->client = client;
	q->addr = *addr;
	q->from = *from;
	q->dns = *dns;
	q->since = loop.now;
	q->upstream = ACCESS_NONE;
	if (from->tcp)
		front_tcp_attach(q);
	return (q);
}

/* End without an answer, or after it. */
static void
query_drop(struct query *q)
{
	if (q->from.conn != NULL)
		front_tcp_detach(q);
	again_remove(q);
	quota_leave(q->client);
	/* The last one first: its memory is warm. */
	TAILQ_INSERT_HEAD(&unused, q, link);
}

static size_t
limit_of(const struct endpoint *from, const struct dns_query *dns)
{
	return (from->tcp ? DNS_MESSAGE_MAX : dns_udp_limit(dns));
}

size_t
query_limit(const struct query *q)
{
	return (limit_of(&q->from, &q->dns));
}

static void
send_to(const struct endpoint *from, const uint8_t *msg, size_t len)
{
	if (!from->tcp)
		front_udp_send(from, msg, len);
	else if (from->conn != NULL)
		front_tcp_send(from->conn, msg, len);
}

void
query_reply(struct query *q, uint8_t *msg, size_t len)
{
	dns_set_id(msg, q->dns.id);
	/* The answer has the same question, but for case (D5). */
	dns_restore_question(msg, &q->dns);
	send_to(&q->from, msg, len);
	query_drop(q);
}

/* An answer that is made here; msg is the query as far as its question. */
static void
answer_here(const struct endpoint *from, const struct dns_query *dns,
    const uint8_t *msg, uint16_t rcode, enum dns_ede ede, const char *text,
    const struct addr *local)
{
	uint8_t out[QUERY_HEAD_MAX + 256];
	size_t n;

	n = dns_build_reply(msg, dns, rcode, ede, text, local,
	    limit_of(from, dns), out, sizeof(out));
	if (n > 0)
		send_to(from, out, n);
}

void
query_failed(struct query *q, enum dns_ede ede, const char *reason)
{
	struct access facts;

	query_facts(q, RCODE_SERVFAIL, &facts);
	access_bad_answer(&facts, reason);
	answer_here(&q->from, &q->dns, q->head, RCODE_SERVFAIL, ede, reason,
	    NULL);
	query_drop(q);
}

static void
bad_query(const uint8_t *msg, const struct addr *addr,
    const struct endpoint *from, const struct dns_query *dns,
    uint32_t rule, uint16_t rcode, const char *text)
{
	uint8_t header[DNS_HEADER_SIZE];
	struct access facts = facts_of(addr, dns, rule, rcode);

	counters.bad++;
	access_bad_query(&facts, text);
	if (dns->question_end != 0) {
		answer_here(from, dns, msg, rcode, EDE_NONE, NULL, NULL);
		return;
	}
	dns_build_header_reply(dns->id, dns->flags, rcode, header);
	send_to(from, header, sizeof(header));
}

/* One of a kind that the client's rules for this name do not allow (D4). */
static void
kind_refused(const uint8_t *msg, const struct addr *addr,
    const struct endpoint *from, const struct dns_query *dns,
    uint32_t rule, const char *text)
{
	struct access facts = facts_of(addr, dns, rule, RCODE_REFUSED);

	counters.bad++;
	access_bad_query(&facts, text);
	answer_here(from, dns, msg, RCODE_REFUSED, EDE_PROHIBITED, text, NULL);
}

static uint16_t
refuse_rcode(void)
{
	switch ((enum msg_refuse)settings.config.refuse_with) {
	case REFUSE_NXDOMAIN:
		return (RCODE_NXDOMAIN);
	case REFUSE_NODATA:
		return (RCODE_NOERROR);
	case REFUSE_REFUSED:
		break;
	}
	return (RCODE_REFUSED);
}

/* -| name = address (D3). */
static void
answer_local(const uint8_t *msg, const struct endpoint *from,
    struct access *facts, const struct acl_decision *d)
{
	char text[TEXT_MAX];

	facts->rcode = RCODE_NOERROR;
	access_local(facts, &d->local);
	snprintf(text, sizeof(text), "answered by ACL line %u", d->line);
	answer_here(from, facts->dns, msg, RCODE_NOERROR, EDE_FORGED, text,
	    &d->local);
}

static void
refuse(const uint8_t *msg, const struct endpoint *from, struct access *facts,
    const struct acl_decision *d)
{
	char text[TEXT_MAX];

	facts->rcode = refuse_rcode();
	access_log(ACCESS_REFUSE, facts);
	if (d->line != 0)
		snprintf(text, sizeof(text), "blocked by ACL line %u", d->line);
	else
		snprintf(text, sizeof(text), "no ACL rule allows it");
	answer_here(from, facts->dns, msg, refuse_rcode(), d->line != 0 ?
	    EDE_BLOCKED : EDE_PROHIBITED, text, NULL);
}

/* What the list says of a name that it does not allow. */
static void
deny(const uint8_t *msg, const struct endpoint *from, struct access *facts,
    const struct acl_decision *d)
{
	counters.refused++;
	facts->rule = d->line;
	if (d->verdict == ACL_LOCAL)
		answer_local(msg, from, facts, d);
	else
		refuse(msg, from, facts, d);
}

/* A name by which clients are led around this server (D16). */
static void
answer_signal(const uint8_t *msg, const struct addr *addr,
    const struct endpoint *from, const struct dns_query *dns,
    enum decision_signal signal)
{
	uint16_t rcode = signal == SIGNAL_NXDOMAIN ? RCODE_NXDOMAIN :
	    RCODE_NOERROR;
	struct access facts = facts_of(addr, dns, 0, rcode);

	counters.refused++;
	access_log(ACCESS_REFUSE, &facts);
	answer_here(from, dns, msg, rcode, EDE_BLOCKED,
	    "this DNS server is to be used (--bypass-signals)", NULL);
}

static bool
is_address_type(uint16_t type)
{
	return (type == TYPE_A || type == TYPE_AAAA || type == TYPE_HTTPS ||
	    type == TYPE_SVCB);
}

/*
 * An opcode that says what the message is about, so that the rules can decide.
 * Of DSO (RFC 8490), for one, nothing is known here but that there is no such
 * thing: NOTIMP.
 */
static bool
is_known(const struct dns_query *dns)
{
	switch (DNS_OPCODE_OF(dns->flags)) {
	case DNS_OPCODE_QUERY:
	case DNS_OPCODE_IQUERY:
	case DNS_OPCODE_STATUS:
	case DNS_OPCODE_NOTIFY:
	case DNS_OPCODE_UPDATE:
		return (true);
	default:
		return (false);
	}
}

/*
 * Is this kind of message allowed under these rules (D4, A5)?  Returns NULL,
 * or what is wrong.  *grants: whether the answer's addresses are to be granted.
 */
static const char *
check_kind(const struct dns_query *dns, const struct acl_decision *d,
    bool *grants)
{
	bool plain = decision_is_plain(dns);

	*grants = d->nports > 0 && plain && is_address_type(dns->qtype);
	if (dns->has_question &&
	    (dns->qtype == TYPE_AXFR || dns->qtype == TYPE_IXFR))
		return ("zone transfers are not supported");
	if (d->overflow)
		return ("too many ports in the ACL for one name");
	if (*grants || d->any)
		return (NULL);
	if (!plain)
		return (bad_kind);
	return (d->resolve || decision_is_keys(dns->qtype) ? NULL :
	    "query type not allowed");
}

static void
overloaded(const uint8_t *msg, const struct addr *addr,
    const struct endpoint *from, const struct dns_query *dns, uint32_t rule)
{
	static const char text[] = "too many requests in flight";
	struct access facts = facts_of(addr, dns, rule, RCODE_SERVFAIL);
	uint64_t count;

	counters.overload++;
	if (log_allowed(&overload_limit, loop.now, OVERLOAD_PERIOD, &count))
		log_warn("%llu request%s turned away: --max-connections, or "
		    "one client's share of it, is in use",
		    (unsigned long long)count, log_s(count));
	access_bad_answer(&facts, text);
	answer_here(from, dns, msg, RCODE_SERVFAIL, EDE_OTHER, text, NULL);
}

static void
forward(const uint8_t *msg, size_t len, const struct addr *addr,
    const struct endpoint *from, const struct dns_query *dns,
    const struct decision *d, bool grants)
{
	struct access facts = facts_of(addr, dns, d->acl.line,
	    ACCESS_NONE);
	struct query *q;
	size_t head = dns->has_question ? dns->question_end : DNS_HEADER_SIZE;
	uint32_t place = 0;

	if ((q = again_find(msg, addr, from, dns, &place)) != NULL) {
		/* It has its place, and will have its answer (D24). */
		if (q->exchange != NULL)
			exchange_again(q->exchange);
		return;
	}
	if ((q = query_new(addr, from, dns)) == NULL) {
		/* Answers that are there make room. */
		back_udp_take();
		q = query_new(addr, from, dns);
	}
	if (q == NULL) {
		overloaded(msg, addr, from, dns, d->acl.line);
		return;
	}
	q->rule = d->acl.line;
	q->wants_grants = grants;
	q->named = d->named;
	q->aliased = d->norigins > 0;
	memcpy(q->head, msg, head);
	again_add(q, place);
	access_log(grants ? ACCESS_FORWARD : ACCESS_RESOLVE, &facts);
	exchange_join(q, msg, len);
}

/* What only "~> *" admits (A5): NULL, or what is wrong, and the answer's rcode. */
static const char *
check_message(const struct dns_query *dns, const struct acl_decision *d,
    uint16_t *rcode)
{
	if (d->verdict == ACL_ALLOW && d->any)
		return (NULL);
	*rcode = RCODE_NOTIMP;
	if (!is_known(dns))
		return (unknown_opcode);
	*rcode = RCODE_FORMERR;
	return (dns->has_question ? NULL : "no question");
}

/* A well-formed message: what do the rules say? */
static void
decide(const uint8_t *msg, size_t len, const struct addr *addr,
    const struct endpoint *from, const struct dns_query *dns)
{
	DNS_UNINITIALIZED struct decision d;
	struct access facts;
	const char *text;
	uint32_t line;
	uint16_t rcode;
	bool grants;

	decision_make(addr, dns, loop.now, &d);
	line = d.acl.line;
	if ((text = check_message(dns, &d.acl, &rcode)) != NULL)
		bad_query(msg, addr, from, dns, line, rcode, text);
	else if (d.signal != SIGNAL_NONE)
		answer_signal(msg, addr, from, dns, d.signal);
	else if (d.acl.verdict == ACL_LOCAL && !decision_is_plain(dns))
		kind_refused(msg, addr, from, dns, line, bad_kind);
	else if (d.acl.verdict != ACL_ALLOW) {
		facts = facts_of(addr, dns, line, ACCESS_NONE);
		deny(msg, from, &facts, &d.acl);
	} else if ((text = check_kind(dns, &d.acl, &grants)) != NULL)
		kind_refused(msg, addr, from, dns, line, text);
	else if (!dns->strict && (grants || !(d.acl.resolve || d.acl.any)))
		bad_query(msg, addr, from, dns, line, RCODE_FORMERR,
		    "more than a question and an OPT record");
	else
		forward(msg, len, addr, from, dns, &d, grants);
}

void
query_receive(const uint8_t *msg, size_t len, const struct addr *addr,
    const struct endpoint *from)
{
	struct dns_query dns;
	enum dns_err err;

	counters.queries++;
	err = dns_query_parse(msg, len, &dns);
	if (err == DNS_EHEADER || err == DNS_EQR)
		return;		/* there is nothing to answer to (D8) */
	if (err != DNS_OK && !is_known(&dns))
		bad_query(msg, addr, from, &dns, 0, RCODE_NOTIMP,
		    unknown_opcode);
	else if (err != DNS_OK)
		bad_query(msg, addr, from, &dns, 0, RCODE_FORMERR,
		    dns_strerror(err));
	else if (dns.edns.present && dns.edns.version > 0)
		/* RFC 6891 6.1.3: whatever is asked. */
		bad_query(msg, addr, from, &dns, 0, RCODE_BADVERS,
		    "unknown EDNS version");
	else
		decide(msg, dns.length, addr, from, &dns);
}

void
query_log_passed(const struct query *q, const struct dns_response *r)
{
	char text[TEXT_MAX], rcode[DNS_MNEMONIC_SIZE];
	struct access facts;

	query_facts(q, r->rcode, &facts);
	if (r->rcode == RCODE_NOERROR) {
		access_log(ACCESS_PASS, &facts);
		return;
	}
	/* Those of RFC 1035 by name, as the reference does. */
	if (r->rcode <= RCODE_REFUSED)
		snprintf(text, sizeof(text), "upstream error %s",
		    dns_rcode_print(r->rcode, rcode));
	else
		snprintf(text, sizeof(text), "upstream error %u", r->rcode);
	access_bad_answer(&facts, text);
}

/* Too long for the client: header, question and TC, so nothing to grant. */
static void
reply_truncated(struct query *q, uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	query_log_passed(q, r);
	query_reply(q, msg, dns_truncate(msg, len, r, query_limit(q)));
}

void
query_answered(struct query *q, const uint8_t *msg, size_t len,
    const struct dns_response *r)
{
	static uint8_t copy[DNS_MESSAGE_MAX];
	DNS_UNINITIALIZED struct acl_decision d;
	enum follow follow = FOLLOW_PASS;
	struct access facts;

	/* Who has closed the connection takes no answer, and connects nowhere. */
	if (q->from.tcp && q->from.conn == NULL) {
		query_facts(q, ACCESS_NONE, &facts);
		access_bad_answer(&facts, "the client has left");
		query_drop(q);
		return;
	}
	/* Others may wait for the same answer: each gets its own copy. */
	memcpy(copy, msg, len);
	if (r->has_alias)
		follow = follow_answer(q, copy, len, r, &d);
	if (follow == FOLLOW_TOO_MANY)
		query_failed(q, EDE_OTHER, "too many aliases to look at");
	else if (follow == FOLLOW_BLOCKED) {
		query_facts(q, ACCESS_NONE, &facts);
		deny(q->head, &q->from, &facts, &d);
		query_drop(q);
	} else if (len > query_limit(q))
		reply_truncated(q, copy, len, r);
	else if (q->wants_grants)
		grants_answer(q, copy, len, r);
	else {
		query_log_passed(q, r);
		query_reply(q, copy, len);
	}
}
