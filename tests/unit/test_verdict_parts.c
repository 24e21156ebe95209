/* A long answer, or one of many grants, goes on for several turns (D21). */
#include "verdict_rig.h"

/* Octets of nothing that is granted, so that the answer is long: a TXT record. */
static void
add_filler(size_t octets)
{
	const uint8_t head[] = { 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60,
	    (uint8_t)((octets - 12) >> 8), (uint8_t)(octets - 12) };
	size_t more = octets - sizeof(head), n;

	memcpy(msg + len, head, sizeof(head));
	len += sizeof(head);
	while (more > 0) {
		n = more > 256 ? 255 : more - 1;
		msg[len] = (uint8_t)n;
		memset(msg + len + 1, 'x', n);
		len += n + 1;
		more -= n + 1;
	}
	msg[7]++;
}

/* As many octets as it may have to be granted at once, or more. */
static void
make_long(size_t octets)
{
	add_filler(octets - len);
}

/* To be granted by_hand, a part in each turn. */
static void
begin_parts(unsigned int naddresses)
{
	begin();
	add_many(naddresses);
	by_hand = true;
	time_left = 0;
	nagain = 0;
	answer();
	/* Also one that begins at the end of a turn is not forgotten. */
	cr_assert_eq(nagain, asked != NULL && asked->open);
	nagain = 0;
}

static const uint64_t later = 500 * CLOCK_SECOND;

/* --- which ones --- */

Test(verdict, D21_what_is_short_and_of_few_grants_is_asked_for_at_once)
{
	begin();
	add_many(64);
	make_long(4096);
	by_hand = true;
	answer();
	cr_assert(!asked->open);
	cr_assert_eq(nwants, 64);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(left_len, 4096);
}

Test(verdict, D21_what_is_long_is_not)
{
	begin();
	add(good, 60);
	make_long(4097);
	by_hand = true;
	answer();
	cr_assert(asked->open);
	cr_assert_eq(nwants + nleaves + nfailed, 0);
	time_left = 1;
	parts_flush();
	cr_assert_eq(nwants, 1);
	cr_assert(asked->open);
	/* What is to be removed is looked for in a turn of its own. */
	parts_flush();
	cr_assert(!asked->open);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(left_len, 4097);
	cr_assert(granted);
}

/* Addresses, ports, and addresses of the host: by what the asker is allowed. */
Test(verdict, D21_what_is_of_many_grants_is_not)
{
	begin_parts(65);
	cr_assert(asked->open);
	verdict_abandon(&verdict);
	ports = 13;
	begin_parts(5);
	cr_assert(asked->open);
	verdict_abandon(&verdict);
	ports = 12;
	begin_parts(5);
	cr_assert(!asked->open);
	verdict_abandon(&verdict);
	use_list("@a = host 10.77.1.2, 10.77.1.3\n");
	other_ports = ports = 1;
	begin_parts(33);
	cr_assert(asked->open);
	verdict_abandon(&verdict);
	begin_parts(32);
	cr_assert(!asked->open);
}

/* --- in parts --- */

Test(verdict, D21_a_part_in_a_turn)
{
	unsigned int i;

	begin_parts(1024);
	for (i = 1; i <= 16; i++) {
		cr_assert(asked->open);
		parts_flush();
		cr_assert_eq(nparts, i);
		cr_assert_eq(nwants, 64 * i);
		cr_assert_eq(nagain, i);
	}
	cr_assert(asked->open);
	parts_flush();
	cr_assert(!asked->open);
	cr_assert_eq(nparts, 16);
	cr_assert_eq(nagain, 16);
	cr_assert_eq(nclocks, 17);
	/* Each address once. */
	for (i = 0; i < 1024; i++)
		cr_assert(wants[i].dst.bytes[2] == i >> 8 &&
		    wants[i].dst.bytes[3] == (i & 0xff));
	parts_flush();
	cr_assert_eq(nclocks, 17);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
	cr_assert_eq(left_len, len);
}

Test(verdict, D21_as_many_parts_as_there_is_time_for)
{
	begin_parts(1024);
	time_left = 3;
	parts_flush();
	cr_assert_eq(nparts, 3);
	time_left = 100;
	parts_flush();
	cr_assert_eq(nparts, 16);
	cr_assert(!asked->open);
	cr_assert_eq(nagain, 1);
}

/* An address has all of its ports in one part. */
Test(verdict, D21_parts_of_several_ports)
{
	ports = 10;
	begin_parts(20);
	parts_flush();
	cr_assert_eq(nwants, 60);
	while (asked->open)
		parts_flush();
	cr_assert_eq(nwants, 200);
	cr_assert_eq(nparts, 4);
	verdict_abandon(&verdict);
	/* One has more than a part. */
	ports = 256;
	begin_parts(2);
	parts_flush();
	cr_assert_eq(nwants, 256);
	parts_flush();
	cr_assert_eq(nwants, 512);
	parts_flush();
	cr_assert(!asked->open);
}

Test(verdict, U11_D21_parts_of_all_addresses_of_a_host)
{
	use_list("@a = host 10.77.1.2, 10.77.1.3, fd77::2\n");
	other_ports = 2;
	begin();
	add_many(100);
	add6(1);
	by_hand = true;
	time_left = 0;
	answer();
	cr_assert_eq(room, 100 + 200 + 2);
	while (asked->open)
		parts_flush();
	cr_assert_eq(nwants, 302);
	cr_assert_eq(wants[301].port.port, 501);
	cr_assert_eq(wants[301].dst.family, ADDR_V6);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
}

Test(verdict, D21_what_is_known_of_each_part_counts)
{
	nknown = 100;
	known_expiry = loop.now + 50 * CLOCK_SECOND;
	begin_parts(128);
	parts_flush();
	cr_assert_eq(nparts, 0);
	cr_assert_eq(nlogged, 64);
	parts_flush();
	cr_assert_eq(nparts, 1);
	cr_assert_eq(nlogged, 100);
	cr_assert_eq(nwants, 28);
	end_turns();
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(ttl_that_left(0), 50);
	/* All of it: it leaves when the last part is known. */
	nlooked = 0;
	nknown = 128;
	begin_parts(128);
	parts_flush();
	tell_if_complete();
	cr_assert_eq(nleaves, 1);
	end_turns();
	cr_assert_eq(nleaves, 2);
	cr_assert_eq(ttl_that_left(127), 50);
}

/* The end of what was granted meanwhile is not forgotten. */
Test(verdict, D21_the_soonest_end_of_all_parts_counts)
{
	nknown = 128;
	known_expiry = loop.now + 50 * CLOCK_SECOND;
	begin_parts(128);
	parts_flush();
	known_expiry = loop.now + 60 * CLOCK_SECOND;
	end_turns();
	cr_assert_eq(ttl_that_left(0), 50);
}

/* It waits for nothing, and so needs no room among those that wait. */
Test(verdict, D21_a_long_one_without_addresses)
{
	begin();
	make_long(5000);
	by_hand = full = true;
	answer();
	cr_assert_eq(nleaves, 1);
	cr_assert(!granted);
	cr_assert_eq(left_len, 5000);
}

Test(verdict, D21_what_is_never_granted_goes_at_the_end)
{
	begin();
	add(loopback, 60);
	add_many(100);
	add6(1);
	settings.config.family_filter = 1;
	answer();
	cr_assert_eq(nwants, 100);
	cr_assert_eq(removals_told, 1);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(left_len, len - 16 - 28);
	cr_assert_eq(left[3] & DNS_AD, 0);
	cr_assert_eq(removals_told, 1);
	/* And what the keeper says when all is there. */
	answer();
	asked->waits[0].forbidden = true;
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(left_len, len - 16 - 28 - 16);
	cr_assert_eq(removals_told, 3);
	resolve_first = true;
	answer();
	cr_assert_eq(nwants, 100);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(left_len, len - 28);
	cr_assert_eq(removals_told, 3);
}

static const char removed_text[] = "an address that is not granted was removed";

static void
add_opt(void)
{
	memcpy(msg + len, "\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
	len += 11;
	msg[11] = 1;
}

/* All parts are asked for of an answer of which an address is to be removed. */
static void
ask_with_one_to_remove(void)
{
	begin();
	add(loopback, 60);
	add_many(65);
	add_opt();
	by_hand = true;
	time_left = 0;
	answer();
	parts_flush();
	parts_flush();
}

/* To strip it and to read it again is work for a turn each. */
Test(verdict, D21_what_is_removed_takes_two_turns_more)
{
	struct dns_response r;

	ask_with_one_to_remove();
	cr_assert_eq(nwants, 65);
	cr_assert_eq(removals_told, 0);
	parts_flush();
	cr_assert_eq(removals_told, 1);
	cr_assert(asked->open);
	parts_flush();
	cr_assert(!asked->open);
	done(RESULT_OK, loop.now + later);
	/* Who asks why is told, though it has more octets then. */
	cr_assert_eq(left_len, len - 16 + 6 + strlen(removed_text));
	cr_assert_eq(memcmp(left + left_len - strlen(removed_text), removed_text,
	    strlen(removed_text)), 0);
	cr_assert_eq(dns_response_parse(left, left_len, &r), DNS_OK);
	cr_assert_eq(r.ancount, 65);
	cr_assert_eq(ttl_that_left(64), 300);
}

/* Between these two it is no message that could be decided again. */
Test(verdict, A9_another_list_while_something_is_removed)
{
	struct dns_response r;

	ask_with_one_to_remove();
	parts_flush();
	cr_assert_eq(removals_told, 1);
	policy.generation++;
	parts_flush();
	cr_assert(!asked->open);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 0);
	end_turns();
	cr_assert_eq(nwants, 65);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
	cr_assert_eq(removals_told, 1);
	cr_assert_eq(dns_response_parse(left, left_len, &r), DNS_OK);
	cr_assert_eq(r.ancount, 65);
}

/*
 * The name of many records is gone with the first one, where no pointer reaches, so
 * they have more octets than before, and there is no room for that until it leaves.
 */
Test(verdict, D21_what_is_longer_than_before)
{
	struct dns_response r;
	uint8_t *pointer;
	unsigned int i;

	begin();
	add(good, 60);
	memcpy(msg + len, "\x3f", 1);
	memset(msg + len + 1, 'a', 63);
	memcpy(msg + len + 64, "\0\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1", 15);
	i = (unsigned int)len;
	len += 79;
	msg[7]++;
	add_filler(17000);
	while (len < 20000) {
		pointer = msg + len;
		add(good, 60);
		pointer[0] = (uint8_t)(0xc0 | i >> 8);
		pointer[1] = (uint8_t)i;
	}
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nfailed, 0);
	cr_assert_eq(nleaves, 1);
	cr_assert_eq(removals_told, 1);
	cr_assert_gt(left_len, len + 5000);
	cr_assert_eq(dns_response_parse(left, left_len, &r), DNS_OK);
}

/* --- what may happen between two of them --- */

/* Each client has its part before one has another. */
Test(verdict, D21_clients_take_turns)
{
	static struct quota other_place;
	static struct verdict second = { .request = &other_request };
	struct grants *g[2];
	unsigned int i;

	begin_parts(192);
	g[0] = asked;
	other_request = request;
	other_request.quota = &other_place;
	answer_for(&second);
	g[1] = asked;
	for (i = 0; i < 6; i++) {
		cr_assert_eq(g[i % 2]->n, 64 * (i / 2));
		parts_flush();
		cr_assert_eq(g[i % 2]->n, 64 * (i / 2 + 1));
	}
	parts_flush();
	cr_assert(!g[0]->open && g[1]->open);
	parts_flush();
	cr_assert(!g[1]->open);
	cr_assert(place.nparts == 0 && other_place.nparts == 0);
}

/* Of one client the first has all that it needs, before the next one begins. */
Test(verdict, D22_answers_of_one_client_in_their_order)
{
	static struct verdict second = { .request = &request };
	struct grants *first, *next;

	begin_parts(192);
	first = asked;
	answer_for(&second);
	next = asked;
	cr_assert_eq(place.nparts, 2);
	parts_flush();
	parts_flush();
	parts_flush();
	cr_assert(first->n == 192 && next->n == 0);
	parts_flush();
	cr_assert(!first->open && next->open);
	parts_flush();
	cr_assert_eq(next->n, 64);
	cr_assert_eq(place.nparts, 1);
}

/* The rest of it is not asked for by another list, and it is decided again (A9). */
Test(verdict, A9_another_list_between_parts)
{
	begin();
	add(loopback, 60);
	add_many(192);
	by_hand = true;
	time_left = 0;
	answer();
	parts_flush();
	policy.generation++;
	ports = 2;
	resolve_first = true;
	parts_flush();
	cr_assert_eq(nwants, 64);
	cr_assert(!asked->open);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves + nfailed, 0);
	cr_assert(asked->open);
	end_turns();
	cr_assert_eq(nwants, 384);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
	/* Nor was anything removed by the one before. */
	cr_assert_eq(left_len, len);
	cr_assert_eq(removals_told, 0);
}

Test(verdict, A9_a_list_that_allows_less_between_parts)
{
	begin_parts(192);
	parts_flush();
	policy.generation++;
	decided = ACL_BLOCK;
	parts_flush();
	cr_assert_eq(nwants, 64);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "the policy has changed");
	cr_assert_null(asked);
}

/* As for one that was asked for at once. */
Test(verdict, A9_another_list_after_the_last_part)
{
	begin_parts(65);
	end_turns();
	policy.generation++;
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 0);
	end_turns();
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
	/* An error is one by any list. */
	begin_parts(65);
	end_turns();
	policy.generation++;
	done(RESULT_FULL, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, msg_result_text(RESULT_FULL));
}

/* What was granted meanwhile may be revoked: the grants room has seen to it. */
Test(verdict, a_forget_between_parts)
{
	begin_parts(128);
	end_turns();
	done(RESULT_STALE, 0);
	cr_assert(asked->open);
	end_turns();
	cr_assert_eq(nwants, 128);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
}

/* One that is this host's from now on goes (G8). */
Test(verdict, G8_own_addresses_change_between_parts)
{
	static const struct addr own = { .family = ADDR_V4,
	    .bytes = { 10, 78, 0, 100 } };

	begin_parts(128);
	parts_flush();
	settings.vet.own = &own;
	settings.vet.nown = 1;
	settings.own_changes++;
	end_turns();
	done(RESULT_OK, loop.now + later);
	end_turns();
	cr_assert_eq(nwants, 127);
	/* And after the last one. */
	settings.vet.nown = 0;
	settings.own_changes++;
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 0);
	end_turns();
	/* Nothing that has gone comes again. */
	cr_assert_eq(nwants, 127);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
	cr_assert_eq(left_len, len - 16);
}

Test(verdict, who_leaves_between_parts_is_granted_no_more)
{
	begin_parts(192);
	parts_flush();
	request.from.conn = NULL;
	parts_flush();
	cr_assert_eq(nwants, 64);
	cr_assert_eq(nleft, 1);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "the client has left");
	cr_assert_null(verdict.held);
	parts_flush();
	cr_assert_eq(nfailed, 1);
}

/* Its query is late, or another one has its place (D22, D23). */
Test(verdict, one_that_is_let_go_between_parts_is_over)
{
	begin_parts(192);
	verdict_abandon(&verdict);
	cr_assert_null(verdict.held);
	parts_flush();
	cr_assert_eq(nwants, 0);
	begin_parts(192);
	parts_flush();
	verdict_abandon(&verdict);
	cr_assert_eq(nleft, 2);
	parts_flush();
	cr_assert_eq(nwants, 64);
	/* And when all was asked for. */
	begin_parts(128);
	end_turns();
	verdict_abandon(&verdict);
	cr_assert_eq(nleft, 3);
	parts_flush();
	cr_assert_eq(nleaves + nfailed, 0);
}

/* Others need the room. */
Test(verdict, one_that_has_to_go_between_parts_fails)
{
	begin_parts(192);
	parts_flush();
	told->abandoned(asked);
	asked = NULL;
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many grants under way");
	cr_assert_null(verdict.held);
	parts_flush();
	cr_assert_eq(nwants, 64);
}

/* --- what there is too little of --- */

Test(verdict, without_room_for_parts_it_fails)
{
	full = true;
	begin_parts(65);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many grants under way");
	cr_assert_null(verdict.held);
	parts_flush();
	full = false;
	begin_parts(192);
	parts_flush();
	full = true;
	parts_flush();
	cr_assert_eq(nleft, 1);
	cr_assert_eq(nfailed, 2);
	cr_assert_str_eq(why, "too many grants under way");
	cr_assert_null(verdict.held);
	parts_flush();
	cr_assert_eq(nfailed, 2);
	cr_assert_eq(nwants, 64);
}

Test(verdict, without_memory_for_parts_it_fails)
{
	no_memory = true;
	begin_parts(65);
	no_memory = false;
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "no memory");
	cr_assert_null(asked);
	/* Later ones need none. */
	begin_parts(192);
	no_memory = true;
	end_turns();
	done(RESULT_OK, loop.now + later);
	no_memory = false;
	cr_assert_eq(nleaves, 1);
}

/* To count is enough: not one of them is looked for. */
Test(verdict, too_many_for_an_answer_cost_nothing)
{
	begin_parts(1025);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many addresses to grant");
	ports = 4;
	begin_parts(257);
	cr_assert_eq(nfailed, 2);
	use_list("@a = host 10.77.1.2, 10.77.1.3\n");
	other_ports = 3;
	ports = 1;
	begin_parts(257);
	cr_assert_eq(nfailed, 3);
	cr_assert_eq(nlooked, 0);
	cr_assert_null(asked);
	begin_parts(256);
	cr_assert_eq(nfailed, 3);
	end_turns();
	cr_assert_eq(nwants, 1024);
}

/* What leads to a name has changed (D14): all of it is decided again. */
static void
is_decided_again(size_t grants)
{
	const struct grants *first = asked;

	parts_flush();
	cr_assert_eq(nwants, 64, "no part is asked for by another decision");
	parts_flush();
	cr_assert(!first->open);
	by_hand = false;
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 0);
	end_turns();
	cr_assert_eq(nwants, grants);
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 1);
}

Test(verdict, D14_more_ports_between_parts)
{
	begin_parts(192);
	parts_flush();
	ports = 2;
	is_decided_again(384);
}

/* Before, what was left of it would have left without a grant (G1). */
Test(verdict, D14_no_port_any_more_between_parts)
{
	begin_parts(192);
	parts_flush();
	ports = 0;
	parts_flush();
	cr_assert_eq(nwants, 64);
	parts_flush();
	cr_assert(!asked->open);
	ports = 1;
	by_hand = false;
	done(RESULT_OK, loop.now + later);
	cr_assert_eq(nleaves, 0);
}

Test(verdict, D14_not_allowed_any_more_between_parts)
{
	begin_parts(192);
	parts_flush();
	decided = ACL_BLOCK;
	parts_flush();
	cr_assert_eq(nwants, 64);
}

Test(verdict, D14_U11_another_of_the_host_is_allowed_less_between_parts)
{
	use_list("@a = host 10.77.1.2, 10.77.1.3\n");
	other_ports = 2;
	begin_parts(128);
	parts_flush();
	parts_flush();
	cr_assert_eq(nwants, 128);
	other_ports = 1;
	parts_flush();
	cr_assert_eq(nwants, 128);
	parts_flush();
	cr_assert(!asked->open);
}
