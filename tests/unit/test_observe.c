/* What the keeper is told of answers (U8): what is of use, batches, pace. */
#include <criterion/criterion.h>

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "serve/counters.h"
#include "serve/decision.h"
#include "serve/loop.h"
#include "serve/observe.h"
#include "serve/policy.h"
#include "serve/priv.h"
#include "serve/settings.h"

struct policy policy;

struct loop loop;
struct counters counters;
struct settings settings;

static struct msg_seen sent[4 * OBSERVE_RATE];
static size_t nsent, nbatches, naddresses;
static bool full;			/* the channel */
static struct dns_address addresses[100];
static enum dns_err answer_err;

void
loop_clock(void)
{
}

bool
decision_is_plain(const struct dns_query *q)
{
	return (q->has_question && q->qclass == CLASS_IN);
}

bool
decision_is_keys(uint16_t type)
{
	return (type == TYPE_DS || type == TYPE_DNSKEY);
}

enum dns_err
answer_addresses(struct answer *a, const struct dns_address **out, size_t *n)
{
	(void)a;
	*out = addresses;
	*n = naddresses;
	return (answer_err);
}

bool
priv_send(const void *buf, size_t len)
{
	const uint8_t *from = buf;

	cr_assert(len > 0 && len % sizeof(sent[0]) == 0);
	cr_assert_leq(len, MSG_SEEN_MAX * sizeof(sent[0]));
	if (full)
		return (false);
	nbatches++;
	for (; len > 0; from += sizeof(sent[0]), len -= sizeof(sent[0]))
		cr_assert_eq(msg_seen_decode(from, sizeof(sent[0]),
		    &sent[nsent++]), MSG_OK);
	return (true);
}

static void
set_up(void)
{
	size_t i;

	loop.base = event_base_new();
	loop.now = 1000 * CLOCK_SECOND;
	settings.config.audit = 1;
	for (i = 0; i < 100; i++)
		addresses[i].addr = (struct addr){ .family = ADDR_V4,
		    .bytes = { 192, 0, 2, (uint8_t)i } };
	naddresses = 2;
	observe_init();
}

static void
tear_down(void)
{
	event_base_free(loop.base);
}

TestSuite(observe, .init = set_up, .fini = tear_down, .timeout = 30);

/* An answer to the client's question for n<number>.eXample. */
static void
answered(uint8_t client, unsigned int number, uint16_t type, uint16_t rcode)
{
	struct dns_response response = { .rcode = rcode, .ancount = 1 };
	struct answer a = { .len = 100, .response = &response };
	struct request r;

	memset(&r, 0, sizeof(r));
	r.client = (struct addr){ ADDR_V4, { 10, 0, 0, client } };
	r.dns.has_question = true;
	r.dns.qclass = CLASS_IN;
	r.dns.qtype = type;
	r.dns.qname.labels = 2;
	r.dns.qname.len = (uint8_t)(1 + snprintf((char *)r.dns.qname.wire, 32,
	    "\6N%05u\7eXample", number));
	observe(&r, &a);
}

/* What the loop does when the time is over. */
static void
later(void)
{
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 0);
	observe_turn();
}

Test(observe, U8_together_at_the_end_of_a_turn)
{
	answered(1, 7, TYPE_A, RCODE_NOERROR);
	answered(2, 8, 16, RCODE_NOERROR);
	observe_turn();
	cr_assert_eq(nsent, 0);
	later();
	cr_assert(nsent == 2 && nbatches == 1);
	cr_assert_str_eq(sent[0].name, "n00007.example");
	cr_assert(sent[0].naddresses == 2 && sent[0].other == 0 &&
	    sent[0].client[3] == 1 && sent[0].addresses[1].bytes[3] == 1);
	cr_assert_str_eq(sent[1].name, "n00008.example");
	cr_assert(sent[1].naddresses == 0 && sent[1].other == 1);
	/* Nothing is left, and no timer. */
	observe_turn();
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 1);
}

Test(observe, U8_what_is_of_no_use)
{
	answered(1, 1, TYPE_A, 3);
	answered(1, 1, TYPE_DNSKEY, RCODE_NOERROR);
	naddresses = 0;
	answered(1, 1, TYPE_A, RCODE_NOERROR);
	answered(1, 1, TYPE_HTTPS, RCODE_NOERROR);
	naddresses = 1;
	answer_err = DNS_ECOUNT;
	answered(1, 1, TYPE_A, RCODE_NOERROR);
	answer_err = DNS_OK;
	settings.config.audit = 0;
	answered(1, 1, TYPE_A, RCODE_NOERROR);
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 1);
	cr_assert_eq(nsent + counters.untold, 0);
}

Test(observe, U9_a_name_that_no_list_can_have)
{
	struct dns_response response = { .ancount = 1 };
	struct answer a = { .len = 100, .response = &response };
	struct request r;

	memset(&r, 0, sizeof(r));
	r.client.family = ADDR_V4;
	r.dns.has_question = true;
	r.dns.qclass = CLASS_IN;
	r.dns.qtype = TYPE_A;
	r.dns.qname = (struct dns_name){ 11, 2, "\3a\nb\5c*:d#" };
	observe(&r, &a);
	r.dns.qname = (struct dns_name){ 1, 0, "" };
	observe(&r, &a);
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 1);
}

Test(observe, U8_as_many_addresses_as_there_is_room_for)
{
	naddresses = 100;
	answered(1, 1, TYPE_A, RCODE_NOERROR);
	later();
	cr_assert_eq(sent[0].naddresses, MSG_SEEN_ADDRESSES);
}

Test(observe, U8_a_full_record_leaves_at_once)
{
	unsigned int i;

	for (i = 0; i < MSG_SEEN_MAX; i++)
		answered(1, i, TYPE_A, RCODE_NOERROR);
	cr_assert(nsent == MSG_SEEN_MAX && nbatches == 1);
	full = true;
	for (i = 0; i < MSG_SEEN_MAX; i++)
		answered(1, i, TYPE_A, RCODE_NOERROR);
	cr_assert_eq(counters.untold, MSG_SEEN_MAX);
}

/* What a flood has too many of is counted; something is left for others. */
Test(observe, U8_pace)
{
	unsigned int i;

	for (i = 0; i < 2 * OBSERVE_RATE; i++)
		answered(1, i, TYPE_A, RCODE_NOERROR);
	cr_assert_eq(counters.untold, OBSERVE_RATE);
	answered(2, 1, TYPE_A, RCODE_NOERROR);
	answered(2, 2, TYPE_A, RCODE_NOERROR);
	cr_assert_eq(counters.untold, OBSERVE_RATE + 1);
	loop.now += CLOCK_SECOND;
	answered(2, 3, TYPE_A, RCODE_NOERROR);
	cr_assert_eq(counters.untold, OBSERVE_RATE + 1);
}
