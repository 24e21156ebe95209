/* Grants under way: shares, equal ones, deadlines, and windows (D22, D23). */
#include "grants_rig.h"

/* Is it known for ttl? */
static bool
knows(const char *client, uint32_t number, uint32_t ttl)
{
	struct grants_want w = want(number, ttl);
	struct addr a = address(client);

	return (known_for(&a, &w) != 0);
}

Test(grants, one_is_asked_for_told_of_and_known)
{
	struct addr client = address("10.77.1.2");

	cr_assert(ask(0, "10.77.1.2", 7, 1));
	cr_assert_eq(pool[0].done, 0);
	grants_flush();
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[0].type, MSG_GRANT);
	cr_assert_eq(sent[0].ttl, 60);
	cr_assert_eq(sent[0].policy, 1);
	cr_assert_eq(memcmp(sent[0].client, client.bytes, 4), 0);
	cr_assert_eq(sent[0].dst[3], 7);
	cr_assert_str_eq(sent[0].label, "www.example");
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].granted, 1);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[0].grants.expiry, in(75));
	/* Up to its lifetime without the grace, to the nanosecond. */
	cr_assert(knows("10.77.1.2", 7, 75));
	cr_assert(!knows("10.77.1.2", 7, 76));
	cr_assert(!knows("10.77.1.3", 7, 60));
	cr_assert(!knows("10.77.1.2", 8, 60));
	loop.now++;
	cr_assert(!knows("10.77.1.2", 7, 75));
}

Test(grants, a_loopback_client_is_this_host)
{
	cr_assert(ask(0, "127.0.0.9", 1, 1));
	grants_flush();
	cr_assert_eq(sent[0].local, 1);
	cr_assert_eq(sent[0].client[0], 0);
}

Test(grants, equal_ones_are_one)
{
	cr_assert(ask(0, "10.77.1.2", 1, 2));
	cr_assert(ask(1, "10.77.1.2", 2, 2));
	/* Another client, and another policy. */
	cr_assert(ask(2, "10.77.1.3", 1, 1));
	policy.generation = 2;
	cr_assert(ask(3, "10.77.1.2", 1, 1));
	policy.generation = 1;
	grants_flush();
	cr_assert_eq(nsent, 5);
	cr_assert_eq(counters.grants, 5);
	/* Also when it was sent. */
	cr_assert(ask(4, "10.77.1.2", 1, 1));
	grants_flush();
	cr_assert_eq(nsent, 5);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].granted, 2);
	cr_assert_eq(pool[1].granted, 2);
	cr_assert_eq(pool[4].granted, 1);
	cr_assert_eq(pool[0].done + pool[1].done + pool[2].done +
	    pool[3].done + pool[4].done, 5);
}

Test(grants, every_part_of_a_grant_tells_it_from_others)
{
	struct grants_want w[4];
	struct asker *a = &pool[0];
	size_t i;

	for (i = 0; i < 4; i++)
		w[i] = want(1, 60);
	w[1].port.port = 80;
	w[2].port.proto = IPPROTO_UDP;
	w[3].dst = address("fd78::1");
	a->grants.client = address("127.0.0.1");
	a->grants.waits = a->waits;
	for (i = 0; i < 4; i++)
		known_for(&a->grants.client, &w[i]);
	cr_assert(grants_ask(&a->grants, w, 4));
	grants_flush();
	cr_assert_eq(nsent, 4);
}

Test(grants, a_longer_one_makes_that_longer_which_is_not_sent)
{
	cr_assert(ask_kept(0, "10.77.1.2", 1, 1, 60, 0));
	cr_assert(ask_kept(1, "10.77.1.2", 1, 1, 300, 0));
	cr_assert(ask_kept(2, "10.77.1.2", 1, 1, 100, 0));
	grants_flush();
	cr_assert_eq(nsent, 1);
	cr_assert_eq(sent[0].ttl, 300);
	result(&sent[0], RESULT_OK, in(315));
	cr_assert_eq(pool[0].done + pool[1].done + pool[2].done, 3);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[1].grants.code, RESULT_OK);
}

Test(grants, a_longer_one_is_another_than_that_which_was_sent)
{
	cr_assert(ask_kept(0, "10.77.1.2", 1, 1, 60, 0));
	grants_flush();
	cr_assert(ask_kept(1, "10.77.1.2", 1, 1, 300, 0));
	grants_flush();
	cr_assert_eq(nsent, 2);
	cr_assert_eq(sent[0].ttl, 60);
	cr_assert_eq(sent[1].ttl, 300);
	/* As long as the longer one: waits for that. */
	cr_assert(ask_kept(2, "10.77.1.2", 1, 1, 300, 0));
	grants_flush();
	cr_assert_eq(nsent, 2);
	result(&sent[0], RESULT_OK, in(75));
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[1].done + pool[2].done, 0);
	result(&sent[1], RESULT_OK, in(315));
	cr_assert_eq(pool[1].done + pool[2].done, 2);
	cr_assert(knows("10.77.1.2", 1, 300));
}

/* One that is in the next record, for which there was no room, stays. */
Test(grants, what_is_in_a_record_is_as_good_as_sent)
{
	room = 0;
	cr_assert(ask_kept(0, "10.77.1.2", 1, 1, 60, 0));
	grants_flush();
	cr_assert(ask_kept(1, "10.77.1.2", 1, 1, 300, 0));
	grants_leave(&pool[0].grants);
	room = SIZE_MAX;
	grants_flush();
	cr_assert_eq(nsent, 2);
	cr_assert_eq(sent[0].ttl, 60);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 0);
	cr_assert_eq(pool[1].done, 1);
}

/* The keeper was stopped between the kernel and its result. */
Test(grants, who_joined_one_that_is_too_short_by_now_asks_again)
{
	uint64_t expiry = in(75);

	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	loop.now += 16 * CLOCK_SECOND;
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	result(&sent[0], RESULT_OK, expiry);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[1].grants.code, RESULT_OK);
	nsent = 0;

	expiry = in(75);
	cr_assert(ask(0, "10.77.1.2", 2, 1));
	grants_flush();
	loop.now += 16 * CLOCK_SECOND + 1;
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	result(&sent[0], RESULT_OK, expiry);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
	cr_assert_eq(pool[1].grants.code, RESULT_STALE);
}

Test(grants, the_first_end_and_the_first_error_count)
{
	cr_assert(ask(0, "10.77.1.2", 1, 3));
	grants_flush();
	result(&sent[0], RESULT_OK, in(90));
	result(&sent[1], RESULT_OK, in(80));
	cr_assert_eq(pool[0].done, 0);
	result(&sent[2], RESULT_OK, in(100));
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].grants.expiry, in(80));
	nsent = 0;
	cr_assert(ask(0, "10.77.1.2", 11, 4));
	grants_flush();
	result(&sent[3], RESULT_FORBIDDEN, 0);
	result(&sent[2], RESULT_FULL, 0);
	result(&sent[1], RESULT_FAILED, 0);
	result(&sent[0], RESULT_OK, in(80));
	cr_assert_eq(pool[0].grants.code, RESULT_FULL);
	cr_assert(pool[0].waits[3].forbidden);
	cr_assert(!pool[0].waits[2].forbidden);
	cr_assert_eq(pool[0].waits[3].dst.bytes[3], 14);
	nsent = 0;
	cr_assert(ask(0, "10.77.1.2", 21, 1));
	grants_flush();
	result(&sent[0], RESULT_FORBIDDEN, 0);
	cr_assert_eq(pool[0].grants.code, RESULT_OK);
}

Test(grants, who_has_left_is_not_told_and_a_late_result_is_known)
{
	cr_assert(ask(0, "10.77.1.2", 1, 2));
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	grants_flush();
	result(&sent[1], RESULT_OK, in(75));
	grants_leave(&pool[0].grants);
	result(&sent[0], RESULT_OK, in(75));
	cr_assert_eq(pool[0].done, 0);
	cr_assert_eq(pool[1].done, 1);
	nsent = 0;
	cr_assert(ask(0, "10.77.1.2", 5, 1));
	grants_flush();
	grants_leave(&pool[0].grants);
	/* Who comes before the result waits for that one. */
	cr_assert(ask(2, "10.77.1.2", 5, 1));
	grants_flush();
	cr_assert_eq(nsent, 1);
	grants_leave(&pool[2].grants);
	answer_all(RESULT_OK);
	cr_assert(knows("10.77.1.2", 5, 60));
}

Test(grants, what_nobody_waits_for_is_not_sent)
{
	room = 0;
	cr_assert(ask(0, "10.77.1.2", 0, 100));
	cr_assert(ask(1, "10.77.1.2", 70, 31));
	grants_flush();
	grants_leave(&pool[0].grants);
	room = SIZE_MAX;
	grants_flush();
	/* The record that was full already, and what another waits for. */
	cr_assert_eq(nsent, 64 + 31);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[1].done, 1);
}

Test(grants, a_forget_between_makes_who_waits_ask_again)
{
	cr_assert(ask(0, "10.77.1.2", 1, 2));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
	grants_forget();
	cr_assert(!knows("10.77.1.2", 1, 60));
	/* Who comes later has not relied on anything that is gone. */
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	result(&sent[1], RESULT_OK, in(75));
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].grants.code, RESULT_STALE);
	cr_assert_eq(pool[1].grants.code, RESULT_OK);
	/* A result that came after it counts. */
	cr_assert(knows("10.77.1.2", 2, 60));
	cr_assert(!knows("10.77.1.2", 1, 60));
}

/* To strip, to write and to send them takes a turn each, when they are long. */
Test(grants, D21_long_answers_leave_as_there_is_time)
{
	unsigned int i;

	for (i = 0; i < 5; i++)
		cr_assert(ask_kept(i, "10.77.1.2", 1, 1, 60, 4097));
	cr_assert(ask_kept(5, "10.77.1.2", 1, 1, 60, 4096));
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[5].done, 1);
	has_time = 2;
	for (i = 0; i < 5; i++) {
		cr_assert_eq(pool[i].granted, 1);
		cr_assert_eq(pool[i].done, 0);
	}
	grants_flush();
	cr_assert_eq(pool[0].done + pool[1].done, 2);
	cr_assert_eq(pool[2].done, 0);
	cr_assert_eq(again, 1);
	grants_flush();
	cr_assert_eq(pool[2].done, 1);
	cr_assert_eq(pool[3].done, 0);
	cr_assert_eq(again, 2);
	has_time = 10;
	grants_flush();
	cr_assert_eq(pool[3].done + pool[4].done, 2);
	cr_assert_eq(again, 2);
}

Test(grants, a_forget_before_a_long_answer_leaves_makes_it_ask_again)
{
	cr_assert(ask_kept(0, "10.77.1.2", 1, 1, 60, 5000));
	grants_flush();
	answer_all(RESULT_OK);
	grants_forget();
	grants_flush();
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].grants.code, RESULT_STALE);
}

Test(grants, who_leaves_before_its_turn_is_not_told)
{
	unsigned int i;

	for (i = 0; i < 10 * GRANTS_SHARES; i++) {
		cr_assert(ask_kept(0, "10.77.1.2", 1 + i, 1, 60, GRANTS_OCTETS / 2));
		cr_assert(ask_kept(1, "10.77.1.2", 1 + i, 1, 60, GRANTS_OCTETS / 2));
		grants_flush();
		answer_all(RESULT_OK);
		grants_leave(&pool[0].grants);
		grants_flush();
		cr_assert_eq(pool[0].done, 0);
		cr_assert_eq(pool[1].done, 1);
	}
}

Test(grants, a_forget_hides_no_error)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	grants_forget();
	answer_all(RESULT_FULL);
	cr_assert_eq(pool[0].grants.code, RESULT_FULL);
}

Test(grants, a_result_by_the_policy_before_is_not_known)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	policy.generation = 2;
	grants_forget();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].grants.code, RESULT_STALE);
	cr_assert(!knows("10.77.1.2", 1, 60));
	/* And nobody waits for one of these. */
	policy.generation = 1;
	cr_assert(ask(0, "10.77.1.2", 2, 1));
	grants_flush();
	policy.generation = 2;
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	grants_flush();
	cr_assert_eq(nsent, 2);
}

static void
ask_the_same(struct asker *a)
{
	a->then = NULL;
	cr_assert(ask((unsigned int)(a - pool), "10.77.1.2", 1, 1));
}

Test(grants, who_is_told_may_ask_for_the_same)
{
	pool[0].then = pool[1].then = ask_the_same;
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	grants_flush();
	answer_all(RESULT_STALE);
	cr_assert_eq(pool[0].done + pool[1].done, 0);
	grants_flush();
	cr_assert_eq(nsent, 1);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done + pool[1].done, 2);
}

static void
end_the_other(struct asker *a)
{
	a->then = NULL;
	grants_leave(&pool[1].grants);
}

Test(grants, who_is_told_may_end_another_that_waits)
{
	pool[0].then = end_the_other;
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	cr_assert(ask(1, "10.77.1.2", 1, 1));
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[1].done, 0);
}

/* --- an answer that asks in parts --- */

Test(grants, parts_are_done_when_the_last_one_is_closed)
{
	struct grants *g = open_for_parts(0, "10.77.1.2", 3, 100);

	cr_assert_not_null(g);
	cr_assert(add_part(g, 1, 1));
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].granted, 1);
	/* It has all results, but there is more to come. */
	grants_flush();
	cr_assert_eq(pool[0].done, 0);
	cr_assert(add_part(g, 2, 2));
	grants_close(g);
	grants_flush();
	cr_assert_eq(pool[0].done, 0);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[0].granted, 3);
	cr_assert_eq(g->code, RESULT_OK);
	cr_assert_eq(g->expiry, in(75));
}

/* As if nothing was needed; never in the call. */
Test(grants, parts_without_any_are_done_at_the_turns_end)
{
	struct grants *g = open_for_parts(0, "10.77.1.2", 1, 100);

	grants_close(g);
	cr_assert_eq(pool[0].done, 0);
	grants_flush();
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(g->code, RESULT_OK);
	/* All was given back: others may have as much. */
	cr_assert(ask_kept(1, "10.77.1.2", 1, 1, 60, GRANTS_OCTETS));
}

Test(grants, who_leaves_between_parts_waits_for_nothing)
{
	struct grants *g = open_for_parts(0, "10.77.1.2", 4, 100);

	grants_leave(g);
	g = open_for_parts(0, "10.77.1.2", 4, 100);
	cr_assert(add_part(g, 1, 2));
	grants_leave(g);
	/* None was sent, so none is. */
	grants_flush();
	cr_assert_eq(nsent, 0);
	g = open_for_parts(0, "10.77.1.2", 4, 100);
	cr_assert(add_part(g, 1, 2));
	grants_flush();
	answer_all(RESULT_OK);
	grants_leave(g);
	/* And when all was asked for. */
	g = open_for_parts(0, "10.77.1.2", 4, 100);
	grants_close(g);
	grants_leave(g);
	grants_flush();
	cr_assert_eq(pool[0].done, 0);
	cr_assert(ask_kept(1, "10.77.1.2", 9, 1, 60, GRANTS_OCTETS));
}

/* What was known or granted before may be gone. */
Test(grants, a_forget_between_parts_makes_it_ask_again)
{
	struct grants *g = open_for_parts(0, "10.77.1.2", 2, 100);

	cr_assert(add_part(g, 1, 1));
	grants_flush();
	answer_all(RESULT_OK);
	grants_forget();
	cr_assert(add_part(g, 2, 1));
	grants_close(g);
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(g->code, RESULT_STALE);
}

Test(grants, clients_take_turns)
{
	size_t i, others = 0;

	room = 0;
	cr_assert(ask(0, "10.77.1.2", 0, 1024));
	cr_assert(ask(1, "10.77.1.3", 0, 20));
	cr_assert(ask(2, "10.77.1.4", 0, 1));
	room = SIZE_MAX;
	grants_flush();
	cr_assert_eq(nsent, 1045);
	cr_assert_eq(records, 17);
	for (i = 0; i < MSG_BATCH_MAX; i++)
		others += sent[i].client[3] != 2;
	cr_assert_eq(others, 21);
	/* Each client's own in their order, and none twice. */
	for (i = 0; i < 16; i++)
		cr_assert_eq(sent[i].dst[3], i);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done + pool[1].done + pool[2].done, 3);
}

Test(grants, what_has_no_room_is_sent_later_and_once)
{
	room = 1;
	cr_assert(ask(0, "10.77.1.2", 0, 200));
	grants_flush();
	grants_flush();
	cr_assert_eq(nsent, 64);
	room = SIZE_MAX;
	grants_flush();
	cr_assert_eq(nsent, 200);
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].granted, 200);
}

Test(grants, a_result_that_is_none_ends_the_program, .exit_code = 1)
{
	struct msg_grant g = { .seq = 3 };

	result(&g, RESULT_OK, in(75));
}

Test(grants, a_second_result_ends_the_program, .exit_code = 1)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
	result(&sent[0], RESULT_OK, in(75));
}

Test(grants, a_result_of_before_ends_the_program, .exit_code = 1)
{
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
	/* The same place, and another number. */
	cr_assert(ask(0, "10.77.1.2", 2, 1));
	grants_flush();
	result(&sent[0], RESULT_OK, in(75));
}

Test(grants, a_result_before_it_was_sent_ends_the_program, .exit_code = 1)
{
	struct msg_grant g = { .seq = 0 };

	cr_assert(ask(0, "10.77.1.2", 1, 1));
	result(&g, RESULT_OK, in(75));
}

/* As in \DDD, and the name's end behind an asterisk. */
/* The keeper is to hear of every name that gives it. */
Test(grants, G15_what_is_known_by_one_name_is_asked_for_by_another)
{
	struct dns_name first = name;
	size_t at;

	cr_assert(ask(0, "192.0.2.1", 1, 1));
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert(knows("192.0.2.1", 1, 60));
	cr_assert_eq(dns_name_parse("other.example", 13, &name, &at), DNS_OK);
	cr_assert_not(knows("192.0.2.1", 1, 60));
	/* However it is spelt. */
	cr_assert_eq(dns_name_parse("WwW.Example", 11, &name, &at), DNS_OK);
	cr_assert(knows("192.0.2.1", 1, 60));
	name = first;
	cr_assert(knows("192.0.2.1", 1, 60));
}

Test(grants, labels_hold_what_a_comment_may)
{
	struct dns_name odd = { 10, 2, "\5A \"b\\\2-_" };
	unsigned int i;

	name = odd;
	cr_assert(ask(0, "10.77.1.2", 1, 1));
	grants_flush();
	cr_assert_str_eq(sent[0].label, "a*032*b*092.-_");
	/* 63 + 1 + 63 characters fit. */
	for (i = 0; i < 3; i++) {
		memset(name.wire + 64 * i, 'x' + (int)i, 64);
		name.wire[64 * i] = 63;
	}
	name.wire[128] = 0;
	name.len = 129;
	cr_assert(ask(1, "10.77.1.2", 2, 1));
	grants_flush();
	cr_assert_eq(strlen(sent[1].label), 127);
	cr_assert_eq(sent[1].label[0], 'x');
	/* One more does not. */
	name.wire[128] = 1;
	name.wire[129] = 'z';
	name.wire[130] = 0;
	name.len = 131;
	cr_assert(ask(2, "10.77.1.2", 3, 1));
	grants_flush();
	cr_assert_eq(strlen(sent[2].label), 127);
	cr_assert_eq(sent[2].label[0], '*');
	cr_assert_str_eq(sent[2].label + 125, ".z");
}

/* Fewer than have the keeper shut it out (P7): a burst, and then so many a second. */
Test(grants, P7_what_is_asked_of_the_keeper_has_a_pace)
{
	const uint64_t each = CLOCK_SECOND / MSG_GRANTS_RATE;
	uint32_t n;

	for (n = 0; n < MSG_GRANTS_BURST; n += 1024) {
		cr_assert(ask(0, "10.77.1.2", n, 1024));
		grants_flush();
		cr_assert_eq(nsent, 1024);
		answer_all(RESULT_OK);
	}
	cr_assert(ask(0, "10.77.1.2", n, 1024));
	loop.now += each - 1;
	grants_flush();
	cr_assert_eq(nsent, 0);
	loop.now++;
	grants_flush();
	cr_assert_eq(nsent, MSG_BATCH_MAX);
	loop.now += MSG_BATCH_MAX * each - 1;
	grants_flush();
	cr_assert_eq(nsent, MSG_BATCH_MAX);
	loop.now++;
	grants_flush();
	cr_assert_eq(nsent, 2 * MSG_BATCH_MAX);
}
