/* What the keeper is told of refusals (U5): batches, pace, and what is one. */
#include <criterion/criterion.h>

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "serve/counters.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/priv.h"
#include "serve/tell.h"

struct policy policy;

struct loop loop;
struct counters counters;

static struct msg_refusal sent[2 * TELL_RATE];
static size_t nsent, nbatches;
static bool full;			/* the channel */

/* From line 101 of the list on there is another file. */
const char *
policy_place(uint32_t *line)
{
	if (*line <= 100)
		return ("");
	*line -= 100;
	return ("conf.d/kids.acl");
}

const char *
policy_comment(uint32_t line)
{
	return (line == 7 ? "games after school" : "");
}

void
loop_clock(void)
{
}

bool
priv_send(const void *buf, size_t len)
{
	const uint8_t *from = buf;

	cr_assert(len > 0 && len % sizeof(sent[0]) == 0);
	cr_assert_leq(len, MSG_REFUSALS_MAX * sizeof(sent[0]));
	if (full)
		return (false);
	nbatches++;
	for (; len > 0; from += sizeof(sent[0]), len -= sizeof(sent[0]))
		cr_assert_eq(msg_refusal_decode(from, sizeof(sent[0]),
		    &sent[nsent++]), MSG_OK);
	return (true);
}

static void
set_up(void)
{
	loop.base = event_base_new();
	loop.now = 1000 * CLOCK_SECOND;
	tell_init();
}

static void
tear_down(void)
{
	event_base_free(loop.base);
}

TestSuite(tell, .init = set_up, .fini = tear_down, .timeout = 30);

/* A question of the client for n<number>.example. */
static struct request
request(uint8_t client, unsigned int number)
{
	struct request r;

	memset(&r, 0, sizeof(r));
	r.client.family = ADDR_V4;
	r.client.bytes[0] = 10;
	r.client.bytes[3] = client;
	r.dns.has_question = true;
	r.dns.qtype = 1;
	r.dns.qname.labels = 2;
	r.dns.qname.len = (uint8_t)(1 + snprintf((char *)r.dns.qname.wire, 32,
	    "\6N%05u\7eXample", number));
	return (r);
}

static void
refuse(uint8_t client, unsigned int number)
{
	const struct request r = request(client, number);

	tell(REFUSAL_LIST, &r, "no ACL rule allows it");
}

/* What the loop does when the second is over. */
static void
second(void)
{
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 0);
	tell_turn();
}

Test(tell, U11_rule_of_an_included_file)
{
	struct request r = request(2, 7);

	r.rule = 112;
	tell(REFUSAL_QUERY, &r, "a reason");
	tell(REFUSAL_QUERY, &r, "a reason");
	tell(REFUSAL_LIST, &r, "blocked by ACL line 12 of conf.d/kids.acl");
	/* The same line of another file is another rule. */
	r.rule = 12;
	tell(REFUSAL_QUERY, &r, "a reason");
	r.rule = 7;
	tell(REFUSAL_LIST, &r, "blocked by ACL line 7");
	tell(REFUSAL_QUERY, &r, "a reason");
	second();
	cr_assert_eq(nsent, 5);
	cr_assert_str_eq(sent[3].reason,
	    "blocked by ACL line 7: games after school");
	cr_assert_str_eq(sent[4].reason, "a reason");
	cr_assert(sent[0].rule == 12 && sent[0].count == 2);
	cr_assert_str_eq(sent[0].reason,
	    "a reason (ACL line 12 of conf.d/kids.acl)");
	cr_assert(sent[1].rule == 12 && sent[1].count == 1);
	cr_assert_str_eq(sent[1].reason,
	    "blocked by ACL line 12 of conf.d/kids.acl");
	cr_assert(sent[2].rule == 12 && sent[2].count == 1);
	cr_assert_str_eq(sent[2].reason, "a reason");
}

Test(tell, U5_after_a_second_at_the_end_of_a_turn)
{
	struct request r = request(2, 7);

	r.rule = 12;
	tell(REFUSAL_QUERY, &r, "a reason");
	tell_turn();
	cr_assert_eq(nsent, 0);
	second();
	cr_assert_eq(nsent, 1);
	cr_assert(sent[0].kind == REFUSAL_QUERY && sent[0].rule == 12 &&
	    sent[0].count == 1 && sent[0].qtype == 1 &&
	    sent[0].family == ADDR_V4 && sent[0].client[3] == 2);
	cr_assert_str_eq(sent[0].name, "n00007.example.");
	cr_assert_str_eq(sent[0].reason, "a reason");
	/* Nothing is left, and no timer. */
	tell_turn();
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 1);
	cr_assert_eq(nbatches, 1);
}

Test(tell, U5_a_full_batch_leaves_at_once)
{
	unsigned int i;

	for (i = 0; i < MSG_REFUSALS_MAX - 1; i++)
		refuse(2, i);
	cr_assert_eq(nbatches, 0);
	refuse(2, i);
	cr_assert(nbatches == 1 && nsent == MSG_REFUSALS_MAX);
	refuse(2, i + 1);
	second();
	cr_assert(nbatches == 2 && nsent == MSG_REFUSALS_MAX + 1);
}

Test(tell, U5_what_is_the_same_is_one)
{
	struct request r = request(2, 1);
	unsigned int i;

	/* As resolvers ask: for both families in turn. */
	for (i = 0; i < 1000; i++) {
		r.dns.qtype = i % 2 == 0 ? 1 : 28;
		r.dns.qname.wire[1] = i % 4 < 2 ? 'n' : 'N';
		tell(REFUSAL_LIST, &r, "no ACL rule allows it");
	}
	second();
	cr_assert_eq(nsent, 2);
	cr_assert(sent[0].count == 500 && sent[1].count == 500);
	cr_assert_eq(counters.untold, 0);
	/* Each of these makes another one. */
	tell(REFUSAL_LIST, &r, "a");
	tell(REFUSAL_LIST, &r, "b");
	tell(REFUSAL_ANSWER, &r, "b");
	r.rule = 5;
	tell(REFUSAL_ANSWER, &r, "b");
	r.client.bytes[3]++;
	tell(REFUSAL_ANSWER, &r, "b");
	r.dns.has_question = false;
	tell(REFUSAL_ANSWER, &r, "b");
	tell(REFUSAL_ANSWER, &r, "b");
	second();
	cr_assert_eq(nsent, 8);
	cr_assert(sent[7].count == 2 && sent[7].name[0] == '\0' &&
	    sent[7].qtype == 0);
}

Test(tell, U5_nothing_waits_for_room)
{
	unsigned int i;

	full = true;
	for (i = 0; i < MSG_REFUSALS_MAX; i++)
		refuse(2, i);
	cr_assert_eq(counters.untold, MSG_REFUSALS_MAX);
	full = false;
	refuse(2, i);
	second();
	cr_assert_eq(nsent, 1);
	cr_assert_str_eq(sent[0].name, "n00032.example.");
}

Test(tell, U5_a_flood_is_only_counted)
{
	unsigned int i;

	/* Behind the last full batch there is one of the client already. */
	for (i = 0; i < 5 * TELL_RATE; i++)
		refuse(2, i);
	cr_assert_eq(counters.untold, 4 * TELL_RATE);
	second();
	cr_assert_eq(nsent, TELL_RATE);
	/* What has come again meanwhile, and one to begin each batch with. */
	loop.now += CLOCK_SECOND / 10;
	for (i = 0; i < TELL_RATE; i++)
		refuse(2, 10000 + i);
	second();
	cr_assert(nsent >= TELL_RATE + 100 && nsent <= TELL_RATE + 105);
}

Test(tell, U5_a_flood_of_one_does_not_hide_others)
{
	unsigned int i;
	size_t before;

	for (i = 0; i < 5 * TELL_RATE; i++)
		refuse(2, i);
	refuse(3, 1);
	refuse(3, 2);
	second();
	cr_assert_eq(nsent, TELL_RATE + 1);
	cr_assert_eq(sent[TELL_RATE].client[3], 3);
	/* But that is bounded, too. */
	before = nsent;
	for (i = 0; i < 10 * TELL_SPARED; i++)
		refuse((uint8_t)i, i);
	second();
	cr_assert_eq(nsent, before + TELL_SPARED - 1);
}

/* An IPv6 client is its /64 here, too: two addresses of it are not two. */
Test(tell, U5_D22_a_flood_of_one_network_does_not_hide_others)
{
	struct request r = request(0, 1);
	unsigned int i;

	r.client = (struct addr){ ADDR_V6, { 0x20, 0x01, 0x0d, 0xb8 } };
	for (i = 0; i < 5 * TELL_RATE; i++) {
		r.client.bytes[15] = i % 2;
		r.rule = i;
		tell(REFUSAL_LIST, &r, "no ACL rule allows it");
	}
	refuse(3, 1);
	second();
	cr_assert_eq(nsent, TELL_RATE + 1);
	cr_assert_eq(sent[TELL_RATE].client[3], 3);
}

/* All that each one stands for. */
Test(tell, U5_what_the_channel_does_not_take_is_counted_by_its_count)
{
	unsigned int i;

	full = true;
	for (i = 0; i < 10; i++)
		refuse(2, 1);
	second();
	cr_assert_eq(counters.untold, 10);
}

/* Of a long name the end is there, whatever octets it has. */
Test(tell, U5_a_long_name_is_cut_with_a_mark)
{
	struct request r = request(2, 1);
	const char end[] = "\\255\\255.example.";
	unsigned int i;

	r.dns.qname.labels = 4;
	r.dns.qname.len = 1 + 3 * 64 + 8;
	for (i = 0; i < 3; i++) {
		r.dns.qname.wire[64 * i] = 63;
		memset(r.dns.qname.wire + 64 * i + 1, 0xff, 63);
	}
	memcpy(r.dns.qname.wire + 64 * 3, "\7eXample", 9);
	tell(REFUSAL_LIST, &r, "a reason that is longer than there is room for "
	    "it in a message, and so is cut");
	second();
	cr_assert_eq(strlen(sent[0].name), MSG_NAME_SIZE - 1);
	cr_assert_eq(strncmp(sent[0].name, MSG_NAME_CUT, 3), 0);
	cr_assert_str_eq(sent[0].name + MSG_NAME_SIZE - sizeof(end), end);
	cr_assert_eq(strlen(sent[0].reason), MSG_REASON_SIZE - 1);
}
