/* Which query is one that comes again (D24). */
#include <criterion/criterion.h>

#include <arpa/inet.h>

#include <string.h>

#include "hash.h"
#include "serve/again.h"

/* Header (id 0x1234), www.x, A, IN. */
static const uint8_t wire[] = "\x12\x34\x01\0\0\1\0\0\0\0\0\0" "\3www\1x\0"
    "\0\1\0\1";
#define LEN	(sizeof(wire) - 1)

static struct request first;
static uint32_t place;
static struct addr addr = { .family = ADDR_V4, .bytes = { 10, 0, 0, 1 } };
static struct asker from = { .peer.in = { .sin_family = AF_INET,
    .sin_port = 4711 } };

static struct request *
find(const uint8_t *msg)
{
	struct request r = { .client = addr, .from = from, .msg = msg };

	cr_assert_eq(dns_query_parse(msg, LEN, &r.dns), DNS_OK);
	return (again_find(&r, &place));
}

static void
set_up(void)
{
	hash_init();
	again_init(1);
	first.client = addr;
	first.from = from;
	first.msg = wire;
	cr_assert_eq(dns_query_parse(wire, LEN, &first.dns), DNS_OK);
	(void)find(wire);
	again_add(&first, place);
}

TestSuite(again, .init = set_up);

Test(again, the_same_is_found_while_it_is_there)
{
	cr_assert_eq(find(wire), &first);
	again_remove(&first);
	cr_assert_null(find(wire));
}

Test(again, flags_are_not_the_question)
{
	uint8_t msg[LEN];

	memcpy(msg, wire, LEN);
	msg[3] |= 0x10;
	cr_assert_eq(find(msg), &first);
}

/* Each octet of the id and the question but the root's, one after the other. */
Test(again, another_id_or_question_is_another)
{
	static const uint8_t at[] = { 0, 1, 13, 14, 15, 17, 20, 22 };
	uint8_t msg[LEN];
	size_t i;

	for (i = 0; i < sizeof(at); i++) {
		memcpy(msg, wire, LEN);
		msg[at[i]] ^= 0x20;
		cr_assert_null(find(msg), "octet %zu", (size_t)at[i]);
	}
}

Test(again, another_asker_is_another)
{
	from.peer.in.sin_port++;
	cr_assert_null(find(wire));
	from.peer.in.sin_port--;
	from.listener++;
	cr_assert_null(find(wire));
	from.listener--;
	addr.bytes[3]++;
	cr_assert_null(find(wire));
	addr.bytes[3]--;
	from.tcp = true;
	cr_assert_null(find(wire));
}

/* One port and id for many names is no long chain: each has its own place. */
Test(again, names_with_one_port_and_id_have_places_of_their_own)
{
	enum { NAMES = 256, ENOUGH = NAMES / 4 };
	bool seen[NAMES] = { false };
	unsigned int i, places = 0;
	uint8_t msg[LEN];

	/* As many buckets as names, of which chance leaves a third empty. */
	again_init(4 * NAMES);
	memcpy(msg, wire, LEN);
	for (i = 0; i < NAMES; i++) {
		msg[13] = (uint8_t)i;
		cr_assert_null(find(msg));
		cr_assert_lt(place, NAMES);
		places += !seen[place];
		seen[place] = true;
	}
	cr_assert_gt(places, ENOUGH);
}
