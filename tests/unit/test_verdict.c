/* What leaves of an answer, and when (G1 to G8, D23). */
#include "verdict_rig.h"

/* Each port for as long as its rule says, and the answer no longer (U11). */
Test(verdict, U11_times_of_a_rule)
{
	begin();
	add(good, 300);
	ports = 2;
	most = 60;
	answer();
	cr_assert_eq(nwants, 2);
	cr_assert_eq(wants[0].ttl, 300);
	cr_assert_eq(wants[1].ttl, 60);
}

Test(verdict, an_answer_is_held_until_all_is_granted)
{
	begin();
	add(good, 60);
	add(other, 300);
	ports = 2;
	answer();
	cr_assert_eq(nwants, 4);
	cr_assert_not_null(verdict.held);
	cr_assert_eq(nleaves + nfailed, 0);
	cr_assert_eq(wants[0].ttl, 60);
	cr_assert_eq(wants[1].port.port, 444);
	cr_assert_eq(wants[2].ttl, 300);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(nleaves, 1);
	cr_assert(granted);
	cr_assert_eq(left_len, len);
	cr_assert_eq(ttl_that_left(0), 60);
	/* No longer than its grant. */
	cr_assert_eq(ttl_that_left(1), 100);
}

Test(verdict, what_is_known_costs_nothing_and_leaves_at_once)
{
	begin();
	add(good, 60);
	add(other, 300);
	nknown = 2;
	known_expiry = loop.now + 50 * CLOCK_SECOND + 1;
	no_memory = true;
	answer();
	no_memory = false;
	cr_assert_eq(nleaves, 1);
	cr_assert_eq(nwants, 0);
	cr_assert_eq(nlogged, 2);
	cr_assert_eq(ttl_that_left(0), 50);
	cr_assert_eq(ttl_that_left(1), 50);
}

Test(verdict, what_is_known_caps_what_was_asked_for)
{
	begin();
	add(good, 300);
	add(other, 300);
	nknown = 1;
	known_expiry = loop.now + 40 * CLOCK_SECOND;
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert_eq(wants[0].dst.bytes[3], 2);
	cr_assert_eq(nlogged, 1);
	done(RESULT_OK, loop.now + 200 * CLOCK_SECOND);
	cr_assert_eq(ttl_that_left(0), 40);
}

/* The first of many may be over when the last one is there: ask again (G1). */
Test(verdict, no_answer_leaves_when_a_grant_is_over)
{
	begin();
	add(good, 300);
	answer();
	nwants = 0;
	done(RESULT_OK, loop.now);
	cr_assert_eq(nleaves, 0);
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 1);
	cr_assert_eq(nleaves, 1);
	cr_assert_eq(ttl_that_left(0), 0);
}

Test(verdict, each_that_is_granted_is_logged_for_who_asked)
{
	begin();
	add(good, 60);
	answer();
	told->granted(asked, &asked->waits[0]);
	cr_assert_eq(nlogged, 1);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
}

Test(verdict, an_error_is_servfail)
{
	begin();
	add(good, 60);
	answer();
	done(RESULT_FULL, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, msg_result_text(RESULT_FULL));
	full = true;
	answer();
	cr_assert_eq(nfailed, 2);
	cr_assert_str_eq(why, "too many grants under way");
	cr_assert_eq(nlogged, 0);
}

Test(verdict, no_memory_ends_the_query_alone)
{
	begin();
	add(good, 60);
	no_memory = true;
	answer();
	no_memory = false;
	cr_assert_eq(nfailed, 1);
	cr_assert_eq(nwants, 0);
	answer();
	cr_assert_not_null(verdict.held);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
}

Test(verdict, without_addresses_it_passes)
{
	begin();
	answer();
	cr_assert_eq(nleaves, 1);
	cr_assert(!granted);
}

Test(verdict, without_a_firewall_addresses_stay)
{
	begin();
	add(good, 60);
	settings.config.firewall = 0;
	settings.config.family_filter = 1;
	answer();
	cr_assert_eq(nleaves, 1);
	cr_assert(!granted);
	cr_assert_eq(left_len, len);
	cr_assert_eq(nwants, 0);
}

Test(verdict, what_is_never_granted_goes)
{
	begin();
	add(loopback, 60);
	add(good, 300);
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len - 16);
	cr_assert_eq(left[3] & DNS_AD, 0);
	cr_assert_eq(removals_told, 1);
	/* Under a ~> that comes first it passes, but is not granted. */
	resolve_first = true;
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len);
	cr_assert_eq(removals_told, 1);
}

Test(verdict, what_dnsfw_priv_never_grants_goes)
{
	begin();
	add(good, 60);
	add(other, 300);
	answer();
	asked->waits[0].forbidden = true;
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len - 16);
	cr_assert_eq(ttl_that_left(0), 300);
	/* All of it: then nothing is granted. */
	answer();
	asked->waits[0].forbidden = asked->waits[1].forbidden = true;
	done(RESULT_OK, UINT64_MAX);
	cr_assert_eq(left_len, len - 32);
	cr_assert(!granted);
	cr_assert_eq(removals_told, 2);
	resolve_first = true;
	answer();
	asked->waits[0].forbidden = true;
	done(RESULT_OK, loop.now + 500 * CLOCK_SECOND);
	cr_assert_eq(left_len, len);
}

Test(verdict, a_stale_result_is_decided_again)
{
	begin();
	add(good, 60);
	ports = 2;
	answer();
	cr_assert_eq(nwants, 2);
	ports = 1;
	done(RESULT_STALE, 0);
	cr_assert_eq(nwants, 1);
	cr_assert_not_null(verdict.held);
	done(RESULT_STALE, 0);
	decided = ACL_BLOCK;
	done(RESULT_STALE, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_eq(nleaves, 0);
	cr_assert_str_eq(why, "the policy has changed");
}

Test(verdict, a_list_that_allows_less_when_the_answer_comes)
{
	begin();
	add(good, 60);
	decided = ACL_NOMATCH;
	answer();
	cr_assert_eq(nfailed, 1);
	decided = ACL_ALLOW;
	overflow = true;
	answer();
	cr_assert_eq(nfailed, 2);
	overflow = false;
	ports = 0;
	answer();
	cr_assert_eq(nleaves, 1);
	cr_assert(!granted);
}

Test(verdict, nothing_is_asked_again_for_who_has_left)
{
	begin();
	add(good, 60);
	answer();
	request.from.conn = NULL;
	done(RESULT_STALE, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "the client has left");
	cr_assert_null(asked);
}

Test(verdict, an_answer_that_is_let_go_waits_for_nothing)
{
	begin();
	add(good, 60);
	answer();
	verdict_abandon(&verdict);
	cr_assert_eq(nleft, 1);
	cr_assert_null(verdict.held);
	cr_assert_eq(nleaves + nfailed, 0);
	answer();
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(nleaves, 1);
}

/* Others need the room: it ends as if there had been none for it. */
Test(verdict, an_answer_that_has_to_go_fails)
{
	begin();
	add(good, 60);
	answer();
	told->abandoned(asked);
	cr_assert_eq(nleft, 0);
	cr_assert_null(verdict.held);
	cr_assert_eq(nleaves, 0);
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many grants under way");
}

Test(verdict, as_many_grants_as_one_answer_may_need)
{
	begin();
	add_many(256);
	ports = 4;
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(nleaves, 1);
	/* What is known counts, too. */
	nlooked = 0;
	nknown = 1023;
	known_expiry = loop.now + 50 * CLOCK_SECOND;
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert_eq(nlogged, 1023);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	nlooked = 0;
	nknown = 1024;
	answer();
	cr_assert_eq(nleaves, 3);
	add(good, 60);
	answer();
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many addresses to grant");
}

Test(verdict, more_addresses_than_any_answer_may_need)
{
	begin();
	add_many(1024);
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	add((const uint8_t[]){ 10, 79, 1, 1 }, 60);
	answer();
	cr_assert_eq(nfailed, 1);
	add_many(2000);
	answer();
	cr_assert_eq(nfailed, 2);
}

Test(verdict, what_cannot_be_granted_does_not_count)
{
	unsigned int i;

	begin();
	add_many(4);
	for (i = 0; i < 2000; i++)
		add6(i);
	ports = 256;
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 400 * CLOCK_SECOND);
	cr_assert_eq(left_len, len);
	/* Nor where its chain is missing, nor for a link-local client. */
	policy.families = MSG_FAMILY_V6;
	answer();
	cr_assert_eq(nleaves, 2);
	cr_assert(!granted);
	policy.families = MSG_FAMILY_V4;
	request.client.bytes[0] = 169;
	request.client.bytes[1] = 254;
	answer();
	cr_assert_eq(nleaves, 3);
	cr_assert(!granted);
}

Test(verdict, this_host_has_both_families)
{
	begin();
	add(good, 60);
	add6(1);
	request.client = (struct addr){ .family = ADDR_V4,
	    .bytes = { 127, 0, 0, 1 } };
	answer();
	cr_assert_eq(nwants, 2);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
}

Test(verdict, with_family_mismatch_filter_the_other_family_goes)
{
	begin();
	add6(1);
	add(good, 60);
	settings.config.family_filter = 1;
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	cr_assert_eq(left_len, len - 28);
}

/* --- hosts (U11) --- */

static const char list_with_a_host[] =
    "@laptop = host 10.77.1.2, 10.77.1.3, fd77::2, 2001:db8:1::/64\n"
    "@other = host 10.77.1.4, fd77::4\n";

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0);
	return (a);
}

/* Is that one of the grants which are asked for? */
static bool
wants_for(const char *client, unsigned int port)
{
	const struct addr a = address(client);
	size_t i;

	for (i = 0; i < nwants; i++)
		if (addr_equal(&wants[i].client, &a) &&
		    wants[i].port.port == port)
			return (true);
	return (false);
}

Test(verdict, U11_each_address_of_a_host_is_granted_what_it_may)
{
	use_list(list_with_a_host);
	other_ports = 2;
	begin();
	add(good, 60);
	answer();
	cr_assert_eq(nwants, 3);
	cr_assert(wants_for("10.77.1.2", 443) && wants_for("10.77.1.3", 500) &&
	    wants_for("10.77.1.3", 501));
	/* The answer leaves when all are there, for the shortest of them. */
	cr_assert_not_null(verdict.held);
	told->granted(asked, &asked->waits[1]);
	cr_assert_eq(nlogged, 1);
	done(RESULT_OK, loop.now + 30 * CLOCK_SECOND);
	cr_assert_eq(ttl_that_left(0), 30);
	/* The other family's answer is for those of that family. */
	begin();
	add6(1);
	answer();
	cr_assert_eq(nwants, 2);
	cr_assert(wants_for("fd77::2", 500) && wants_for("fd77::2", 501));
	done(RESULT_FULL, 0);
	cr_assert_eq(nfailed, 1);
}

/* The name by which each is allowed is asked about after a reload (A9). */
Test(verdict, U11_each_address_of_a_host_keeps_the_name_that_allows_it)
{
	const char *const four = "@a = host 10.77.1.2, 10.77.1.3, 10.77.1.4, "
	    "10.77.1.5, 10.77.1.6\n", *const six = "@a = host 10.77.1.2, "
	    "10.77.1.3, 10.77.1.4, 10.77.1.5, 10.77.1.6, 10.77.1.7\n";
	size_t i;

	use_list(four);
	other_ports = 1;
	led = true;
	begin();
	add(good, 60);
	answer();
	cr_assert_eq(nwants, 5);
	cr_assert_eq(labels[0].len, request.dns.qname.len);
	for (i = 1; i < nwants; i++)
		cr_assert_eq(labels[i].len, wants[i].client.bytes[3],
		    "%zu: %u", i, labels[i].len);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* More than lead to one name there never are. */
	use_list(six);
	answer();
	cr_assert_eq(nfailed, 1);
}

Test(verdict, U11_an_address_without_a_rule_is_granted_nothing)
{
	use_list(list_with_a_host);
	other_ports = 1;
	refused = address("fd77::2");
	settings.config.family_filter = 1;
	begin();
	add(good, 60);
	add6(1);
	answer();
	cr_assert_eq(nwants, 2);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* So nobody can connect to the other one. */
	cr_assert_eq(left_len, len - 28);
	/* Nor outside of --client-net, as quota_serves() has it. */
	use_list("@a = host 10.77.1.2, 192.168.1.2\n");
	answer();
	cr_assert_eq(nwants, 1);
}

Test(verdict, U11_who_is_of_no_host_is_granted_alone)
{
	use_list(list_with_a_host);
	other_ports = 1;
	request.client = address("10.77.1.5");
	begin();
	add(good, 60);
	add6(1);
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert(wants_for("10.77.1.5", 443));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	request.client = address("10.77.1.4");
	answer();
	cr_assert_eq(nwants, 2);
	cr_assert(wants_for("10.77.1.4", 443) && wants_for("fd77::4", 500));
}

/* Of a network those are known that have asked, for a day; 16 of a host. */
Test(verdict, U11_addresses_of_a_network_are_those_that_asked)
{
	struct addr a = address("2001:db8:1::"), stranger = a;
	unsigned int i;

	use_list(list_with_a_host);
	other_ports = 1;
	begin();
	add6(1);
	answer();
	cr_assert_eq(nwants, 1);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	stranger.bytes[7] = 1;
	known_asked(&stranger);
	stranger = address("fd77::2");
	known_asked(&stranger);
	for (i = 0; i < 17; i++) {
		a.bytes[15] = (uint8_t)(i + 1);
		loop.now += CLOCK_SECOND;
		known_asked(&a);
		known_asked(&a);
	}
	answer();
	cr_assert_eq(nwants, 17);
	cr_assert(wants_for("fd77::2", 500) && wants_for("2001:db8:1::11", 500));
	cr_assert(!wants_for("2001:db8:1::1", 500));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* Who asks from there is not granted twice. */
	request.client = a;
	answer();
	cr_assert_eq(nwants, 17);
	cr_assert(wants_for("2001:db8:1::11", 443));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	loop.now += (KNOWN_PERIOD - 1) * CLOCK_SECOND;
	answer();
	cr_assert_eq(nwants, 2);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	/* Another list has it no more. */
	use_list("@laptop = host 10.77.1.2, fd77::2\n@b = host 10.77.1.9, "
	    "2001:db8:1::/64\n");
	request.client = address("10.77.1.2");
	answer();
	cr_assert_eq(nwants, 1);
}

static void
is_of_machine(const char *text, uint32_t machine)
{
	const struct addr a = address(text);
	struct msg_neighbour m = { .type = MSG_NEIGHBOUR, .family = a.family,
	    .machine = machine };

	memcpy(m.client, a.bytes, sizeof(m.client));
	kin_take(&m);
}

/* Of the machine that the neighbour table says; the list's hosts come first. */
Test(verdict, U11_addresses_of_a_machine)
{
	use_list(list_with_a_host);
	other_ports = 1;
	is_of_machine("10.77.1.5", 7);
	is_of_machine("fd77::5", 7);
	is_of_machine("fe80::5", 7);
	is_of_machine("10.77.1.4", 7);
	is_of_machine("fd77::6", 8);
	request.client = address("10.77.1.5");
	begin();
	add6(1);
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert(wants_for("fd77::5", 500));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	request.client = address("10.77.1.4");
	answer();
	cr_assert_eq(nwants, 1);
	cr_assert(wants_for("fd77::4", 500));
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	is_of_machine("fd77::5", 0);
	request.client = address("10.77.1.5");
	nwants = 0;
	answer();
	cr_assert_eq(nwants, 0);
}

Test(verdict, U11_an_answer_is_granted_so_many_times_for_all_of_a_host)
{
	use_list("@a = host 10.77.1.2, 10.77.1.3\n");
	other_ports = 3;
	begin();
	add_many(256);
	answer();
	cr_assert_eq(nwants, 1024);
	done(RESULT_OK, loop.now + 100 * CLOCK_SECOND);
	add(good, 60);
	answer();
	cr_assert_eq(nfailed, 1);
	cr_assert_str_eq(why, "too many addresses to grant");
}
