/* Addresses and subnets as bytes and as text. */
#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"

/* addr_parse() of a copy of exactly its length, for AddressSanitizer. */
static int
parse(const char *text, size_t len, struct addr *out)
{
	char *copy = malloc(len);
	int r;

	if (len > 0)
		memcpy(copy, text, len);
	r = addr_parse(copy, len, out);
	free(copy);
	return (r);
}

static int
net_parse(const char *text, struct addr_net *out)
{
	size_t len = strlen(text);
	char *copy = malloc(len);
	int r;

	if (len > 0)
		memcpy(copy, text, len);
	r = addr_net_parse(copy, len, out);
	free(copy);
	return (r);
}

static struct addr
addr(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0, "%s", text);
	return (a);
}

Test(addr, lengths)
{
	unsigned int family;

	for (family = 0; family < 256; family++)
		cr_assert_eq(addr_len((uint8_t)family), family == 4 ? 4 :
		    family == 6 ? 16 : 0, "family %u", family);
}

/* RFC 5952: what is parsed from any form is printed in the canonical one. */
Test(addr, text_is_canonical)
{
	static const char *const texts[][2] = {
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "192.0.2.1", "192.0.2.1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "0:0:0:0:0:0:0:1", "::1" },
		{ "2001:DB8::A", "2001:db8::a" },
		{ "2001:0db8:0000:0000:0001:0000:0000:0001",
		    "2001:db8::1:0:0:1" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" },
		{ "::ffff:192.0.2.1", "::ffff:192.0.2.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	char text[ADDR_TEXT_MAX];
	struct addr a;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert_eq(parse(texts[i][0], strlen(texts[i][0]), &a), 0,
		    "%s", texts[i][0]);
		cr_assert_eq(a.family, strchr(texts[i][0], ':') != NULL ?
		    ADDR_V6 : ADDR_V4);
		cr_assert_str_eq(addr_print(&a, text), texts[i][1]);
	}
}

Test(addr, text_that_is_none)
{
	static const char *const texts[] = {
		"", " ", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.-4",
		"01.2.3.4", "1.2.3.04", "00.0.0.0", "0x1.2.3.4", "1.2.3.4 ",
		" 1.2.3.4", "1.2.3.4:53", "1..3.4", "1.2.3.", ".1.2.3.4",
		":", ":::", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9", "fe80::1%lo", "[::1]", "::1.2.3",
		"::1.2.3.04", "::1 ", "localhost",
		"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555",
		"0000000000000000000000000000000000000000000000000001",
	};
	struct addr a;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert_eq(parse(texts[i], strlen(texts[i]), &a), -1, "%s",
		    texts[i]);
		cr_assert_eq(a.family, 0, "%s", texts[i]);
	}
	cr_assert_eq(parse("1.2.3.4\0", 8, &a), -1);
	cr_assert_eq(parse("1.2\0.3.4", 8, &a), -1);
	/* Only the octets that were given count. */
	cr_assert_eq(parse("1.2.3.45", 7, &a), 0);
	cr_assert_eq(a.bytes[3], 4);
}

Test(addr, A1_subnets_around_the_mapped_ones)
{
	char text[64];
	struct addr_net net;
	int prefix;

	for (prefix = 0; prefix <= 129; prefix++) {
		sprintf(text, "::ffff:10.34.3.1/%d", prefix);
		cr_assert_eq(net_parse(text, &net), prefix > 128 ? -1 :
		    prefix < 96 && prefix > 0 ? ADDR_MAPPED : 0, "%s", text);
		sprintf(text, "::/%d", prefix);
		cr_assert_eq(net_parse(text, &net), prefix > 128 ? -1 :
		    prefix <= 80 && prefix > 0 ? ADDR_MAPPED : 0, "%s", text);
	}
	cr_assert_eq(net_parse("::/0", &net), 0);
	cr_assert(net.base.family == ADDR_V6 && net.prefix == 0);
}

Test(addr, unmap)
{
	static const char *const pairs[][2] = {
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:0:0", "0.0.0.0" }, { "::192.0.2.1", "::192.0.2.1" },
		{ "::fffe:c000:201", "::fffe:c000:201" },
		{ "192.0.2.1", "192.0.2.1" }, { "::", "::" },
	};
	struct addr a, want;
	size_t i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		a = addr(pairs[i][0]);
		want = addr(pairs[i][1]);
		addr_unmap(&a);
		cr_assert(addr_equal(&a, &want), "%s", pairs[i][0]);
	}
}

Test(addr, A1_subnets_are_masked)
{
	static const struct {
		const char *text, *base;
		uint8_t prefix;
	} nets[] = {
		{ "10.34.3.0/16", "10.34.0.0", 16 },
		{ "10.34.3.1", "10.34.3.1", 32 },
		{ "10.34.3.1/32", "10.34.3.1", 32 },
		{ "10.34.3.1/31", "10.34.3.0", 31 },
		{ "10.34.3.1/1", "0.0.0.0", 1 },
		{ "255.255.255.255/0", "0.0.0.0", 0 },
		{ "255.255.255.255/9", "255.128.0.0", 9 },
		{ "2001:db8::1", "2001:db8::1", 128 },
		{ "2001:db8:ffff::1/33", "2001:db8:8000::", 33 },
		{ "2001:db8::1/128", "2001:db8::1", 128 },
		{ "2001:db8::1/127", "2001:db8::", 127 },
		{ "ffff::/0", "::", 0 },
		{ "::ffff:10.34.3.1", "10.34.3.1", 32 },
		{ "::ffff:10.34.3.1/128", "10.34.3.1", 32 },
		{ "::ffff:10.34.3.1/112", "10.34.0.0", 16 },
		{ "::ffff:a22:301/97", "0.0.0.0", 1 },
		{ "::ffff:10.34.3.1/96", "0.0.0.0", 0 },
		{ "::10.34.3.1/96", "::", 96 },
		{ "::fffe:0:0/96", "::fffe:0:0", 96 },
		{ "::ffff:0:0:0/96", "::ffff:0:0:0", 96 },
		{ "8000::/1", "8000::", 1 },
	};
	struct addr_net net;
	struct addr base;
	size_t i;

	for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		cr_assert_eq(net_parse(nets[i].text, &net), 0, "%s",
		    nets[i].text);
		base = addr(nets[i].base);
		cr_assert(addr_equal(&net.base, &base), "%s", nets[i].text);
		cr_assert_eq(net.prefix, nets[i].prefix, "%s", nets[i].text);
	}
}

Test(addr, A1_subnets_that_are_none)
{
	static const char *const texts[] = {
		"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/+1", "10.0.0.0/08", "10.0.0.0/00", "10.0.0.0/8 ",
		"10.0.0.0/ 8", "10.0.0.0 /8", "10.0.0.0/8/8", "10.0.0.0/a",
		"10.0.0.0/1000", "10.0.0.0/255.0.0.0", "10.0.0/8", "::/129",
		"::/1280", "::/256", "::/4294967296",
	};
	struct addr_net net;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_eq(net_parse(texts[i], &net), -1, "%s", texts[i]);
}

static bool
bit(const struct addr *a, unsigned int n)
{
	return (n / 8 < sizeof(a->bytes) &&
	    (a->bytes[n / 8] & 0x80 >> n % 8) != 0);
}

/* Every prefix length, bit by bit. */
Test(addr, mask_clears_what_is_behind)
{
	struct addr a;
	unsigned int prefix, n;

	for (prefix = 0; prefix <= 300; prefix++) {
		memset(&a, 0xff, sizeof(a));
		addr_mask(&a, prefix);
		cr_assert_eq(a.family, 0xff);
		for (n = 0; n < 128; n++)
			cr_assert_eq(bit(&a, n), n < prefix, "bit %u of /%u",
			    n, prefix);
	}
}

/* An address that differs from the base in one bit only. */
Test(addr, in_net_looks_at_the_prefix_only)
{
	static const uint8_t families[] = { ADDR_V4, ADDR_V6 };
	struct addr_net net;
	struct addr a;
	unsigned int f, prefix, n, bits;

	for (f = 0; f < 2; f++) {
		bits = 8 * (unsigned int)addr_len(families[f]);
		for (prefix = 0; prefix <= bits; prefix++) {
			net.base = addr(f == 0 ? "172.21.85.170" :
			    "2001:db8:5555:aaaa::1234:5678");
			a = net.base;
			net.prefix = (uint8_t)prefix;
			addr_mask(&net.base, prefix);
			cr_assert(addr_in_net(&a, &net));
			for (n = 0; n < bits; n++) {
				a.bytes[n / 8] ^= (uint8_t)(0x80 >> n % 8);
				cr_assert_eq(addr_in_net(&a, &net),
				    n >= prefix, "bit %u of /%u", n, prefix);
				a.bytes[n / 8] ^= (uint8_t)(0x80 >> n % 8);
			}
			a.family ^= ADDR_V4 ^ ADDR_V6;
			cr_assert_not(addr_in_net(&a, &net));
		}
	}
}

Test(addr, loopback_and_its_neighbours)
{
	static const struct {
		const char *text;
		bool is;
	} all[] = {
		{ "126.255.255.255", false }, { "127.0.0.0", true },
		{ "127.0.0.1", true }, { "127.255.255.255", true },
		{ "128.0.0.0", false }, { "::", false }, { "::1", true },
		{ "::2", false }, { "7f00::1", false }, { "1::1", false },
	};
	struct addr a;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		a = addr(all[i].text);
		cr_assert_eq(addr_is_loopback(&a), all[i].is, "%s",
		    all[i].text);
	}
	memset(&a, 0, sizeof(a));
	a.bytes[15] = 1;
	cr_assert_not(addr_is_loopback(&a), "no family");
}

Test(addr, equal_is_all_of_it)
{
	struct addr a = addr("2001:db8::1"), b = a;
	size_t i;

	cr_assert(addr_equal(&a, &b));
	for (i = 0; i < sizeof(b.bytes); i++) {
		b.bytes[i] ^= 1;
		cr_assert_not(addr_equal(&a, &b), "byte %zu", i);
		b.bytes[i] ^= 1;
	}
	b.family = ADDR_V4;
	cr_assert_not(addr_equal(&a, &b));
}

Test(addr, to_sockaddr_and_back)
{
	static const char *const texts[] = { "192.0.2.1", "2001:db8::1" };
	struct sockaddr_storage ss;
	struct addr a, b;
	uint16_t port;
	size_t i;

	for (i = 0; i < 2; i++) {
		a = addr(texts[i]);
		cr_assert_eq(addr_to_sockaddr(&a, 0x1234, 0, &ss), i == 0 ?
		    sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
		cr_assert_eq(ss.ss_family, i == 0 ? AF_INET : AF_INET6);
		cr_assert_eq(addr_from_sockaddr((struct sockaddr *)&ss, &b,
		    &port), 0);
		cr_assert(addr_equal(&a, &b));
		cr_assert_eq(port, 0x1234);
		cr_assert_eq(addr_from_sockaddr((struct sockaddr *)&ss, &b,
		    NULL), 0);
		cr_assert(addr_equal(&a, &b));
	}
}

/* RFC 4291 2.5.5.2: how [::] sees an IPv4 client. */
Test(addr, mapped_client_is_ipv4)
{
	struct addr mapped = addr("::ffff:127.0.0.1"), v4 = addr("127.0.0.1");
	struct sockaddr_storage ss;
	struct addr out;
	uint16_t port;

	addr_to_sockaddr(&mapped, 53, 0, &ss);
	cr_assert_eq(ss.ss_family, AF_INET6);
	cr_assert_eq(addr_from_sockaddr((struct sockaddr *)&ss, &out, &port),
	    0);
	cr_assert(addr_equal(&out, &v4));
	cr_assert_eq(port, 53);
	/* Compatible (2.5.5.1) is not mapped. */
	mapped = addr("::127.0.0.1");
	addr_to_sockaddr(&mapped, 53, 0, &ss);
	addr_from_sockaddr((struct sockaddr *)&ss, &out, &port);
	cr_assert_eq(out.family, ADDR_V6);
}

Test(addr, other_families_are_none)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char text[ADDR_TEXT_MAX];
	struct addr out;
	uint16_t port = 7;

	cr_assert_eq(addr_from_sockaddr((struct sockaddr *)&un, &out, &port),
	    -1);
	cr_assert_eq(out.family, 0);
	cr_assert_eq(port, 7);
	cr_assert_str_eq(addr_print(&out, text), "?");
}
