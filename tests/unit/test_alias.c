/* The table of alias targets (D14): its places, shares and ends. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "names.h"
#include "serve/alias.h"
#include "serve/kin.h"
#include "serve/policy.h"
#include "work.h"

struct policy policy;

#define NOW	1000U
#define END	2000U

static void
set_up(void)
{
	hash_init();
	alias_init();
}

TestSuite(alias, .init = set_up);

static struct addr
client(unsigned int number)
{
	struct addr a = { .family = ADDR_V4, .bytes = { 10,
	    (uint8_t)(number >> 16), (uint8_t)(number >> 8),
	    (uint8_t)number } };

	return (a);
}

static void
lead(const struct addr *who, const char *target, const char *origin,
    unsigned int hops, uint64_t now, uint64_t expiry)
{
	struct dns_name t, o;

	name_from(target, &t);
	name_from(origin, &o);
	alias_remember(who, &t, &o, hops, now, expiry);
}

static void
is_of_machine(const struct addr *a, uint32_t machine)
{
	struct msg_neighbour m = { .type = MSG_NEIGHBOUR, .family = a->family,
	    .machine = machine };

	memcpy(m.client, a->bytes, sizeof(m.client));
	kin_take(&m);
}

/* Lead the client to the targets tFIRST.x to t(END - 1).x. */
static void
lead_many(unsigned int who, unsigned int first, unsigned int end)
{
	struct addr a = client(who);
	char name[32];

	for (; first < end; first++) {
		sprintf(name, "t%u.x", first);
		lead(&a, name, "www", 1, NOW, END);
	}
}

static const struct alias_origin *
find(const struct addr *who, const char *target)
{
	struct dns_name t;

	name_from(target, &t);
	return (alias_origins(who, &t, 0));
}

static unsigned int
count(unsigned int who, unsigned int first, unsigned int end)
{
	struct addr a = client(who);
	unsigned int n = 0;
	char name[32];

	for (; first < end; first++) {
		sprintf(name, "t%u.x", first);
		n += find(&a, name) != NULL;
	}
	return (n);
}

/* The end of an origin with these hops; 0: it is not there. */
static uint64_t
end_of(const struct addr *who, const char *target, const char *origin,
    unsigned int hops)
{
	const struct alias_origin *o = find(who, target);
	struct dns_name name;
	unsigned int i;

	name_from(origin, &name);
	for (i = 0; o != NULL && i < ALIAS_ORIGINS; i++)
		if (o[i].hops == hops && dns_name_identical(&o[i].name, &name))
			return (o[i].expiry);
	return (0);
}

Test(alias, D14_a_pair)
{
	struct addr a = client(1), b = client(2);

	cr_assert_null(find(&a, "shop.cdn"));
	lead(&a, "Shop.CDN", "WWW.shop", 1, NOW, END);
	cr_assert_eq(end_of(&a, "shop.cdn", "www.shop", 1), END);
	cr_assert_eq(end_of(&a, "SHOP.cdn", "www.shop", 1), END);
	cr_assert_null(find(&a, "cdn"));
	cr_assert_null(find(&a, "x.shop.cdn"));
	cr_assert_null(find(&a, "www.shop"));
	cr_assert_null(find(&b, "shop.cdn"));
	a.family = ADDR_V6;
	cr_assert_null(find(&a, "shop.cdn"));
}

Test(alias, D14_what_is_over_or_leads_to_itself_is_not_remembered)
{
	struct addr a = client(1);

	lead(&a, "t", "www", 1, NOW, NOW);
	lead(&a, "www", "WWW", 1, NOW, END);
	lead(&a, "t", "www", ALIAS_HOPS_MAX + 1, NOW, END);
	cr_assert_null(find(&a, "t"));
	cr_assert_null(find(&a, "www"));
	lead(&a, "t", "www", ALIAS_HOPS_MAX, NOW, NOW + 1);
	cr_assert_eq(end_of(&a, "t", "www", ALIAS_HOPS_MAX), NOW + 1);
}

Test(alias, D14_an_end_is_never_shortened)
{
	struct addr a = client(1);

	lead(&a, "t", "www", 1, NOW, END);
	lead(&a, "t", "www", 1, NOW, END - 1);
	cr_assert_eq(end_of(&a, "t", "www", 1), END);
	lead(&a, "t", "www", 1, NOW, END + 1);
	cr_assert_eq(end_of(&a, "t", "www", 1), END + 1);
	/* A longer way does not lengthen the shorter one. */
	lead(&a, "t", "www", 2, NOW, END + 9);
	cr_assert_eq(end_of(&a, "t", "www", 1), END + 1);
	cr_assert_eq(end_of(&a, "t", "www", 2), END + 9);
}

Test(alias, D14_a_fifth_origin_takes_the_place_that_ends_first)
{
	struct addr a = client(1);

	lead(&a, "t", "o1", 1, NOW, END + 1);
	lead(&a, "t", "o2", 1, NOW, END + 3);
	lead(&a, "t", "o3", 1, NOW, END);
	lead(&a, "t", "o4", 1, NOW, END + 2);
	cr_assert_eq(end_of(&a, "t", "o3", 1), END);
	lead(&a, "t", "o5", 1, NOW, END - 1);
	cr_assert_eq(end_of(&a, "t", "o3", 1), 0);
	cr_assert_eq(end_of(&a, "t", "o1", 1), END + 1);
	cr_assert_eq(end_of(&a, "t", "o2", 1), END + 3);
	cr_assert_eq(end_of(&a, "t", "o4", 1), END + 2);
	cr_assert_eq(end_of(&a, "t", "o5", 1), END - 1);
}

Test(alias, D14_a_share)
{
	lead_many(2, 0, 1);
	lead_many(1, 0, ALIAS_SHARE);
	cr_assert_eq(count(1, 0, ALIAS_SHARE), ALIAS_SHARE);
	/* The first becomes the youngest, the second goes. */
	lead_many(1, 0, 1);
	lead_many(1, ALIAS_SHARE, ALIAS_SHARE + 1);
	cr_assert_eq(count(1, 0, 1), 1);
	cr_assert_eq(count(1, 1, 2), 0);
	cr_assert_eq(count(1, 0, ALIAS_SHARE + 1), ALIAS_SHARE);
	cr_assert_eq(count(2, 0, 1), 1);
}

Test(alias, D14_an_ipv6_client_is_its_64)
{
	struct addr a = { .family = ADDR_V6, .bytes = { 0x20, 1, 0xd, 0xb8 } };
	struct addr b = a, other = a;
	unsigned int i;
	char name[32];

	b.bytes[15] = 1;
	other.bytes[7] = 1;
	lead(&b, "first", "www", 1, NOW, END);
	lead(&other, "first", "www", 1, NOW, END);
	cr_assert_null(find(&a, "first"));
	for (i = 0; i < ALIAS_SHARE; i++) {
		cr_assert_not_null(find(&b, "first"), "%u", i);
		sprintf(name, "t%u", i);
		lead(&a, name, "www", 1, NOW, END);
	}
	cr_assert_null(find(&b, "first"));
	cr_assert_not_null(find(&other, "first"));
}

Test(alias, D22_a_full_table)
{
	unsigned int holders = ALIAS_PLACES / ALIAS_SHARE, i, left = 0;
	struct addr late = client(holders);

	for (i = 0; i < holders; i++)
		lead_many(i, 0, ALIAS_SHARE);
	/* Who has most makes room, and loses what is oldest. */
	lead(&late, "one", "www", 1, NOW, END);
	lead(&late, "two", "www", 1, NOW, END);
	lead_many(holders + 1, 0, 3);
	cr_assert_not_null(find(&late, "one"));
	cr_assert_not_null(find(&late, "two"));
	cr_assert_eq(count(holders + 1, 0, 3), 3);
	for (i = 0; i < holders; i++) {
		cr_assert_eq(count(i, 5, ALIAS_SHARE), ALIAS_SHARE - 5);
		left += count(i, 0, 5);
	}
	cr_assert_eq(left, 5 * holders - 5);
	/* What is over goes before what is not. */
	lead(&late, "three", "www", 1, END - 1, END + 1);
	late = client(holders + 2);
	lead(&late, "four", "www", 1, END, END + 1);
	cr_assert_not_null(find(&late, "four"));
	late = client(holders);
	cr_assert_not_null(find(&late, "three"));
}

/* A client gets what it is led to, whatever others hold, up to its share. */
Test(alias, D22_others_do_not_keep_a_client_out)
{
	unsigned int holders = ALIAS_PLACES / ALIAS_SHARE, i;

	for (i = 0; i < holders; i++)
		lead_many(i, 0, ALIAS_SHARE);
	lead_many(holders, 0, ALIAS_SHARE / 2);
	cr_assert_eq(count(holders, 0, ALIAS_SHARE / 2), ALIAS_SHARE / 2);
	/* And keeps it, however long they go on. */
	for (i = 0; i < holders; i++)
		lead_many(i, ALIAS_SHARE, 10 * ALIAS_SHARE);
	cr_assert_eq(count(holders, 0, ALIAS_SHARE / 2), ALIAS_SHARE / 2);
}

/* Ten times more than there is room for, of one client and of many. */
Test(alias, D14_wear)
{
	unsigned int i, n;

	lead_many(1, 0, 10 * ALIAS_PLACES);
	cr_assert_eq(count(1, 0, 10 * ALIAS_PLACES), ALIAS_SHARE);
	cr_assert_eq(count(1, 10 * ALIAS_PLACES - ALIAS_SHARE,
	    10 * ALIAS_PLACES), ALIAS_SHARE);
	for (i = 2; i < 10 * ALIAS_PLACES; i++)
		lead_many(i, 0, 1);
	for (i = 2, n = count(1, 0, 10 * ALIAS_PLACES);
	    i < 10 * ALIAS_PLACES; i++)
		n += count(i, 0, 1);
	cr_assert_eq(n, ALIAS_PLACES);
	cr_assert_eq(count(10 * ALIAS_PLACES - 1, 0, 1), 1);
	cr_assert_eq(count(2, 0, 1), 0);
	/* All is over, and again. */
	for (i = 0; i < 10 * ALIAS_PLACES; i++) {
		struct addr a = client(i);

		lead(&a, "again", "www", 1, END + i, END + i + 1);
		cr_assert_not_null(find(&a, "again"), "%u", i);
	}
}

Test(alias, D17_origins_of_what_is_below)
{
	const struct alias_origin *out[8];
	struct addr a = client(1), b = client(2);
	struct dns_name name;

	lead(&a, "a.b.c", "www", 1, NOW, END);
	lead(&a, "x.b.c", "www", 1, NOW, NOW + 1);
	lead(&a, "x.b.c", "ftp", 1, NOW, END);
	lead(&a, "ab.c", "www", 1, NOW, END);
	lead(&b, "a.b.c", "www", 1, NOW, END);
	name_from("B.c", &name);
	cr_assert_eq(alias_origins_below(&a, &name, NOW, out, 8), 3);
	cr_assert_eq(alias_origins_below(&a, &name, NOW, out, 2), 2);
	cr_assert_eq(alias_origins_below(&a, &name, NOW + 1, out, 8), 2);
	cr_assert_eq(alias_origins_below(&a, &name, END, out, 8), 0);
	cr_assert_eq(alias_origins_below(&b, &name, NOW, out, 8), 1);
	name_from("a.b.c", &name);
	cr_assert_eq(alias_origins_below(&a, &name, NOW, out, 8), 1);
	name_from("", &name);
	cr_assert_eq(alias_origins_below(&a, &name, NOW, out, 8), 4);
	name_from("z.b.c", &name);
	cr_assert_eq(alias_origins_below(&a, &name, NOW, out, 8), 0);
	b = client(3);
	cr_assert_eq(alias_origins_below(&b, &name, NOW, out, 8), 0);
}

/* Octets of a label that look like one, and names that end alike. */
Test(alias, D17_what_is_below_is_so_by_labels)
{
	static const struct dns_name target = { 9, 2, "\4ab\1c\2de" },
	    inside = { 6, 2, "\1c\2de" }, above = { 4, 1, "\2de" };
	const struct alias_origin *out[8];
	struct addr a = client(1);
	struct dns_name name;

	name_from("www", &name);
	alias_remember(&a, &target, &name, 1, NOW, END);
	cr_assert_eq(alias_origins_below(&a, &inside, NOW, out, 8), 0);
	cr_assert_eq(alias_origins_below(&a, &above, NOW, out, 8), 1);
	cr_assert_eq(alias_origins_below(&a, &target, NOW, out, 8), 1);
}

static struct addr looks;

static void
look_below(void)
{
	const struct alias_origin *out[8];
	struct dns_name name;
	unsigned int i;

	name_from("b", &name);
	for (i = 0; i < 100; i++)
		cr_assert_eq(alias_origins_below(&looks, &name, NOW, out, 8),
		    0);
}

/* Of a look by one who was led to names with so many labels. */
static uint64_t
work_below(unsigned int who, unsigned int labels)
{
	char text[2 * DNS_LABELS_MAX + 8] = "";
	unsigned int i;

	looks = client(who);
	for (i = 0; i < labels; i++)
		memcpy(text + 5 + 2 * i, ".a", 2);
	for (i = 0; i < ALIAS_SHARE; i++) {
		sprintf(text, "t%04u", i);
		text[5] = '.';
		lead(&looks, text, "www", 1, NOW, END);
	}
	return (work_of(look_below));
}

/* Any query for DS looks at all: it takes 4 us, and took 230. */
Test(alias, D21_a_look_below_walks_over_no_labels)
{
	cr_assert_lt(work_below(1, 110), 5 * work_below(2, 1));
}

/* Where one address of a machine was led, another one may ask (U11). */
Test(alias, U11_of_a_machine)
{
	const struct addr a = client(1), b = client(2), other = client(3);
	const struct alias_origin *out[8];
	const struct alias_origin *origins;
	struct dns_name t, above;

	name_from("cdn.x", &t);
	name_from("x", &above);
	lead(&a, "cdn.x", "www", 1, NOW, END);
	cr_assert_null(alias_origins(&b, &t, NOW));
	is_of_machine(&a, 7);
	is_of_machine(&b, 7);
	is_of_machine(&other, 8);
	origins = alias_origins(&b, &t, NOW);
	cr_assert_not_null(origins);
	cr_assert_eq(origins, alias_origins(&a, &t, NOW));
	cr_assert_null(alias_origins(&other, &t, NOW));
	cr_assert_null(alias_origins(&b, &t, END));
	/* What it was led to itself before does not hide what counts. */
	lead(&b, "cdn.x", "old", 1, NOW, NOW + 1);
	cr_assert_eq(alias_origins(&b, &t, NOW + 1), origins);
	/* Of the machine's share. */
	lead(&b, "below.x", "www", 1, NOW, END);
	cr_assert_geq(alias_origins_below(&a, &above, NOW + 1, out, 8), 1);
	cr_assert_eq(alias_origins_below(&other, &above, NOW, out, 8), 0);
	is_of_machine(&b, 0);
	cr_assert_null(alias_origins(&b, &t, NOW + 1));
	cr_assert_not_null(alias_origins(&a, &t, NOW + 1));
}
