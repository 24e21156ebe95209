/*
 * What the keeper asks of the helper, and what becomes of it, with any answer
 * failing, refused, lost or late.
 */
#include "kernel_rig.h"

#include "keep/kernel/ask.h"
#include "keep/kernel/patience.h"

#define MAX	ORDER_BATCH_MAX

static struct order_grant orders[MAX];
static struct ask_result results[MAX];

static void
set_up(void)
{
	rig_on();
	rig_ready();
	ask_open();
	rig.polls = 0;
}

TestSuite(ask, .init = set_up);

static void
fill(size_t n, enum order_type type)
{
	size_t i;

	memset(orders, 0, sizeof(orders));
	for (i = 0; i < n; i++) {
		orders[i] = (struct order_grant){ .type = (uint8_t)type,
		    .family = ADDR_V4, .proto = 6, .port = 443,
		    .client = { 10, 0, 0, 1 },
		    .dst = { 192, 0, 2, (uint8_t)(i + 1) } };
		if (type != ORDER_ADD)
			continue;
		orders[i].left = 1000;
		memcpy(orders[i].label, "a.example", 9);
	}
}

static struct ask_result
ask(size_t n)
{
	fill(n, ORDER_ADD);
	memset(results, 0xff, sizeof(results));
	return (ask_grants(orders, n, results));
}

static void
expect(struct ask_result r, enum ask_what what, int error)
{
	cr_expect_eq(r.what, what, "%d instead of %d", r.what, what);
	cr_expect_eq(r.error, error, "error %d instead of %d", r.error, error);
}

Test(ask, one_record_of_consecutive_seqs)
{
	const struct order_grant *sent;
	uint32_t last;
	size_t i;

	expect(ask(MAX), ASK_DONE, 0);
	cr_assert_eq(rig.nsent, 1);
	cr_assert_eq(rig_last()->len, MAX * sizeof(*sent));
	sent = (const void *)rig_last()->bytes;
	for (i = 0; i < MAX; i++) {
		cr_expect_eq(sent[i].seq, sent[0].seq + i);
		expect(results[i], ASK_DONE, 0);
	}
	/* The batch has one, too: what follows begins two behind. */
	last = sent[MAX - 1].seq;
	expect(ask(1), ASK_DONE, 0);
	sent = (const void *)rig_last()->bytes;
	cr_expect_geq(sent[0].seq, last + 2);
	cr_expect_eq(rig.polls, 2, "waited although all was there");
}

/* A client waits for that one, and nothing else can come. */
Test(ask, a_lone_grant_is_one_receive)
{
	rig.receives = 0;
	expect(ask(1), ASK_DONE, 0);
	cr_expect_eq(rig.receives, 1);
}

/* Whoever polls for it would poll for ever. */
Test(ask, what_comes_after_the_last_answer_is_read_some_day)
{
	const size_t acks = 3;
	size_t i;

	expect(ask(1), ASK_DONE, 0);
	for (i = 0; i < acks; i++)
		rig_answer(KEEP_FD_ACT, 99, 0);
	rig_refuse(98, ORDER_NO_STAMP);
	for (i = 0; i < acks; i++)
		ask_look();
	cr_expect_eq(rig.queues[KEEP_FD_ACT].n, 0);
	cr_expect_eq(rig.queues[KEEP_FD_HELPER].n, 0);
}

/* One of n fails: it alone, or (whole) the batch. */
Test(ask, failure_at_any_message)
{
	size_t n, i, k;
	int error;

	for (n = 1; n <= MAX; n = n == 1 ? 2 : n == 2 ? MAX : n + 1) {
		for (k = 0; k < n; k++) {
			rig.fail = 1ULL << k;
			error = rig.fail_error = 1 + (int)k;
			expect(ask(n), ASK_DONE, error);
			for (i = 0; i < n; i++)
				expect(results[i], ASK_DONE, i == k ? error :
				    0);
		}
	}
}

Test(ask, failure_of_several_is_told_of_each)
{
	size_t i;

	rig.fail = 0xb;
	rig.fail_error = ENOSPC;
	expect(ask(5), ASK_DONE, ENOSPC);
	for (i = 0; i < 5; i++)
		expect(results[i], ASK_DONE, i == 2 || i == 4 ? 0 : ENOSPC);
	cr_expect_eq(rig.polls, 1, "waited although all was there");
}

/*
 * With nftables a grant is three messages of one seq, and what the first of them
 * says is why the others fail, too.
 */
Test(ask, first_failure_of_a_grant_is_told)
{
	rig.silent = true;
	rig_answer_from(KEEP_FD_ACT, RIG_PORT(KEEP_FD_ACT), 2, ENFILE,
	    rig.now + RIG_MS);
	rig_answer_from(KEEP_FD_ACT, RIG_PORT(KEEP_FD_ACT), 2, ENOENT,
	    rig.now + RIG_MS);
	rig_answer_from(KEEP_FD_ACT, RIG_PORT(KEEP_FD_ACT), 3, 0,
	    rig.now + RIG_MS);
	expect(ask(2), ASK_DONE, ENFILE);
	expect(results[0], ASK_DONE, ENFILE);
	expect(results[1], ASK_DONE, 0);
}

/* They come between the looks at the two descriptors. */
static void
refuse_the_first(void)
{
	rig.on_nothing = NULL;
	rig_refuse(2, ORDER_FORBIDDEN);
	rig_answer(KEEP_FD_ACT, 3, 0);
}

/* Else what is refused would be promised to a client. */
Test(ask, refusal_is_seen_with_the_answer_of_what_was_sent)
{
	rig.silent = true;
	rig.on_nothing = refuse_the_first;
	/* Something late wakes who waits. */
	rig_answer_from(KEEP_FD_ACT, RIG_PORT(KEEP_FD_ACT), 99, 0,
	    rig.now + RIG_MS);
	expect(ask(2), ASK_DONE, 0);
	expect(results[0], ASK_REFUSED, 0);
	cr_expect_eq(results[0].code, ORDER_FORBIDDEN);
	expect(results[1], ASK_DONE, 0);
	cr_expect_null(rig.on_nothing);
}

Test(ask, failure_of_the_batch_itself)
{
	rig.begin_error = ERESTART;
	expect(ask(3), ASK_DONE, ERESTART);
	expect(results[0], ASK_DONE, 0);
	cr_expect_not(ask_stuck());
	rig.begin_error = 0;
	expect(ask(3), ASK_DONE, 0);
}

Test(ask, refusal_at_any_message)
{
	size_t i, k;

	for (k = 0; k < MAX; k++) {
		rig.refuse = 1ULL << k;
		expect(ask(MAX), ASK_DONE, 0);
		for (i = 0; i < MAX; i++) {
			expect(results[i], i == k ? ASK_REFUSED : ASK_DONE, 0);
			cr_expect_eq(results[i].code, i == k ? ORDER_OUTSIDE :
			    ORDER_SENT);
		}
	}
	cr_expect_eq(rig.polls, MAX, "waited for what was refused");
}

Test(ask, refusal_of_all)
{
	rig.refuse = UINT64_MAX;
	rig.refuse_code = ORDER_FORBIDDEN;
	expect(ask(MAX), ASK_DONE, 0);
	expect(results[0], ASK_REFUSED, 0);
	expect(results[MAX - 1], ASK_REFUSED, 0);
	cr_expect_eq(results[7].code, ORDER_FORBIDDEN);
	expect(ask(1), ASK_DONE, 0);
	expect(results[0], ASK_REFUSED, 0);
	cr_expect_eq(rig.polls, 2, "one for each");
}

/* The last that was sent is then one that fails by itself. */
Test(ask, refusal_of_the_last_and_failure_of_the_one_before)
{
	rig.refuse = 1 << 3;
	rig.fail = 1 << 2;
	expect(ask(4), ASK_DONE, EINVAL);
	expect(results[1], ASK_DONE, 0);
	expect(results[2], ASK_DONE, EINVAL);
	expect(results[3], ASK_REFUSED, 0);
}

Test(ask, lost_answers_are_unknown_but_no_standstill)
{
	rig.lose = true;
	rig.refuse = 2;
	expect(ask(3), ASK_UNKNOWN, 0);
	expect(results[0], ASK_UNKNOWN, 0);
	expect(results[1], ASK_REFUSED, 0);
	expect(results[2], ASK_UNKNOWN, 0);
	cr_expect_not(ask_stuck());
	rig.lose = false;
	rig.refuse = 0;
	expect(ask(3), ASK_DONE, 0);
}

/* Some failed, and the rest of the answers was lost. */
Test(ask, partly_lost_answers_are_unknown)
{
	rig.silent = true;
	rig_answer(KEEP_FD_ACT, 4, EINVAL);	/* of the next transaction */
	rig_fail(KEEP_FD_ACT, ENOBUFS);
	rig.queues[KEEP_FD_ACT].items[0].at += RIG_MS;
	rig.queues[KEEP_FD_ACT].items[1].at += RIG_MS;
	expect(ask(4), ASK_UNKNOWN, 0);
	expect(results[0], ASK_UNKNOWN, 0);
	expect(results[2], ASK_UNKNOWN, 0);
	cr_expect_not(ask_stuck());
}

Test(ask, oversized_answer_is_a_lost_one)
{
	static uint8_t large[10000];

	rig.silent = true;
	rig_put_at(KEEP_FD_ACT, large, sizeof(large), 0, rig.now + RIG_MS);
	expect(ask(1), ASK_UNKNOWN, 0);
	cr_expect_not(ask_stuck());
}

/* It is looked for once more at the end. */
Test(ask, late_by_the_limit)
{
	rig.delay = ASK_WAIT;
	expect(ask(1), ASK_DONE, 0);
	cr_expect_not(ask_stuck());
}

Test(ask, late_by_less_than_the_limit)
{
	rig.delay = ASK_WAIT - RIG_MS;
	expect(ask(2), ASK_DONE, 0);
	cr_expect_not(ask_stuck());
}

Test(ask, standstill_ends_with_the_late_answer)
{
	uint64_t begin = rig.now;
	size_t sent;

	rig.delay = ASK_WAIT + 250 * RIG_MS;
	expect(ask(2), ASK_UNKNOWN, 0);
	expect(results[1], ASK_UNKNOWN, 0);
	cr_expect_geq(rig.now - begin, ASK_WAIT);
	cr_expect_leq(rig.now - begin, ASK_WAIT + 2 * RIG_MS);
	cr_expect(ask_stuck());
	/* Nobody waits in vain again. */
	sent = rig.nsent;
	begin = rig.now;
	expect(ask(2), ASK_UNKNOWN, 0);
	expect(results[0], ASK_UNKNOWN, 0);
	expect(ask_make(&(struct order_make){ .what = STAMP_SWAP }),
	    ASK_UNKNOWN, 0);
	cr_expect_eq(ask_read(STAMP_CHAIN, 0, NULL), 0);
	cr_expect_eq(rig.nsent, sent);
	cr_expect_eq(rig.now, begin);
	rig.now += 248 * RIG_MS;
	ask_look();
	cr_expect(ask_stuck());
	rig.now += 2 * RIG_MS;
	ask_look();
	cr_expect_not(ask_stuck());
	rig.delay = 0;
	expect(ask(2), ASK_DONE, 0);
}

static unsigned int heeded;

static void
heed(void)
{
	heeded++;
}

/* At the start; and others are heard meanwhile. */
Test(ask, P4_patience_until_it_serves)
{
	patience_begin(heed);
	rig.delay = PATIENCE_START - RIG_MS;
	expect(ask(2), ASK_DONE, 0);
	cr_expect_not(ask_stuck());
	cr_expect_geq(heeded, PATIENCE_START / (100 * RIG_MS) - 1);
	/* What is there at once, is not waited for. */
	heeded = 0;
	rig.delay = RIG_MS;
	expect(ask(2), ASK_DONE, 0);
	cr_expect_eq(heeded, 0);
	patience_end();
	rig.delay = ASK_WAIT + 10 * RIG_MS;
	expect(ask(2), ASK_UNKNOWN, 0);
	cr_expect_eq(heeded, 0);
}

Test(ask, P4_patience_has_an_end_and_a_reason)
{
	uint64_t begin = rig.now;
	struct ask_result r;

	patience_begin(heed);
	rig.silent = true;
	r = ask(2);
	expect(r, ASK_UNKNOWN, 0);
	cr_expect(ask_stuck());
	cr_expect_geq(rig.now - begin, PATIENCE_START);
	cr_expect_leq(rig.now - begin, PATIENCE_START + 2 * RIG_MS);
	cr_expect_str_eq(ask_text(&r),
	    "dnsfw-priv, the helper, does not answer");
}

Test(ask, standstill_ends_with_a_late_refusal)
{
	rig.silent = true;
	expect(ask(1), ASK_UNKNOWN, 0);
	cr_expect(ask_stuck());
	rig_refuse(((const struct order_grant *)(const void *)
	    rig_last()->bytes)->seq, ORDER_OUTSIDE);
	ask_look();
	cr_expect_not(ask_stuck());
}

/* Who asks next is not told that nothing is known although the answer is there. */
Test(ask, standstill_ends_for_who_asks_next)
{
	rig.delay = ASK_WAIT + 100 * RIG_MS;
	expect(ask(2), ASK_UNKNOWN, 0);
	cr_expect(ask_stuck());
	rig.now += 100 * RIG_MS;
	rig.delay = 0;
	expect(ask(2), ASK_DONE, 0);
	cr_expect_not(ask_stuck());
}

/* What comes late must not be taken for the answer to what came after. */
Test(ask, late_answer_is_not_the_next_ones)
{
	rig.silent = true;
	expect(ask(2), ASK_UNKNOWN, 0);
	rig_answer(KEEP_FD_ACT, 3, EPERM);
	ask_look();
	cr_expect_not(ask_stuck());
	rig_answer(KEEP_FD_ACT, 3, EPERM);	/* once more */
	rig.silent = false;
	expect(ask(2), ASK_DONE, 0);
}

Test(ask, answer_of_another_port_or_seq_is_none)
{
	rig.silent = true;
	rig_answer_from(KEEP_FD_ACT, 1, 2, 0, rig.now + RIG_MS);
	rig_answer_from(KEEP_FD_ACT, RIG_PORT(KEEP_FD_ACT), 40, 0,
	    rig.now + RIG_MS);
	rig_refuse(50, ORDER_OUTSIDE);
	expect(ask(1), ASK_UNKNOWN, 0);
	cr_expect(ask_stuck());
}

/* There is no place behind the last one. */
Test(ask, seqs_around_a_full_batch_are_none_of_it)
{
	rig.silent = true;
	rig_refuse(1, ORDER_OUTSIDE);
	rig_refuse(2 + MAX, ORDER_OUTSIDE);
	rig_answer(KEEP_FD_ACT, 2 + MAX, EINVAL);
	rig_answer(KEEP_FD_ACT, 1 + MAX, 0);
	expect(ask(MAX), ASK_DONE, 0);
	expect(results[0], ASK_DONE, 0);
	expect(results[MAX - 1], ASK_DONE, 0);
}

Test(ask, end_of_the_helper)
{
	struct order_error e = { .type = ORDER_ERROR,
	    .why = ORDER_END_COMPILER };
	struct order_error why;

	rig.silent = true;
	cr_expect_not(ask_ended(&why));
	rig_put_at(KEEP_FD_HELPER, &e, sizeof(e), 0, rig.now + RIG_MS);
	rig_put_at(KEEP_FD_HELPER, NULL, 0, 0, rig.now + RIG_MS);
	/* It had sent before, and the kernel has answered the first one. */
	rig_answer_from(KEEP_FD_ACT, RIG_PORT(KEEP_FD_ACT), 2, EINVAL,
	    rig.now + RIG_MS);
	expect(ask(2), ASK_UNKNOWN, 0);
	cr_expect(ask_ended(&why));
	cr_expect_eq(why.why, ORDER_END_COMPILER);
	cr_expect_not(ask_stuck());
	rig.nsent = 0;
	expect(ask(2), ASK_UNKNOWN, 0);
	cr_expect_eq(rig.nsent, 0);
}

Test(ask, answers_from_before_the_helpers_end_count)
{
	struct order_error why;

	rig.silent = true;
	rig_put_at(KEEP_FD_HELPER, NULL, 0, 0, rig.now + RIG_MS);
	rig_answer_from(KEEP_FD_ACT, RIG_PORT(KEEP_FD_ACT), 3, 0,
	    rig.now + RIG_MS);
	expect(ask(2), ASK_DONE, 0);
	ask_look();
	cr_expect(ask_ended(&why));
	cr_expect_eq(why.type, 0);
}

/* They come between the looks at the two descriptors. */
static void
answer_at_the_end(void)
{
	rig_answer(KEEP_FD_ACT, 3, 0);
}

Test(ask, answers_at_the_helpers_end_count)
{
	rig.silent = true;
	rig.on_end = answer_at_the_end;
	rig_put_at(KEEP_FD_HELPER, NULL, 0, 0, rig.now + RIG_MS);
	expect(ask(2), ASK_DONE, 0);
}

Test(ask, channel_that_takes_nothing)
{
	struct order_error why;

	rig.send_error = EAGAIN;
	expect(ask(1), ASK_UNKNOWN, 0);
	cr_expect_not(ask_stuck());
	cr_expect_not(ask_ended(&why));
	rig.send_error = EPIPE;
	expect(ask(1), ASK_UNKNOWN, 0);
	cr_expect(ask_ended(&why));
	cr_expect_eq(rig.polls, 0);
}

/* MAKE of rules: the answer comes with the seq of the last kind. */
Test(ask, make_waits_for_the_last_kind)
{
	struct order_make order;
	uint8_t kinds;
	uint32_t seq = 0;

	for (kinds = 1; kinds < 16; kinds++) {
		order = (struct order_make){ .what = STAMP_RULE,
		    .sets = kinds & 5, .rules = kinds };
		expect(ask_make(&order), ASK_DONE, 0);
		cr_expect_eq(order.type, ORDER_MAKE);
		cr_expect(seq == 0 || order.seq >= seq + 5,
		    "five numbers are one's own");
		seq = order.seq;
	}
	cr_expect_eq(rig.polls, 15, "one for each");
}

static int
refuse_making(const struct order_make *m)
{
	return (m->what == STAMP_SWAP ? ENOENT : 0);
}

static void
refuse_reading(const struct order_read *r)
{
	if (r->what < STAMPS_READ_FIRST)
		rig_refuse(r->seq, ORDER_NO_STAMP);
}

/* What is asked is refused by any helper, and nothing reaches the kernel (O3). */
Test(ask, O3_the_helper_lives_or_stands_still)
{
	uint32_t listing, seq;

	rig.on_read = refuse_reading;
	listing = ask_read(STAMP_CHAIN, 0, NULL);
	seq = ask_ping();
	cr_expect(seq != 0 && seq != listing);
	cr_expect_eq(ask_read_code(seq), ORDER_NO_STAMP);
	cr_expect_eq(ask_read_code(listing), ORDER_SENT, "is under way");
	rig.silent = true;
	seq = ask_ping();
	cr_expect_neq(seq, 0);
	cr_expect_eq(ask_read_code(seq), ORDER_SENT);
	cr_expect_not(ask_stuck(), "nobody has waited for it");
	expect(ask(1), ASK_UNKNOWN, 0);
	cr_expect(ask_stuck());
	cr_expect_eq(ask_ping(), 0);
}

Test(ask, make_fails_as_a_whole)
{
	struct order_make rules = { .what = STAMP_RULE, .rules = 15 };
	struct order_make swap = { .what = STAMP_SWAP };

	rig.on_make = refuse_making;
	expect(ask_make(&swap), ASK_DONE, ENOENT);
	rig.begin_error = EPERM;
	expect(ask_make(&rules), ASK_DONE, EPERM);
	rig.begin_error = 0;
	rig.refuse = 1;
	rig.refuse_code = ORDER_NO_SET;
	expect(ask_make(&rules), ASK_REFUSED, 0);
	cr_expect_eq(ask_make(&rules).code, ORDER_NO_SET);
	cr_expect_eq(rig.polls, 4, "one for each");
	rig.refuse = 0;
	rig.lose = true;
	expect(ask_make(&rules), ASK_UNKNOWN, 0);
	rig.lose = false;
	rig.silent = true;
	expect(ask_make(&rules), ASK_UNKNOWN, 0);
	cr_expect(ask_stuck());
}

Test(ask, flows)
{
	struct order_flow flows[MAX];
	size_t i;

	memset(flows, 0, sizeof(flows));
	for (i = 0; i < MAX; i++)
		flows[i] = (struct order_flow){ .type = ORDER_FLOW,
		    .family = ADDR_V4, .proto = 17, .sport = 1, .dport = 2,
		    .src = { 1 }, .dst = { 2 } };
	rig.fail = 4;
	rig.fail_error = ENOENT;
	expect(ask_flows(flows, MAX, results), ASK_DONE, ENOENT);
	for (i = 0; i < MAX; i++)
		expect(results[i], ASK_DONE, i == 2 ? ENOENT : 0);
}

Test(ask, refused_read)
{
	uint32_t first, second;

	first = ask_read(STAMP_CHAIN, 1, NULL);
	second = ask_read(STAMP_FLOWS, 0, NULL);
	cr_assert(first != 0 && second != 0 && first != second);
	cr_expect_eq(ask_read_code(first), ORDER_SENT);
	rig_refuse(second, ORDER_NO_STAMP);
	cr_expect_eq(ask_read_code(first), ORDER_SENT);
	cr_expect_eq(ask_read_code(second), ORDER_NO_STAMP);
}

/* The listings of the two sockets go on side by side. */
Test(ask, refused_read_while_another_one_begins)
{
	uint32_t flows = ask_read(STAMP_FLOWS, 0, NULL);
	uint32_t rules = ask_read(STAMP_RULES, 0, NULL);

	rig_refuse(flows, ORDER_NO_STAMP);
	cr_expect_eq(ask_read_code(flows), ORDER_NO_STAMP);
	cr_expect_eq(ask_read_code(rules), ORDER_SENT);
	/* The next one of a socket is not refused because the last one was. */
	flows = ask_read(STAMP_FLOWS, 0, NULL);
	cr_expect_eq(ask_read_code(flows), ORDER_SENT);
}

Test(ask, name_of_a_map)
{
	static const char max[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrs"
	    "tuvwxyzabcdefghijk";
	const struct order_read *r;

	cr_assert_eq(strlen(max), ORDER_NAME_SIZE - 1);
	cr_expect_neq(ask_read(STAMP_MAP, 0, max), 0);
	r = (const void *)rig_last()->bytes;
	cr_expect_str_eq(r->name, max);
	cr_expect_eq(ask_read(STAMP_MAP, 0, "_abcdefghijklmnopqrstuvwxyzabcdef"
	    "ghijklmnopqrstuvwxyzabcdefghijk"), 0);
}

/* Else what is no refusal would be read behind it. */
Test(ask, a_piece_of_a_refusal_ends_the_program, .exit_code = 1)
{
	struct order_refused r[2] = {
	    { .type = ORDER_REFUSED, .code = ORDER_OUTSIDE, .seq = 2 },
	    { .type = ORDER_REFUSED, .code = ORDER_OUTSIDE, .seq = 3 } };

	rig.silent = true;
	rig_put(KEEP_FD_HELPER, r, sizeof(r));
	expect(ask(2), ASK_DONE, 0);
	rig_put(KEEP_FD_HELPER, r, sizeof(r[0]) + sizeof(r[0]) / 2);
	ask_look();
}

Test(ask, malformed_record_ends_the_program, .exit_code = 1)
{
	rig_put(KEEP_FD_HELPER, "\x0a\x02\0\0\1\0\0\0\0", 9);
	ask_look();
}

Test(ask, refusal_without_a_reason_ends_the_program, .exit_code = 1)
{
	rig_put(KEEP_FD_HELPER, "\x0a\0\0\0\1\0\0\0", 8);
	ask_look();
}

Test(ask, second_ready_ends_the_program, .exit_code = 1)
{
	rig_ready();
	ask_look();
}

Test(ask_start, waits_for_ready)
{
	rig_on();
	rig_ready();
	rig.queues[KEEP_FD_HELPER].items[0].at += 59 * CLOCK_SECOND;
	ask_open();
}

Test(ask_start, not_for_ever, .exit_code = 1)
{
	rig_on();
	rig_ready();
	rig.queues[KEEP_FD_HELPER].items[0].at += 61 * CLOCK_SECOND;
	ask_open();
}

Test(ask_start, other_version, .exit_code = 1)
{
	struct order_ready ready = { .type = ORDER_READY,
	    .version = ORDER_VERSION + 1 };

	rig_on();
	rig_put(KEEP_FD_HELPER, &ready, sizeof(ready));
	ask_open();
}

Test(ask_start, helper_that_ends, .exit_code = 1)
{
	struct order_error e = { .type = ORDER_ERROR,
	    .why = ORDER_END_SYSTEM };

	rig_on();
	rig_put(KEEP_FD_HELPER, &e, sizeof(e));
	ask_open();
}
