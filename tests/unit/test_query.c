/* A query from its arrival to its answer: places, counts, deadlines (D23). */
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

TestSuite(query, .init = set_up);

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

/* www.example is an alias of its own zone. */
static void
answer_alias(unsigned int i)
{
	static const uint8_t msg[] =
	    "\0\1\x81\x80\0\1\0\1\0\0\0\0\3www\7example\0\0\1\0\1"
	    "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\2\xc0\x10";
	struct dns_response response;
	struct answer a;

	cr_assert_eq(dns_response_parse(msg, sizeof(msg) - 1, &response),
	    DNS_OK);
	answer_begin(&a, msg, sizeof(msg) - 1, &response, NULL);
	joined[i]->exchange = NULL;
	waits->answered(joined[i], &a);
	answer_end(&a);
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

Test(query, a_grant_that_is_not_there_in_time)
{
	ask(1, TYPE_A, false);
	cr_assert_geq(nticks, 1);
	loop.now += CLOCK_SECOND;
	answer(0);
	cr_assert_eq(nverdicts, 1);
	loop.now += 9 * CLOCK_SECOND - 1;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned + nsent, 0);
	/* From its arrival, to the nanosecond. */
	loop.now++;
	cr_assert(!query_tick());
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "the firewall did not answer in time");
	cr_assert_eq(nplaces, 0);
}

Test(query, who_waits_for_an_upstream_is_not_ended_here)
{
	ask(1, TYPE_A, false);
	ask(2, TYPE_A, false);
	answer(1);
	loop.now += 10 * CLOCK_SECOND;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned, 1);
	/* The answer is delivered late, and the grants have no time. */
	answer(0);
	cr_assert(!query_tick());
	cr_assert_eq(nabandoned, 2);
}

/* Who is only passed takes none of a tick's time, however many these are. */
Test(query, who_still_waits_is_in_nobodys_way)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		ask((uint8_t)i, TYPE_A, false);
	answer(3);
	loop.now += 10 * CLOCK_SECOND;
	nticked = 0;
	ticks_max = 1;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned, 1);
}

Test(query, only_those_whose_time_is_up_end)
{
	ask(1, TYPE_A, false);
	loop.now += 1;
	ask(2, TYPE_A, false);
	answer(0);
	answer(1);
	loop.now += 10 * CLOCK_SECOND - 1;
	cr_assert(query_tick());
	cr_assert_eq(nabandoned, 1);
	loop.now += 1;
	cr_assert(!query_tick());
	cr_assert_eq(nabandoned, 2);
}

Test(query, places_come_back_ten_times_over)
{
	unsigned int round, i;

	for (round = 0; round < 10; round++) {
		njoined = nsent = 0;
		for (i = 0; i < MAX; i++)
			ask((uint8_t)i, TYPE_A, false);
		cr_assert_eq(njoined, MAX);
		ask(99, TYPE_A, false);
		cr_assert_eq(njoined, MAX);
		cr_assert_eq(nsent, 1);
		cr_assert_str_eq(text, "too many requests in flight");
		for (i = 0; i < MAX; i++) {
			answer(i);
			if (round % 2 == 0)
				leaves();
		}
		loop.now += 10 * CLOCK_SECOND;
		cr_assert(!query_tick());
		cr_assert_eq(nplaces, 0);
	}
	cr_assert_eq(counters.overload, 10);
	cr_assert_eq(counters.queries, 10 * (MAX + 1));
}

/* --- all places are in use (D22) --- */

/* What client who has in flight is of these numbers. */
static void
fill(uint8_t who, unsigned int n)
{
	static uint8_t id;

	while (n-- > 0)
		ask_as(who, ++id, TYPE_A, false);
}

Test(query, the_oldest_of_the_largest_goes)
{
	share = MAX - 1;
	fill(2, 3);
	fill(3, 5);
	cr_assert_eq(njoined, MAX);
	cr_assert_eq(nleft + nsent, 0);
	ask_as(4, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX + 1);
	cr_assert_eq(nleft, 1);
	cr_assert_eq(left[0], joined[3]);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[1], 4);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "too many requests in flight");
	cr_assert_eq(counters.overload, 1);
	cr_assert_eq(nplaces, MAX);
	/* And the next one. */
	ask_as(5, 99, TYPE_A, false);
	cr_assert_eq(left[1], joined[4]);
	/* They have as many as the other one, which has them longer. */
	ask_as(6, 99, TYPE_A, false);
	cr_assert_eq(left[2], joined[0]);
	cr_assert_eq(nplaces, MAX);
}

Test(query, who_is_at_its_share_is_refused_first)
{
	share = 5;
	fill(2, 3);
	fill(3, 5);
	ask_as(3, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX);
	cr_assert_eq(nleft, 0);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[1], 99);
	/* Others have room, which makes no difference. */
	waits->failed(joined[0], EDE_OTHER, "no answer");
	ask_as(3, 98, TYPE_A, false);
	cr_assert_eq(sent[1], 98);
	cr_assert_eq(njoined, MAX);
}

Test(query, ones_own_oldest_goes_if_that_is_the_largest)
{
	share = MAX - 1;
	fill(2, 3);
	fill(3, 5);
	ask_as(3, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX + 1);
	cr_assert_eq(left[0], joined[3]);
	cr_assert_eq(quotas[3].places, 5);
	cr_assert_eq(quotas[3].requests.amount, 5);
}

/* What it waits for is let go of, whatever that is. */
Test(query, an_answer_that_waits_for_its_grants_goes)
{
	share = MAX - 1;
	fill(2, MAX - 1);
	fill(3, 1);
	answer(0);
	cr_assert_eq(nverdicts, 1);
	ask_as(4, 99, TYPE_A, false);
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(nleft, 0);
	cr_assert_eq(sent[1], 1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	/* One whose answer is on its way to it. */
	joined[1]->exchange = NULL;
	ask_as(5, 99, TYPE_A, false);
	cr_assert_eq(left[0], joined[1]);
	cr_assert_eq(nplaces, MAX);
}

static void
answer_one(void)
{
	answer(0);
	leaves();
}

/* Answers that have come make room, and nobody has to go. */
Test(query, an_answer_that_is_there_makes_room)
{
	share = MAX - 1;
	fill(2, MAX - 1);
	fill(3, 1);
	on_take = answer_one;
	ask_as(4, 99, TYPE_A, false);
	cr_assert_eq(njoined, MAX + 1);
	cr_assert_eq(nleft + nabandoned, 0);
	cr_assert_eq(counters.overload, 0);
}

/* Its client has closed its connection, or has it still. */
Test(query, over_tcp_it_is_the_same)
{
	unsigned int i;

	share = MAX - 1;
	for (i = 0; i < MAX; i++)
		ask_as((uint8_t)(2 + i / 5), (uint8_t)i, TYPE_A, true);
	joined[0]->request->from.conn = NULL;
	ask_as(4, 98, TYPE_A, true);
	cr_assert_eq(left[0], joined[0]);
	cr_assert_eq(nsent, 0);
	ask_as(4, 99, TYPE_A, true);
	cr_assert_eq(left[1], joined[1]);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(nplaces, MAX);
}

Test(query, many_go_and_no_place_is_lost)
{
	unsigned int i;

	share = MAX / 2;
	for (i = 0; i < 10 * MAX; i++)
		ask_as((uint8_t)i, (uint8_t)i, TYPE_A, false);
	cr_assert_eq(nplaces, MAX);
	cr_assert_eq(nleft, 9 * MAX);
	/* In the order in which they came: all have one each. */
	for (i = 0; i < nleft; i++)
		cr_assert_eq(left[i], joined[i], "%u", i);
	for (i = 9 * MAX; i < 10 * MAX; i++)
		waits->failed(joined[i], EDE_OTHER, "no answer");
	cr_assert_eq(nplaces, 0);
	cr_assert(!query_tick());
}

Test(query, one_that_comes_again_takes_no_place)
{
	ask(1, TYPE_A, false);
	ask(1, TYPE_A, false);
	cr_assert_eq(njoined, 1);
	cr_assert_eq(nagain, 1);
	answer(0);
	/* There is no exchange any more. */
	ask(1, TYPE_A, false);
	cr_assert_eq(nagain, 1);
	leaves();
	ask(1, TYPE_A, false);
	cr_assert_eq(njoined, 2);
}

Test(query, one_is_counted_once)
{
	ask(1, TYPE_A, true);
	ask(2, 16, true);
	acl.verdict = ACL_BLOCK;
	ask(3, TYPE_A, true);
	acl.verdict = ACL_LOCAL;
	ask(4, TYPE_A, true);
	cr_assert_eq(counters.queries, 4);
	cr_assert_eq(counters.bad, 1);
	cr_assert_eq(counters.refused, 2);
}

Test(query, zone_transfers_stay_here)
{
	acl.any = acl.resolve = true;
	ask(1, 252, true);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	ask(2, 251, true);
	cr_assert_eq(nsent, 2);
	cr_assert_eq(njoined, 0);
	ask(3, 250, true);
	ask(4, 253, true);
	cr_assert_eq(njoined, 2);
}

Test(query, who_has_left_gets_nothing)
{
	ask(1, TYPE_A, true);
	joined[0]->request->from.conn = NULL;
	answer(0);
	cr_assert_eq(nverdicts + nsent, 0);
	cr_assert_str_eq(text, "the client has left");
	cr_assert_eq(nplaces, 0);
	/* While grants are under way: its place is free in time. */
	ask(2, TYPE_A, true);
	answer(1);
	joined[1]->request->from.conn = NULL;
	loop.now += 10 * CLOCK_SECOND;
	cr_assert(!query_tick());
	cr_assert_eq(nplaces, 0);
	cr_assert_eq(nsent, 0);
}

Test(query, what_is_too_long_is_cut_and_not_granted)
{
	ask(1, TYPE_A, false);
	answer_of(0, 512);
	cr_assert_eq(nverdicts, 1);
	leaves();
	ask(2, TYPE_A, false);
	answer_of(1, 513);
	cr_assert_eq(nverdicts, 1);
	cr_assert(sent[2] & 2);
	ask(3, TYPE_A, true);
	answer_of(2, 513);
	cr_assert_eq(nverdicts, 2);
}

Test(query, without_a_port_the_answer_passes)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	answer(0);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[1], 1);
	cr_assert_eq(nplaces, 0);
}

/* --- a list that came meanwhile (A9) --- */

Test(query, A9_what_the_new_list_blocks_does_not_pass)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	ask(2, TYPE_A, false);
	acl.verdict = ACL_BLOCK;
	/* It is not in force yet. */
	answer(0);
	cr_assert_eq(rcode(), RCODE_NOERROR);
	policy.generation++;
	answer(1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_str_eq(text, "the policy has changed");
	cr_assert_eq(nsent, 2);
	cr_assert_eq(nplaces, 0);
}

/* Nor as one that is cut. */
Test(query, A9_what_the_new_list_blocks_is_not_cut_either)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	acl.verdict = ACL_LOCAL;
	policy.generation++;
	answer_of(0, 513);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
}

Test(query, A9_what_the_new_list_allows_passes)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_TXT, false);
	ask(2, TYPE_TXT, false);
	policy.generation++;
	answer(0);
	cr_assert_eq(rcode(), RCODE_NOERROR);
	/* With -> alone, other types are refused (D4). */
	acl.nports = 1;
	acl.resolve = false;
	answer(1);
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_eq(nverdicts, 0);
}

Test(query, A9_what_the_new_list_grants_is_granted)
{
	acl.nports = 0;
	acl.resolve = true;
	ask(1, TYPE_A, false);
	acl.nports = 1;
	policy.generation++;
	answer(0);
	cr_assert_eq(nverdicts, 1);
	leaves();
	/* And the reverse. */
	ask(2, TYPE_A, false);
	acl.nports = 0;
	policy.generation++;
	answer(1);
	cr_assert_eq(nverdicts, 1);
	cr_assert_eq(nsent, 2);
	cr_assert_eq(rcode(), RCODE_NOERROR);
}

Test(query, an_upstream_that_fails_is_servfail)
{
	ask(1, TYPE_A, false);
	waits->failed(joined[0], EDE_NETWORK_ERROR, "no answer");
	cr_assert_eq(rcode(), RCODE_SERVFAIL);
	cr_assert_eq(nplaces, 0);
}

/* Whoever asks why hears what the log says, once for each. */
Test(query, U5_what_is_told)
{
	ask(1, TYPE_A, false);
	cr_assert_eq(ntold, 0);
	loop.now += 10 * CLOCK_SECOND;
	answer(0);
	cr_assert(!query_tick());
	cr_assert(ntold == 1 && told_kind == REFUSAL_ANSWER);
	cr_assert_str_eq(told, "the firewall did not answer in time");
	acl.verdict = ACL_NOMATCH;
	ask(2, TYPE_A, false);
	cr_assert(ntold == 2 && told_kind == REFUSAL_LIST);
	cr_assert_str_eq(told, "no ACL rule allows it");
	acl.verdict = ACL_BLOCK;
	acl.line = 7;
	ask(3, TYPE_A, false);
	cr_assert(ntold == 3 && told_kind == REFUSAL_LIST);
	cr_assert_str_eq(told, "blocked by ACL line 7");
	acl.verdict = ACL_LOCAL;
	ask(4, TYPE_A, false);
	cr_assert(ntold == 4 && told_kind == REFUSAL_LIST);
	cr_assert_str_eq(told, "answered by ACL line 7");
	acl.verdict = ACL_ALLOW;
	ask(5, 252, false);
	cr_assert(ntold == 5 && told_kind == REFUSAL_QUERY);
	cr_assert_str_eq(told, text);
	ask(6, TYPE_A, false);
	cr_assert_eq(ntold, 5);
	/* Of another file (U11). */
	acl.verdict = ACL_BLOCK;
	acl.line = 107;
	ask(7, TYPE_A, false);
	cr_assert_str_eq(told, "blocked by ACL line 7 of conf.d/kids.acl");
}

/* Once a query, whatever becomes of it. */
Test(query, U6_what_is_counted)
{
	ask(1, TYPE_A, false);
	cr_assert_eq(nhits, 1);
	policy.generation++;
	answer(0);
	cr_assert_eq(nhits, 1);
	acl.verdict = ACL_BLOCK;
	ask(2, TYPE_A, false);
	cr_assert_eq(nhits, 2);
}

/* --- --audit (U8) --- */

static void
let_through(const char *reason, unsigned int n)
{
	cr_assert_eq(nsent, n - 1);
	cr_assert_eq(njoined, n);
	cr_assert_eq(counters.refused, 0);
	cr_assert_eq(counters.audited, n);
	cr_assert_eq(logged, ACCESS_AUDIT);
	cr_assert_eq(told_kind, REFUSAL_AUDIT);
	cr_assert_str_eq(told, reason);
	answer(n - 1);
	cr_assert_eq(npassed, n);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(nsent, n);
	cr_assert_eq(rcode(), RCODE_NOERROR);
}

Test(query, U8_what_the_list_refuses_is_let_through_without_a_grant)
{
	settings.config.audit = 1;
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	ask(1, TYPE_A, false);
	let_through("would be refused: no ACL rule allows it", 1);
	acl = (struct acl_decision){ .verdict = ACL_BLOCK, .line = 7 };
	ask(2, TYPE_A, false);
	let_through("would be blocked by ACL line 7", 2);
	/* A type that -> does not allow. */
	acl = (struct acl_decision){ .verdict = ACL_ALLOW, .nports = 1 };
	ask(3, 16, false);
	let_through("would be refused: not this query type", 3);
	/* A block in other words. */
	acl = (struct acl_decision){ .verdict = ACL_LOCAL, .line = 8,
	    .local = { .family = ADDR_V4 } };
	ask(4, TYPE_A, false);
	let_through("would be blocked by ACL line 8", 4);
	acl.local.bytes[0] = 127;
	ask(5, TYPE_A, false);
	let_through("would be blocked by ACL line 8", 5);
}

Test(query, U8_what_the_list_allows_is_as_ever)
{
	settings.config.audit = 1;
	ask(1, TYPE_A, false);
	cr_assert_eq(logged, ACCESS_FORWARD);
	answer(0);
	leaves();
	cr_assert_eq(nverdicts, 1);
	cr_assert_eq(npassed + counters.audited + ntold, 0);
	/* A name with an address of the list's is told that. */
	acl = (struct acl_decision){ .verdict = ACL_LOCAL,
	    .local = { .family = ADDR_V4, .bytes = { 192, 0, 2, 1 } } };
	ask(2, TYPE_A, false);
	cr_assert_eq(njoined, 1);
	cr_assert_eq(counters.refused, 1);
	/* So is what is not of the list's making. */
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	ask(3, 252, false);
	cr_assert_eq(rcode(), RCODE_REFUSED);
	cr_assert_eq(njoined, 1);
}

Test(query, U8_a_retransmission_is_told_of_once)
{
	settings.config.audit = 1;
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	ask(1, TYPE_A, false);
	ask(1, TYPE_A, false);
	cr_assert_eq(nagain, 1);
	cr_assert_eq(counters.audited, 1);
	cr_assert_eq(ntold, 1);
}

Test(query, U8_a_blocked_alias_is_let_through_without_a_grant)
{
	settings.config.audit = 1;
	blocked = (struct acl_decision){ .verdict = ACL_BLOCK, .line = 9 };
	ask(1, TYPE_A, false);
	cr_assert_eq(logged, ACCESS_FORWARD);
	answer_alias(0);
	cr_assert_eq(npassed, 1);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(counters.audited, 1);
	cr_assert_str_eq(told, "would be blocked by ACL line 9");
}

/* The list changes between a question and its answer. */
Test(query, U8_the_list_of_the_answer_counts)
{
	settings.config.audit = 1;
	ask(1, TYPE_A, false);
	policy.generation++;
	acl = (struct acl_decision){ .verdict = ACL_NOMATCH };
	answer(0);
	cr_assert_eq(npassed, 1);
	cr_assert_eq(nverdicts, 0);
	cr_assert_eq(nobserved, 1);
	ask(2, TYPE_A, false);
	policy.generation++;
	acl = (struct acl_decision){ .verdict = ACL_ALLOW, .nports = 1 };
	answer(1);
	cr_assert_eq(nverdicts, 1);
}
