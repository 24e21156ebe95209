/*
 * Queries, with the rooms around them as a test likes.  To be included once, by a test
 * program.
 */
#ifndef QUERY_RIG_H
#define QUERY_RIG_H

#include <criterion/criterion.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "serve/accesslog.h"
#include "serve/again.h"
#include "serve/back_udp.h"
#include "serve/counters.h"
#include "serve/decision.h"
#include "serve/exchange.h"
#include "serve/follow.h"
#include "serve/hits.h"
#include "serve/front_tcp.h"
#include "serve/front_udp.h"
#include "serve/loop.h"
#include "serve/observe.h"
#include "serve/policy.h"
#include "serve/query.h"
#include "serve/quota.h"
#include "serve/settings.h"
#include "serve/tell.h"
#include "serve/verdict.h"

#define MAX	8U		/* --max-connections */

struct loop loop;
static unsigned int nticked, ticks_max = UINT_MAX;
struct settings settings;
struct counters counters;
struct policy policy;

/* From line 101 of the list on there is another file. */
const char *
policy_place(uint32_t *line)
{
	if (*line <= 100)
		return ("");
	*line -= 100;
	return ("conf.d/kids.acl");
}

static const struct waiter_events *waits;
static const struct verdict_events *verdicts;
static struct waiter *joined[100], *left[100];
static unsigned int nleft, njoined, nagain, nverdicts, nabandoned, nfollowed;
static unsigned int nticks, nplaces, npassed, nobserved;
static enum access_event logged;
static struct acl_decision blocked;	/* what an answer leads to, if it is */
static struct verdict *judged;
static struct acl_decision acl;
static uint8_t sent[DNS_MESSAGE_MAX];
static size_t sent_len;
static unsigned int nsent;
static char text[128];
static char told[128];			/* of the last that was refused */
static enum msg_refusal_kind told_kind;
static unsigned int ntold;
static unsigned int nhits;
static void (*on_take)(void);
static struct quota quotas[256];	/* by the last octet of the client */
static unsigned int share = MAX;	/* places of one */
static const void *const place = quotas;	/* what is only passed on */
static struct held *held = (struct held *)quotas;

/* --- stand-ins --- */

bool
loop_tick_over(void)
{
	return (nticked++ >= ticks_max);
}

void loop_need_tick(void) { nticks++; }
void back_udp_take(void) { if (on_take != NULL) on_take(); }
void front_tcp_attach(struct asker *a) { (void)a; }
void front_tcp_detach(struct asker *a) { (void)a; }
void exchange_init(const struct waiter_events *e) { waits = e; }
void exchange_again(struct exchange *x) { (void)x; nagain++; }
void verdict_init(const struct verdict_events *e) { verdicts = e; }

void
front_udp_send(const struct asker *to, const uint8_t *msg, size_t len)
{
	(void)to;
	memcpy(sent, msg, sent_len = len);
	nsent++;
}

void
front_tcp_send(struct tcp_conn *c, const uint8_t *msg, size_t len)
{
	(void)c;
	front_udp_send(NULL, msg, len);
}

struct quota *
quota_enter(const struct addr *a)
{
	struct quota *q = &quotas[a->bytes[3]];

	if (q->places == share)
		return (NULL);
	nplaces++;
	q->places++;
	return (q);
}

void
quota_leave(struct quota *q)
{
	cr_assert_gt(q->places, 0);
	nplaces--;
	q->places--;
}

void
exchange_join(struct waiter *w, const uint8_t *msg, size_t len)
{
	(void)msg;
	(void)len;
	w->exchange = (struct exchange *)(uintptr_t)place;
	joined[njoined++] = w;
}

/* What the room that it waits in forgets. */
void
exchange_leave(struct waiter *w)
{
	w->exchange = NULL;
	left[nleft++] = w;
}

void
verdict_answer(struct verdict *v, struct answer *a, uint8_t *msg)
{
	cr_assert_eq(memcmp(a->msg, msg, a->len), 0);
	nverdicts++;
	judged = v;
	v->held = held;
}

void
verdict_pass(struct verdict *v, struct answer *a, uint8_t *msg)
{
	struct reply r = { .msg = msg, .len = a->len,
	    .response = *a->response };

	npassed++;
	verdicts->leaves(v, &r, false);
}

void
verdict_abandon(struct verdict *v)
{
	cr_assert_eq(v->held, held);
	v->held = NULL;
	nabandoned++;
}

enum follow
follow_answer(const struct request *r, struct answer *a, uint8_t *msg,
    struct acl_decision *d)
{
	(void)r;
	(void)a;
	(void)msg;
	nfollowed++;
	*d = blocked;
	return (blocked.verdict != ACL_NOMATCH ? FOLLOW_BLOCKED : FOLLOW_PASS);
}

void
observe(const struct request *r, struct answer *a)
{
	(void)a;
	cr_assert(r->client.family == ADDR_V4);
	nobserved++;
}

void
known_asked(const struct addr *a)
{
	(void)a;
}

void
decision_make(const struct request *r, struct decision *d)
{
	(void)r;
	memset(d, 0, sizeof(*d));
	d->acl = acl;
}

bool
decision_is_plain(const struct dns_query *q)
{
	return (q->has_question && q->qclass == CLASS_IN &&
	    DNS_OPCODE_OF(q->flags) == DNS_OPCODE_QUERY);
}

bool
decision_is_keys(uint16_t type)
{
	return (type == TYPE_DS || type == TYPE_DNSKEY);
}

void
access_log(enum access_event e, const struct request *r, int rcode)
{
	(void)r;
	(void)rcode;
	logged = e;
}

void
access_local(const struct request *r, const struct addr *a)
{
	(void)r;
	(void)a;
}

void
access_bad_query(const struct request *r, int rcode, const char *t)
{
	(void)r;
	(void)rcode;
	strncpy(text, t, sizeof(text) - 1);
}

void
access_bad_answer(const struct request *r, int rcode, const char *t)
{
	access_bad_query(r, rcode, t);
}

void
hits_count(const struct acl_decision *d)
{
	cr_assert_eq(d->line, acl.line);
	nhits++;
}

void
tell(enum msg_refusal_kind kind, const struct request *r, const char *t)
{
	cr_assert(r->client.family == ADDR_V4);
	strncpy(told, t, sizeof(told) - 1);
	told_kind = kind;
	ntold++;
}

static void
set_up(void)
{
	hash_init();
	settings.config.max_connections = MAX;
	settings.timeout = 10 * CLOCK_SECOND;
	loop.now = 1000 * CLOCK_SECOND;
	acl.verdict = ACL_ALLOW;
	acl.nports = 1;
	query_init();
}

static void
ask_as(uint8_t who, uint8_t id, uint8_t type, bool tcp)
{
	uint8_t msg[] = "\0\0\1\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1";
	const struct addr client = { .family = ADDR_V4,
	    .bytes = { 10, 77, 1, who } };
	struct asker from;

	memset(&from, 0, sizeof(from));
	from.tcp = tcp;
	from.conn = tcp ? (struct tcp_conn *)(uintptr_t)place : NULL;
	from.peer.sa.sa_family = AF_INET;
	msg[1] = id;
	msg[26] = type;
	query_receive(msg, sizeof(msg) - 1, &client, &from);
}

static void
ask(uint8_t id, uint8_t type, bool tcp)
{
	ask_as(2, id, type, tcp);
}

/* An answer with so many octets, at least 45. */
static void
answer_of(unsigned int i, size_t size)
{
	static uint8_t msg[DNS_MESSAGE_MAX] =
	    "\0\1\x81\x80\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1";
	static const uint8_t record[] = "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\x4e\1\1";
	/* NULL (RFC 1035 3.3.10): anything. */
	static const uint8_t filler[] = "\xc0\x0c\0\x0a\0\1\0\0\0\x3c\0";
	struct dns_response response;
	struct answer a;
	size_t len = 45;

	memcpy(msg + 29, record, 16);
	msg[7] = 1;
	for (; len < size; msg[7]++) {
		memcpy(msg + len, filler, 11);
		/* Each but the last one has 30 octets. */
		msg[len + 11] = size - len > 60 ? 18 : (uint8_t)(size - len - 12);
		len += 12U + msg[len + 11];
	}
	cr_assert_eq(dns_response_parse(msg, len, &response), DNS_OK);
	answer_begin(&a, msg, len, &response, NULL);
	joined[i]->exchange = NULL;
	waits->answered(joined[i], &a);
	answer_end(&a);
}

static void
answer(unsigned int i)
{
	answer_of(i, 45);
}

static void
leaves(void)
{
	struct reply r = { .msg = sent, .len = sent_len };

	judged->held = NULL;
	verdicts->leaves(judged, &r, true);
}

static int
rcode(void)
{
	return (sent[3] & 15);
}

#endif
