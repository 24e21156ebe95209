/* Shares, and who goes for whom (D22). */
#include "grants_rig.h"

Test(grants, more_than_a_share_is_refused_to_its_owner)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		cr_assert(ask(i, "10.77.1.2", i * 1024, 1024));
	cr_assert(!ask(4, "10.77.1.2", 5000, 1));
	/* What is under way already takes no more of it. */
	cr_assert(ask(4, "10.77.1.2", 0, 1024));
	cr_assert(ask(6, "10.77.1.3", 5000, 1));
	grants_flush();
	cr_assert_eq(nsent, GRANTS_SHARE + 1);
	answer_all(RESULT_OK);
	for (i = 0; i < 5; i++)
		cr_assert_eq(pool[i].done, 1);
	cr_assert(ask(0, "10.77.1.2", 5000, 1024));
}

Test(grants, a_share_is_that_of_a_64)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		cr_assert(ask(i, i % 2 == 0 ? "fd77::1" : "fd77::ff:0:2",
		    i * 1024, i < 3 ? 1024 : 1023));
	cr_assert(!ask(5, "fd77::3", 9000, 2));
	cr_assert(ask(5, "fd77::3", 9000, 1));
	cr_assert(!ask(6, "fd77::4", 9001, 1));
	cr_assert(ask(6, "fd77:0:0:1::1", 9001, 1));
}

static const char *const four[] = { "10.77.1.2", "10.77.1.3", "fd77::1",
    "10.77.1.4" };

/* All there are, but for one. */
static void
fill_slots(void)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		cr_assert(ask(i, four[i / 4], i * 1024, i < 15 ? 1024 : 1023));
	cr_assert_eq(nabandoned, 0);
}

Test(grants, four_shares_are_all)
{
	unsigned int i;

	fill_slots();
	cr_assert(ask(16, "10.77.1.9", 0, 1));
	cr_assert_eq(nabandoned, 0);
	/* Of those that have the same, the one that has had it longest. */
	cr_assert(ask(17, "10.77.1.10", 0, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[0].abandoned, 1);
	/* It had more than one. */
	cr_assert(ask(18, "10.77.1.10", 1, 1023));
	cr_assert_eq(nabandoned, 1);
	cr_assert(ask(19, "10.77.1.11", 1, 1));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[4].abandoned, 1);
	grants_flush();
	answer_all(RESULT_FAILED);
	for (i = 0; i < 20; i++)
		cr_assert_eq(pool[i].done, i != 0 && i != 4, "%u", i);
}

/* What dnsfw-priv has cannot be taken back: of what is not sent the oldest. */
Test(grants, what_is_sent_makes_no_room)
{
	unsigned int i;

	fill_slots();
	room = SIZE_MAX;
	grants_flush();
	cr_assert(ask(16, "10.77.1.9", 0, 1));
	/* There is one that is not sent, if it is: that one goes. */
	cr_assert(ask(17, "10.77.1.9", 1, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[16].abandoned, 1);
	grants_flush();
	cr_assert(!ask(18, "10.77.1.10", 1, 1));
	cr_assert_eq(nabandoned, 1);
	answer_all(RESULT_OK);
	for (i = 0; i < 16; i++)
		cr_assert_eq(pool[i].done, 1);
	cr_assert(ask(18, "10.77.1.10", 1, 1));
}

/* All who wait for the oldest that is not sent go, and nobody else. */
Test(grants, those_who_wait_for_the_same_go_together)
{
	fill_slots();
	cr_assert(ask(16, four[0], 0, 1));
	cr_assert(ask(17, four[0], 1, 1));
	cr_assert(ask(18, "10.77.1.9", 0, 2));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[0].abandoned + pool[16].abandoned, 2);
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[17].done, 1);
	cr_assert_eq(pool[18].done, 1);
	cr_assert_eq(pool[0].done + pool[16].done, 0);
}

/* Its own goes if that is the largest, also what it was about to join. */
Test(grants, ones_own_oldest_goes)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		cr_assert(ask(i, four[0], i * 1024, 1024));
	for (i = 0; i < 26; i++)
		cr_assert(ask(10 + i, (const char *[]){ "10.78.1.1", "10.78.1.2",
		    "10.78.1.3", "10.78.1.4", "10.78.1.5", "10.78.1.6",
		    "10.78.1.7" }[i / 4], i * 512, 512));
	/* It joins what is under way, as long as that is. */
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(3, four[0], 512, 1024));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(4, four[0], 1, 1024));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(5, four[0], 3000, 100));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[0].abandoned, 1);
	cr_assert_eq(pool[4].abandoned, 1);
	grants_flush();
	answer_all(RESULT_OK);
	for (i = 0; i < 6; i++)
		cr_assert_eq(pool[i].done, i != 0 && i != 4, "%u", i);
}

/* What it was about to join is new when that has gone: one more is needed. */
Test(grants, what_ones_own_oldest_had_is_needed_again)
{
	unsigned int i;

	cr_assert(ask(0, four[0], 0, 1023));
	for (i = 1; i < 4; i++)
		cr_assert(ask(i, four[0], i * 1024, 1024));
	for (i = 0; i < 24; i++)
		cr_assert(ask(10 + i, (const char *[]){ "10.78.1.1", "10.78.1.2",
		    "10.78.1.3", "10.78.1.4", "10.78.1.5", "10.78.1.6" }[i / 4],
		    i * 512, 512));
	cr_assert(ask(40, "10.78.1.7", 0, 1));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask(4, four[0], 0, 1024));
	cr_assert_eq(nabandoned, 2);
	cr_assert_eq(pool[0].abandoned + pool[1].abandoned, 2);
	grants_flush();
	answer_all(RESULT_OK);
	cr_assert_eq(pool[4].done, 1);
}

/* All loopback clients have the same grants, but each has its own share. */
Test(grants, what_anothers_oldest_had_is_needed_again)
{
	unsigned int i;
	char client[32];

	cr_assert(ask(0, "127.0.0.1", 0, 10));
	for (i = 1; i < 4; i++)
		cr_assert(ask(i, "127.0.0.1", i * 1024, 1024));
	cr_assert(ask(4, "127.0.0.1", 4 * 1024, 1014));
	for (i = 0; i < 12; i++) {
		snprintf(client, sizeof(client), "10.78.1.%u", 1 + i / 2);
		cr_assert(ask(10 + i, client, i * 1024, 1024));
	}
	cr_assert_eq(nabandoned, 0);
	/* 10 of these are under way, until the victim has gone: 11 are needed then. */
	cr_assert(ask(40, "127.0.0.9", 0, 11));
	cr_assert_eq(nabandoned, 2);
	cr_assert(pool[0].abandoned && pool[1].abandoned);
	/* So many are left, and not one more without another victim. */
	cr_assert(ask(41, "10.78.2.1", 1, 1023));
	cr_assert_eq(nabandoned, 2);
	cr_assert(ask(42, "10.78.2.2", 1, 1));
	cr_assert_eq(nabandoned, 3);
}

/* Who is at its share is refused first, whoever has most. */
Test(grants, who_is_at_its_share_makes_nobody_go)
{
	fill_slots();
	cr_assert(ask(16, four[3], 60000, 1));
	cr_assert(!ask(17, four[3], 60001, 1));
	cr_assert(!ask(18, four[0], 60001, 1));
	cr_assert_eq(nabandoned, 0);
}

/* So many small ones go for a large one, and no more. */
Test(grants, no_more_than_256_go_for_one)
{
	static struct asker small[TOTAL / 2];
	unsigned int i;
	char client[16];

	for (i = 0; i < TOTAL / 2; i++) {
		struct grants_want w[2] = { want(2 * i, 60),
		    want(2 * i + 1, 60) };

		snprintf(client, sizeof(client), "10.80.1.%u", i / 512);
		small[i].grants.client = address(client);
		small[i].grants.octets = 100;
		small[i].grants.waits = small[i].waits;
		w[0].hash = w[1].hash = 0;
		known_for(&small[i].grants.client, &w[0]);
		known_for(&small[i].grants.client, &w[1]);
		cr_assert(grants_ask(&small[i].grants, w, 2));
	}
	cr_assert_eq(nabandoned, 0);
	cr_assert(!ask(0, "10.77.1.2", 0, 513));
	cr_assert_eq(nabandoned, 256);
	cr_assert(ask(0, "10.77.1.2", 0, 512));
	cr_assert_eq(nabandoned, 256);
}

/* At its limit ten times over: each is abandoned or done, and once. */
Test(grants, the_end_of_all_wears_out_nothing)
{
	unsigned int i, n = 0;
	char client[16];

	for (i = 0; i < 10 * TOTAL / 1024; i++) {
		struct asker *a = &pool[i % 32];

		n += a->done + a->abandoned;
		cr_assert_eq(a->done + a->abandoned, i >= 32, "%u", i);
		snprintf(client, sizeof(client), "10.79.1.%u", i % 7);
		cr_assert(ask(i % 32, client, i * 1024, 1024), "%u", i);
		if (i % 8 == 0) {
			room = 1;
			grants_flush();
			answer_all(RESULT_OK);
		}
	}
	cr_assert_gt(n, 0);
}

Test(grants, who_waits_is_counted)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		cr_assert(ask(i, "10.77.1.2", 0, i < 15 ? 1024 : 1023));
	cr_assert(!ask(16, "10.77.1.2", 0, 2));
	cr_assert(ask(16, "10.77.1.2", 0, 1));
	cr_assert(!ask(17, "10.77.1.2", 0, 1));
	cr_assert(ask(17, "10.77.1.3", 0, 1));
	grants_flush();
	cr_assert_eq(nsent, 1025);
	answer_all(RESULT_OK);
	for (i = 0; i < 18; i++)
		cr_assert_eq(pool[i].done, 1);
}

Test(grants, four_shares_of_who_waits_are_all)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		cr_assert(ask(i, four[i / 16], 0, i < 63 ? 1024 : 1023));
	cr_assert(ask(64, "10.77.1.9", 0, 1));
	cr_assert_eq(nabandoned, 0);
	/* Also of what is sent. */
	grants_flush();
	cr_assert(ask(65, "10.77.1.10", 0, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[0].abandoned, 1);
	grants_flush();
	answer_all(RESULT_OK);
	for (i = 0; i < 66; i++)
		cr_assert_eq(pool[i].done, i != 0);
}

Test(grants, what_is_kept_is_counted)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		char client[] = "10.77.1.0";

		client[8] = (char)('1' + i);
		cr_assert(ask_kept(2 * i, client, 1, 1, 60,
		    GRANTS_OCTETS - 1));
		cr_assert(!ask_kept(2 * i + 1, client, 1, 1, 60, 2));
		if (i < 3)
			cr_assert(ask_kept(2 * i + 1, client, 1, 1, 60, 1));
	}
	cr_assert(ask_kept(9, "10.77.1.9", 1, 1, 60, 1));
	cr_assert_eq(nabandoned, 0);
	cr_assert(ask_kept(10, "10.77.1.10", 1, 1, 60, 1));
	cr_assert_eq(nabandoned, 1);
	cr_assert_eq(pool[0].abandoned, 1);
	cr_assert(ask_kept(11, "10.77.1.11", 1, 1, 60, GRANTS_OCTETS - 2));
	cr_assert_eq(nabandoned, 1);
	grants_leave(&pool[2].grants);
	cr_assert(ask_kept(12, "10.77.1.12", 1, 1, 60, GRANTS_OCTETS - 2));
	cr_assert_eq(nabandoned, 1);
}

/* Who is told asks again, and one that has its result already has to go. */
static void
ask_anew(struct asker *a)
{
	a->then = NULL;
	cr_assert(ask_kept(9, "10.77.1.9", 7, 1, 60, GRANTS_OCTETS));
}

Test(grants, one_goes_that_is_about_to_be_told)
{
	unsigned int i;

	/* Both wait for the same, and for one more. */
	cr_assert(ask_kept(0, four[0], 1, 1, 60, 1));
	cr_assert(ask_kept(1, four[0], 1, 2, 60, GRANTS_OCTETS - 1));
	for (i = 2; i < 7; i++)
		cr_assert(ask_kept(i, (const char *[]){ "10.78.1.1", "10.78.1.2",
		    "10.78.1.3", "10.78.1.4", "10.78.1.5" }[i - 2], 1, 1, 60,
		    (GRANTS_SHARES - 1) * GRANTS_OCTETS / 5));
	grants_flush();
	pool[0].then = ask_anew;
	answer_all(RESULT_OK);
	cr_assert_eq(pool[0].done, 1);
	cr_assert_eq(pool[1].abandoned, 1);
	cr_assert_eq(pool[1].done, 0);
	grants_flush();
	answer_all(RESULT_OK);
	grants_flush();
	cr_assert_eq(pool[9].done, 1);
}

/* Ten times as many as there are places: by results, and by who leaves. */
Test(grants, places_come_back_ten_times_over)
{
	unsigned int round, i;

	for (round = 0; round < 40; round++) {
		loop.now += CLOCK_SECOND;
		for (i = 0; i < 4; i++)
			cr_assert(ask_kept(i, "10.77.1.2",
			    (round * 4 + i) * 1024, 1024, 60,
			    GRANTS_OCTETS / 4), "%u", round);
		if (round % 2 == 0) {
			grants_flush();
			answer_all(round % 4 == 0 ? RESULT_OK : RESULT_FULL);
			grants_flush();
			continue;
		}
		if (round % 4 == 3)
			grants_flush();
		for (i = 0; i < 4; i++)
			grants_leave(&pool[i].grants);
		answer_all(RESULT_OK);
	}
}

Test(grants, clients_come_back_ten_times_over)
{
	char client[] = "10.1.0.0/00000";
	unsigned int i;

	for (i = 0; i < 10 * TOTAL; i++) {
		loop.now += CLOCK_SECOND / MSG_GRANTS_RATE;
		snprintf(client, sizeof(client), "10.%u.%u.%u", i >> 16,
		    i >> 8 & 255, i & 255);
		cr_assert(ask(0, client, 1, 1));
		grants_flush();
		answer_all(RESULT_FAILED);
	}
}

/* --- an answer that asks in parts --- */

static bool
opens(unsigned int i, const char *client, size_t max, size_t octets)
{
	return (open_for_parts(i, client, max, octets) != NULL);
}

static bool
adds(unsigned int i, uint32_t first, size_t n)
{
	return (add_part(&pool[i].grants, first, n));
}

/* What it keeps and may wait for is taken before its first part. */
Test(grants, room_for_parts_is_taken_at_once)
{
	unsigned int i;

	cr_assert(opens(0, "10.77.1.2", 1, GRANTS_OCTETS));
	cr_assert(!opens(1, "10.77.1.2", 1, 1));
	cr_assert(opens(1, "10.77.1.3", 1, 1));
	grants_leave(&pool[0].grants);
	for (i = 2; i < 2 + GRANTS_WAITS / 1024; i++)
		cr_assert(opens(i, "10.77.1.2", 1024, 1));
	cr_assert(!opens(50, "10.77.1.2", 1, 1));
	grants_leave(&pool[2].grants);
	cr_assert(opens(50, "10.77.1.2", 1024, 1));
	cr_assert_eq(nabandoned, 0);
}

/* Grants under way are of the share part by part. */
Test(grants, a_part_beyond_the_share_is_refused)
{
	unsigned int i;

	cr_assert(opens(0, "10.77.1.2", 3, 100));
	for (i = 1; i < 4; i++)
		cr_assert(ask(i, "10.77.1.2", i * 1024, 1024));
	cr_assert(ask(4, "10.77.1.2", 5 * 1024, 1022));
	cr_assert(!adds(0, 1, 3));
	cr_assert(adds(0, 1, 2));
	cr_assert(!adds(0, 3, 1));
	/* One that is under way already takes none of it. */
	cr_assert(adds(0, 1024, 1));
	grants_leave(&pool[0].grants);
	cr_assert(ask(5, "10.77.1.2", 1, 2));
	cr_assert_eq(nabandoned, 0);
}

/* A machine gets another first address: parts are of the share as it was. */
Test(grants, parts_are_of_who_opened_them)
{
	unsigned int i;

	cr_assert(opens(0, "10.77.1.2", 64, 100));
	for (i = 1; i <= 4; i++)
		cr_assert(ask(i, "10.77.1.3", i * 1024, 1024));
	pool[0].grants.client = address("10.77.1.3");
	cr_assert(adds(0, 1, 64));
	for (i = 5; i < 8; i++)
		cr_assert(ask(i, "10.77.1.2", i * 1024, 1024));
	cr_assert(!ask(8, "10.77.1.2", 9000, 1024 - 63));
	cr_assert(ask(8, "10.77.1.2", 9000, 1024 - 64));
	cr_assert_eq(nabandoned, 0);
}

/* Between two parts it may be the one that has to go. */
Test(grants, parts_make_room_for_others)
{
	unsigned int i;
	char client[32];

	cr_assert(opens(0, "10.77.1.1", 1, GRANTS_OCTETS));
	for (i = 1; i < GRANTS_SHARES; i++) {
		snprintf(client, sizeof(client), "10.77.1.%u", 1 + i);
		cr_assert(ask_kept(i, client, i, 1, 60, GRANTS_OCTETS - 1));
	}
	cr_assert(ask_kept(50, "10.77.2.1", 60, 1, 60, 10));
	cr_assert_eq(pool[0].abandoned, 1);
	cr_assert_eq(nabandoned, 1);
}

/* It never goes for itself: its caller is told that there is no room. */
Test(grants, a_part_does_not_abandon_its_own_answer)
{
	unsigned int i, k;
	char client[32];

	cr_assert(opens(0, "10.77.1.1", 1024, 100));
	cr_assert(adds(0, 1, 1022));
	for (i = 0; i < 5; i++) {
		snprintf(client, sizeof(client), "10.77.1.%u", 1 + i);
		for (k = 0; k < 3; k++)
			cr_assert(ask(1 + 3 * i + k, client,
			    (1 + 3 * i + k) * 1024, 1024));
	}
	/* Two places are left; the first client has most, and not its share. */
	cr_assert(ask(80, "10.77.2.1", 1, 2));
	cr_assert(!adds(0, 5000000, 1));
	cr_assert_eq(nabandoned, 0);
	grants_leave(&pool[0].grants);
	cr_assert(ask(81, "10.77.2.1", 10, 1022));
	cr_assert_eq(nabandoned, 0);
}
