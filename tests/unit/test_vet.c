/* The worker's list of addresses that are never granted (G8). */
#include <criterion/criterion.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "dns/vet.h"

#define NETS_MAX	8

struct nets {
	struct addr_net	net[NETS_MAX];
	size_t		n;
};

static struct nets deny, allow;
static struct addr own[NETS_MAX];	/* sorted */
static size_t nown;

static struct addr
address(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0, "%s", text);
	return (a);
}

static void
add(struct nets *nets, const char *text)
{
	cr_assert_lt(nets->n, NETS_MAX);
	cr_assert_eq(addr_net_parse(text, strlen(text),
	    &nets->net[nets->n++]), 0, "%s", text);
}

static bool
is_forbidden(const struct addr *a)
{
	const struct dns_vet vet = { .deny = deny.net, .ndeny = deny.n,
	    .allow = allow.net, .nallow = allow.n, .own = own, .nown = nown };

	return (dns_vet_forbidden(a, &vet));
}

static void
add_own(const char *text)
{
	cr_assert_lt(nown, NETS_MAX);
	own[nown++] = address(text);
	qsort(own, nown, sizeof(own[0]), dns_vet_order);
}

static void
expect(bool want, const char *text)
{
	const struct addr a = address(text);

	cr_expect_eq(is_forbidden(&a), want, "%s: %s", text,
	    want ? "is let through" : "is forbidden");
}

/* The first and the last address of each range, and their neighbours. */
Test(vet, G8_ipv4)
{
	expect(true, "0.0.0.0");
	expect(true, "0.255.255.255");
	expect(false, "1.0.0.0");
	expect(false, "126.255.255.255");
	expect(true, "127.0.0.0");
	expect(true, "127.0.0.53");
	expect(true, "127.255.255.255");
	expect(false, "128.0.0.0");
	expect(false, "169.253.255.255");
	expect(true, "169.254.0.0");
	expect(true, "169.254.169.254");
	expect(true, "169.254.255.255");
	expect(false, "169.255.0.0");
	expect(false, "223.255.255.255");
	expect(true, "224.0.0.0");
	expect(true, "239.255.255.255");
	expect(true, "240.0.0.0");
	expect(true, "255.255.255.255");
	expect(false, "192.0.2.1");
}

/* What is inside is for --deny-answer to say. */
Test(vet, G8_private_addresses_are_the_operators)
{
	expect(false, "10.0.0.1");
	expect(false, "172.16.0.1");
	expect(false, "192.168.1.1");
	expect(false, "fd00::1");
}

Test(vet, G8_ipv6)
{
	expect(true, "::");
	expect(true, "::1");
	expect(false, "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect(true, "fe80::");
	expect(true, "fe80::1");
	expect(true, "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect(false, "fec0::");
	expect(false, "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect(true, "ff00::");
	expect(true, "ff02::1");
	expect(true, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	expect(false, "2001:db8::1");
	/* The bytes of 127.0.0.1, in another family. */
	expect(false, "7f00:1::");
}

/* RFC 4291 2.5.5 */
Test(vet, G8_mapped_and_compatible)
{
	expect(true, "::ffff:127.0.0.1");
	expect(true, "::ffff:0.0.0.0");
	expect(true, "::ffff:169.254.169.254");
	expect(true, "::ffff:224.0.0.1");
	expect(true, "::ffff:255.255.255.255");
	expect(false, "::ffff:192.0.2.1");
	expect(true, "::127.0.0.1");
	expect(true, "::169.254.1.1");
	expect(true, "::0.0.0.2");
	expect(false, "::192.0.2.1");
	expect(false, "::1:0:127.0.0.1");
	expect(false, "::fffe:127.0.0.1");
}

/* RFC 6052 2.1, RFC 3056, RFC 4380 4 */
Test(vet, G8_nat64_6to4_teredo)
{
	expect(true, "64:ff9b::127.0.0.1");
	expect(true, "64:ff9b::0.0.0.0");
	expect(true, "64:ff9b::169.254.169.254");
	expect(false, "64:ff9b::192.0.2.1");
	expect(false, "64:ff9c::127.0.0.1");
	expect(false, "64:ff9b::1:0:127.0.0.1");
	expect(true, "2002:7f00:1::");
	expect(true, "2002:7f00:1:ffff:ffff:ffff:ffff:ffff");
	expect(true, "2002:a9fe:a9fe::1");
	expect(true, "2002::1");
	expect(false, "2002:c000:201::1");
	expect(false, "2003:7f00:1::");
	/* The server; the client, whose bits are inverted; neither. */
	expect(true, "2001:0:7f00:1::3fff:fdfe");
	expect(true, "2001:0:c000:201::80ff:fffe");
	expect(false, "2001:0:c000:201::3fff:fdfe");
	expect(false, "2001:0:c000:201::7f00:1");
	expect(false, "2001:1:7f00:1::80ff:fffe");
}

/* RFC 8215: with prefixes of 48, 56, 64 and 96 bits (RFC 6052 2.2). */
Test(vet, G8_nat64_of_local_use)
{
	expect(true, "64:ff9b:1:7f00:0:100::");
	expect(true, "64:ff9b:1:aa7f:0:1::");
	expect(true, "64:ff9b:1:aabb:7f:0:100:0");
	expect(true, "64:ff9b:1:aabb::127.0.0.1");
	expect(true, "64:ff9b:1:a9fe:a9:fe00::");
	expect(true, "64:ff9b:1::169.254.169.254");
	expect(true, "64:ff9b:1::224.0.0.1");
	/* What is behind the embedded address does not save it. */
	expect(true, "64:ff9b:1:7f00:0:1ff:ffff:ffff");
	expect(true, "64:ff9b:1:aabb:7f:0:1ff:ffff");
	/* 192.0.2.1 with each length. */
	expect(false, "64:ff9b:1:c000:2:100::");
	expect(false, "64:ff9b:1:aac0:0:201::");
	expect(false, "64:ff9b:1:aabb:c0:2:100:0");
	expect(false, "64:ff9b:1:aabb::192.0.2.1");
	expect(false, "64:ff9b:1::192.0.2.1");
	expect(false, "64:ff9b:1:fffe::192.0.2.1");
	/* All four ways lead nowhere. */
	expect(true, "64:ff9b:1::");
	expect(true, "64:ff9b:1::0.0.0.1");
	expect(true, "64:ff9b:1:fffe::255.255.255.255");
	expect(true, "64:ff9b:1:ffff:ff:ffff:ffff:ffff");
	/* Another net. */
	expect(false, "64:ff9b:2::127.0.0.1");
}

/* Every form of IPv6 that embeds an IPv4 address, here 10.1.2.3. */
static void
expect_embedded(void)
{
	expect(true, "::ffff:10.1.2.3");
	expect(true, "::10.1.2.3");
	expect(true, "64:ff9b::10.1.2.3");
	expect(true, "2002:a01:203::1");
	expect(true, "2001:0:a01:203::3fff:fdfe");
	expect(true, "2001:0:c000:201::f5fe:fdfc");
	expect(true, "64:ff9b:1:a01:2:300::");
	expect(true, "64:ff9b:1:aa0a:1:203::");
	expect(true, "64:ff9b:1:aabb:a:102:300:0");
	expect(true, "64:ff9b:1:aabb::10.1.2.3");
}

Test(vet, G8_deny)
{
	add(&deny, "10.0.0.0/8");
	add(&deny, "192.0.2.7");
	add(&deny, "2001:db8::/32");
	expect(false, "9.255.255.255");
	expect(true, "10.0.0.0");
	expect(true, "10.255.255.255");
	expect(false, "11.0.0.0");
	expect(true, "192.0.2.7");
	expect(false, "192.0.2.8");
	expect(true, "2001:db8:ffff::1");
	expect(false, "2001:db9::");
	expect(true, "127.0.0.1");
}

Test(vet, G8_deny_of_what_is_embedded)
{
	add(&deny, "10.0.0.0/8");
	add(&deny, "0.0.0.0/32");
	expect_embedded();
	expect(false, "::ffff:192.0.2.1");
	/* A deny net counts also where nothing can be reached. */
	expect(true, "64:ff9b:1::192.0.2.1");
	expect(false, "64:ff9b:1:aabb:1::192.0.2.1");
}

Test(vet, G8_allow_wins)
{
	add(&deny, "10.0.0.0/8");
	add(&deny, "10.1.2.3/32");
	add(&deny, "2001:db8::/32");
	add(&allow, "10.1.0.0/16");
	add(&allow, "127.0.0.2");
	add(&allow, "2001:db8:1::/48");
	add(&allow, "fe80::1");
	expect(false, "10.1.2.3");
	expect(true, "10.2.0.0");
	expect(false, "127.0.0.2");
	expect(true, "127.0.0.1");
	expect(false, "2001:db8:1::1");
	expect(true, "2001:db8:2::1");
	expect(false, "fe80::1");
	expect(true, "fe80::2");
	/* An IPv4 address that is embedded is judged like any other. */
	expect(false, "::ffff:10.1.2.3");
	expect(false, "64:ff9b::127.0.0.2");
	expect(false, "64:ff9b:1:aabb::127.0.0.2");
	expect(false, "2002:7f00:2::1");
	expect(true, "::ffff:10.2.0.0");
	expect(true, "64:ff9b::127.0.0.1");
	/* One of the two is not excepted. */
	expect(true, "2001:0:7f00:2::80ff:fffe");
	expect(false, "2001:0:7f00:2::80ff:fffd");
}

Test(vet, G8_own)
{
	static const char *const ours[] = { "198.51.100.7", "192.0.2.1",
	    "192.0.2.255", "2001:db8::5", "192.0.2.1", "203.0.113.9",
	    "2001:db8::", "10.0.0.1" };
	size_t i, n;

	/* With none, with one, ... */
	for (n = 0; n <= sizeof(ours) / sizeof(ours[0]); n++) {
		for (i = 0; i < n; i++)
			expect(true, ours[i]);
		expect(false, "192.0.2.2");
		expect(false, "9.255.255.255");
		expect(false, "203.0.113.10");
		expect(false, "2001:db8::6");
		expect(true, "127.0.0.1");
		if (n < sizeof(ours) / sizeof(ours[0]))
			add_own(ours[n]);
	}
	/* The bytes of 192.0.2.1, in another family. */
	expect(false, "c000:201::");
}

Test(vet, G8_own_that_is_embedded)
{
	add_own("10.1.2.3");
	add_own("2001:db8::5");
	expect_embedded();
	expect(false, "::ffff:10.1.2.4");
	expect(false, "64:ff9b:1:aabb::192.0.2.1");
}

Test(vet, G8_allow_wins_over_own)
{
	add_own("10.1.2.3");
	add_own("10.1.2.4");
	add_own("2001:db8::5");
	add(&allow, "10.1.2.3");
	add(&allow, "2001:db8::5");
	expect(false, "10.1.2.3");
	expect(false, "64:ff9b::10.1.2.3");
	expect(false, "2001:db8::5");
	expect(true, "10.1.2.4");
	expect(true, "::ffff:10.1.2.4");
}

Test(vet, G8_allow_of_the_embedding_form)
{
	add(&allow, "64:ff9b::/96");
	add(&deny, "10.0.0.0/8");
	expect(false, "64:ff9b::10.0.0.1");
	expect(false, "64:ff9b::127.0.0.1");
	expect(true, "::ffff:10.0.0.1");
	expect(true, "10.0.0.1");
}

/* Of everything, of one family. */
Test(vet, G8_nets_of_length_0)
{
	add(&deny, "0.0.0.0/0");
	expect(true, "192.0.2.1");
	expect(true, "::ffff:192.0.2.1");
	expect(true, "64:ff9b:1::192.0.2.1");
	expect(false, "2001:db8::1");
	add(&allow, "::/0");
	expect(false, "::1");
	expect(false, "::ffff:192.0.2.1");
	expect(true, "192.0.2.1");
	add(&allow, "0.0.0.0/0");
	expect(false, "127.0.0.1");
}

/* Each length of a prefix, with an address inside and one bit outside. */
Test(vet, G8_every_length_of_a_net)
{
	const struct addr bases[] = { address("192.0.2.1"),
	    address("2a0d:db8:1:2:3:4:5:6") };
	unsigned int prefix, bit;
	size_t i;

	for (i = 0; i < 2; i++) {
		const unsigned int bits = 8 * (unsigned int)addr_len(
		    bases[i].family);

		for (prefix = 0; prefix <= bits; prefix++) {
			deny.n = 1;
			deny.net[0] = (struct addr_net){ bases[i],
			    (uint8_t)prefix };
			addr_mask(&deny.net[0].base, prefix);
			for (bit = 0; bit < bits; bit++) {
				struct addr a = bases[i];

				a.bytes[bit / 8] ^= (uint8_t)(0x80U >> bit % 8);
				deny.n = 0;
				/* What is reserved, or embeds that, is so anyway. */
				if (is_forbidden(&a))
					continue;
				deny.n = 1;
				cr_assert_eq(is_forbidden(&a), bit >= prefix,
				    "bit %u of /%u", bit, prefix);
			}
			cr_assert(is_forbidden(&bases[i]), "/%u", prefix);
		}
	}
}

Test(vet, G8_no_address_at_all)
{
	const struct addr none = { .family = 0 }, five = { .family = 5 };

	cr_expect(is_forbidden(&none));
	add(&allow, "0.0.0.0/0");
	add(&allow, "::/0");
	cr_expect(is_forbidden(&none));
	cr_expect(is_forbidden(&five));
}

static struct addr
embed(const struct addr *v4, const char *net, const unsigned int at[4],
    uint8_t flip)
{
	struct addr a = address(net);
	size_t i;

	for (i = 0; i < 4; i++)
		a.bytes[at[i]] = v4->bytes[i] ^ flip;
	return (a);
}

/* Each form that has one meaning says what the IPv4 address itself says. */
Test(vet, G8_embedded_like_itself)
{
	static const struct {
		const char	*net;
		unsigned int	 at[4];
		uint8_t		 flip;
	} forms[] = {
		{ "::", { 12, 13, 14, 15 }, 0 },
		{ "::ffff:0:0", { 12, 13, 14, 15 }, 0 },
		{ "64:ff9b::", { 12, 13, 14, 15 }, 0 },
		{ "2002::1234", { 2, 3, 4, 5 }, 0 },
		{ "2001:0:c000:201::", { 12, 13, 14, 15 }, 0xff },
		{ "2001::3fff:fdfe", { 4, 5, 6, 7 }, 0 },
	};
	struct addr v4 = { .family = ADDR_V4 }, v6;
	unsigned int round, i;

	add(&deny, "10.0.0.0/8");
	add(&deny, "203.0.113.0/24");
	add(&allow, "127.0.0.0/9");
	srandom(1);
	for (round = 0; round < 20000; round++) {
		for (i = 0; i < 4; i++)
			v4.bytes[i] = (uint8_t)random();
		if (round % 2 == 0)
			v4.bytes[0] = (uint8_t[]){ 0, 10, 127, 169, 203, 224,
			    240, 255 }[round / 2 % 8];
		if (round % 4 == 0 && v4.bytes[0] == 169)
			v4.bytes[1] = 254;
		for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
			v6 = embed(&v4, forms[i].net, forms[i].at,
			    forms[i].flip);
			cr_assert_eq(is_forbidden(&v6), is_forbidden(&v4),
			    "%s with %u.%u.%u.%u", forms[i].net, v4.bytes[0],
			    v4.bytes[1], v4.bytes[2], v4.bytes[3]);
		}
	}
}
