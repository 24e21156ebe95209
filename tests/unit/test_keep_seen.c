/* What is learned of names and connections (U8): whose it is, and room. */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "choice.h"
#include "keep/seen.h"

uint64_t __wrap_clock_now(void);

static uint64_t now = 1000 * CLOCK_SECOND;
static struct control_seen told[64];

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

static void
set_up(void)
{
	hash_init();
	seen_open(1);
}

TestSuite(keep_seen, .init = set_up, .timeout = 60);

/* A name of the client 10.0.0.<client>, with the address 192.0.2.<address>. */
static struct msg_seen
answer(uint8_t client, const char *name, uint8_t address)
{
	struct msg_seen m = { .type = MSG_SEEN, .family = ADDR_V4,
	    .client = { 10, 0, 0, client }, .naddresses = 1,
	    .addresses = { { ADDR_V4, { 192, 0, 2, address } } } };

	(void)snprintf(m.name, sizeof(m.name), "%s", name);
	return (m);
}

static void
take(uint8_t client, const char *name, uint8_t address)
{
	struct msg_seen m = answer(client, name, address);

	cr_assert(seen_take(0, &m, now));
}

static void
flow(uint8_t client, uint8_t address, uint8_t proto, uint16_t port)
{
	const struct order_flow f = { .family = ADDR_V4, .proto = proto,
	    .sport = 40000, .dport = port, .src = { 10, 0, 0, client },
	    .dst = { 192, 0, 2, address } };

	seen_flow(&f, false);
}

/* What is told of it; it must be there. */
static const struct control_seen *
find(const char *name)
{
	uint32_t cursor = 0;
	unsigned int looks = seen_places();
	size_t i, n = seen_next(&cursor, &looks, told, 64);

	for (i = 0; i < n; i++)
		if (strcmp(told[i].name, name) == 0)
			return (&told[i]);
	cr_assert_fail("%s", name);
	return (NULL);
}

static bool
has(const char *name, uint8_t proto, uint16_t port)
{
	const struct control_seen *s = find(name);
	unsigned int i;

	for (i = 0; i < s->nports; i++)
		if (s->ports[i].proto == proto && s->ports[i].port == port)
			return (true);
	return (false);
}

Test(keep_seen, U8_a_connection_is_of_the_name_that_led_there)
{
	const struct control_seen *s;

	take(1, "www.example.com", 1);
	take(1, "ntp.example.com", 2);
	take(2, "www.example.net", 1);
	flow(1, 1, IPPROTO_TCP, 443);
	flow(1, 1, IPPROTO_UDP, 443);
	flow(1, 2, IPPROTO_UDP, 123);
	flow(1, 3, IPPROTO_TCP, 80);
	flow(3, 1, IPPROTO_TCP, 80);
	now += 10 * CLOCK_SECOND;
	take(1, "www.example.com", 1);
	now += 5 * CLOCK_SECOND;
	s = find("www.example.com");
	cr_assert(s->nports == 2 && s->count == 2 && s->first == 15 &&
	    s->last == 5 && s->addresses == 1 && s->other == 0 &&
	    s->client[3] == 1);
	cr_assert(has("www.example.com", IPPROTO_TCP, 443));
	cr_assert(has("www.example.com", IPPROTO_UDP, 443));
	cr_assert(has("ntp.example.com", IPPROTO_UDP, 123));
	cr_assert_eq(find("ntp.example.com")->nports, 1);
	cr_assert_eq(find("www.example.net")->nports, 0);
}

/* Either may have been meant, and each needs it for itself. */
Test(keep_seen, U8_names_of_one_address_asked_for_just_now)
{
	take(1, "a.example.com", 1);
	now += 4 * CLOCK_SECOND;
	take(1, "b.example.com", 1);
	flow(1, 1, IPPROTO_TCP, 443);
	cr_assert(has("a.example.com", IPPROTO_TCP, 443));
	cr_assert(has("b.example.com", IPPROTO_TCP, 443));
}

/* A server with a web page and mail. */
Test(keep_seen, U8_a_connection_that_was_there_is_not_the_next_names)
{
	unsigned int i;

	take(1, "www.example.com", 1);
	for (i = 0; i < 10; i++, now += 2 * CLOCK_SECOND)
		flow(1, 1, IPPROTO_TCP, 443);
	take(1, "mail.example.com", 1);
	now += 6 * CLOCK_SECOND;
	/* It was not looked at meanwhile: it may be a new one. */
	flow(1, 1, IPPROTO_TCP, 993);
	cr_assert(has("mail.example.com", IPPROTO_TCP, 993));
	cr_assert_not(has("www.example.com", IPPROTO_TCP, 993));
	cr_assert_not(has("mail.example.com", IPPROTO_TCP, 443));
}

/* A client that kept the address connects for the name that it asked last. */
Test(keep_seen, U8_a_later_connection_is_of_the_last_name)
{
	take(1, "a.example.com", 1);
	flow(1, 1, IPPROTO_TCP, 443);
	now += 60 * CLOCK_SECOND;
	take(1, "b.example.com", 1);
	now += 60 * CLOCK_SECOND;
	flow(1, 1, IPPROTO_TCP, 443);
	cr_assert(has("b.example.com", IPPROTO_TCP, 443));
}

Test(keep_seen, U8_the_newest_addresses_are_known)
{
	unsigned int i;

	for (i = 0; i < 3 * MSG_SEEN_ADDRESSES; i++)
		take(1, "www.example.com", (uint8_t)(1 + i));
	flow(1, 1, IPPROTO_TCP, 80);
	cr_assert_eq(find("www.example.com")->nports, 0);
	flow(1, 2 * MSG_SEEN_ADDRESSES + 1, IPPROTO_TCP, 80);
	flow(1, 3 * MSG_SEEN_ADDRESSES, IPPROTO_TCP, 81);
	cr_assert_eq(find("www.example.com")->nports, 2);
}

Test(keep_seen, U8_more_ports_than_there_is_room_for)
{
	unsigned int i;

	take(1, "www.example.com", 1);
	for (i = 0; i < CONTROL_PORTS; i++)
		flow(1, 1, IPPROTO_TCP, (uint16_t)(1 + i));
	cr_assert_eq(find("www.example.com")->more, 0);
	flow(1, 1, IPPROTO_UDP, 1);
	flow(1, 1, IPPROTO_UDP, 0);
	cr_assert(find("www.example.com")->more == 1 &&
	    find("www.example.com")->nports == CONTROL_PORTS);
}

/* It asks from a loopback address, and connects from any of its own (G5). */
Test(keep_seen, U8_this_host)
{
	struct order_flow f = { .family = ADDR_V4, .proto = IPPROTO_TCP,
	    .dport = 443, .src = { 10, 0, 0, 254 }, .dst = { 192, 0, 2, 1 } };
	struct msg_seen m = answer(1, "www.example.com", 1);

	memcpy(m.client, (uint8_t[4]){ 127, 0, 0, 1 }, 4);
	cr_assert(seen_take(0, &m, now));
	seen_flow(&f, false);
	cr_assert_eq(find("www.example.com")->nports, 0);
	seen_flow(&f, true);
	cr_assert_eq(find("www.example.com")->nports, 1);
	m = answer(1, "ip6.example.com", 2);
	m.family = ADDR_V6;
	memset(m.client, 0, 16);
	m.client[15] = 1;
	f.dst[3] = 2;
	cr_assert(seen_take(0, &m, now));
	seen_flow(&f, true);
	cr_assert_eq(find("ip6.example.com")->nports, 1);
}

Test(keep_seen, U8_a_question_for_something_else)
{
	struct msg_seen m = answer(1, "example.com", 1);

	m.other = 1;
	m.naddresses = 0;
	cr_assert(seen_take(0, &m, now));
	cr_assert(find("example.com")->other == 1 &&
	    find("example.com")->addresses == 0);
}

/* --- room --- */

static bool
take_numbered(const uint8_t client[16], uint8_t family, unsigned int i)
{
	struct msg_seen m = answer(0, "", (uint8_t)i);

	m.family = family;
	memcpy(m.client, client, 16);
	(void)snprintf(m.name, sizeof(m.name), "n%u.example.com", i);
	return (seen_take(0, &m, now));
}

Test(keep_seen, U8_a_client_has_a_share)
{
	uint8_t v4[16] = { 10, 0, 0, 1 }, v6[16] = { 0x20, 1 };
	unsigned int i;

	for (i = 0; i < SEEN_CLIENT; i++)
		cr_assert(take_numbered(v4, ADDR_V4, i));
	cr_assert_not(take_numbered(v4, ADDR_V4, i));
	cr_assert_eq(seen_lost(), 1);
	/* What is there stays, and is counted on. */
	cr_assert(take_numbered(v4, ADDR_V4, 0));
	/* A /64 is one, whatever address a host takes. */
	for (i = 0; i < SEEN_CLIENT; i++) {
		v6[15] = (uint8_t)i;
		cr_assert(take_numbered(v6, ADDR_V6, i));
	}
	v6[14] = 1;
	cr_assert_not(take_numbered(v6, ADDR_V6, i));
	v6[7] = 1;
	cr_assert(take_numbered(v6, ADDR_V6, i));
}

Test(keep_seen, U8_all_places_are_in_use)
{
	uint8_t client[16] = { 10 };
	unsigned int i;

	for (i = 0; i < SEEN_NAMES; i++) {
		client[2] = (uint8_t)(i / SEEN_CLIENT);
		cr_assert(take_numbered(client, ADDR_V4, i));
	}
	client[2] = 200;
	cr_assert_not(take_numbered(client, ADDR_V4, 1));
	cr_assert_eq(seen_lost(), 1);
}

Test(keep_seen, U8_a_question_is_answered_in_steps)
{
	uint8_t client[16] = { 10 };
	uint32_t cursor = 0;
	unsigned int i, looks = 10;

	for (i = 0; i < 100; i++)
		cr_assert(take_numbered(client, ADDR_V4, i));
	cr_assert_eq(seen_next(&cursor, &looks, told, 64), 10);
	cr_assert(looks == 0 && cursor == 10);
	looks = 1000;
	cr_assert_eq(seen_next(&cursor, &looks, told, 64), 64);
	cr_assert(looks == 936 && cursor == 74);
	cr_assert_eq(seen_next(&cursor, &looks, told, 64), 26);
	cr_assert(looks == 0 && cursor == 1010);
}

Test(keep_seen_open, P5_only_of_ones_own_clients)
{
	struct msg_seen m = answer(1, "www.example.com", 1);
	unsigned int worker;

	cr_assert_not(seen_take(0, &m, now), "it is not open");
	flow(1, 1, IPPROTO_TCP, 80);
	hash_init();
	seen_open(4);
	worker = choice_worker(ADDR_V4, m.client, 4);
	cr_assert_not(seen_take((worker + 1) % 4, &m, now));
	cr_assert(seen_take(worker, &m, now));
	cr_assert_eq(seen_places(), SEEN_NAMES);
}
