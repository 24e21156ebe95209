/* G8: what dnsfw-priv never grants, and what stands beside it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "forbidden.h"

struct expectation {
	const char	*text;
	bool		 forbidden;
};

static struct addr
addr(const char *text)
{
	struct addr a;

	cr_assert_eq(addr_parse(text, strlen(text), &a), 0, "%s", text);
	return (a);
}

static void
check(const struct expectation *e, size_t n)
{
	struct addr a;
	size_t i;

	for (i = 0; i < n; i++) {
		a = addr(e[i].text);
		cr_assert_eq(forbidden_destination(&a), e[i].forbidden, "%s",
		    e[i].text);
	}
}

/* Both ends of each range, and both neighbours. */
static const struct expectation v4[] = {
	{ "0.0.0.0", true }, { "0.255.255.255", true },
	{ "1.0.0.0", false }, { "126.255.255.255", false },
	{ "127.0.0.0", true }, { "127.0.0.1", true },
	{ "127.255.255.255", true }, { "128.0.0.0", false },
	{ "169.253.255.255", false }, { "169.254.0.0", true },
	{ "169.254.255.255", true }, { "169.255.0.0", false },
	{ "223.255.255.255", false }, { "224.0.0.0", true },
	{ "239.255.255.255", true }, { "240.0.0.0", true },
	{ "255.255.255.254", true }, { "255.255.255.255", true },
	/* Not in the list: --deny-answer is for these. */
	{ "10.0.0.1", false }, { "172.16.0.1", false },
	{ "192.168.1.1", false }, { "100.64.0.1", false },
	{ "192.0.2.1", false }, { "198.51.100.1", false },
};

Test(forbidden, G8_ipv4)
{
	check(v4, sizeof(v4) / sizeof(v4[0]));
}

Test(forbidden, G8_ipv6)
{
	static const struct expectation v6[] = {
		{ "::", true }, { "::1", true },
		{ "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
		{ "fe80::", true }, { "fe80::1", true },
		{ "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
		{ "fec0::", false },
		{ "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false },
		{ "ff00::", true }, { "ff02::1", true },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true },
		{ "2001:db8::1", false }, { "2606:4700::1111", false },
		{ "fd00::1", false }, { "1::", false }, { "100::1", false },
	};

	check(v6, sizeof(v6) / sizeof(v6[0]));
}

/* "HEAD" and the IPv4 address as two groups, and "TAIL". */
static bool
embedded(const char *head, const struct addr *inner, uint8_t invert,
    const char *tail)
{
	char text[80];
	struct addr a;
	uint8_t b[4];
	size_t i;

	for (i = 0; i < 4; i++)
		b[i] = inner->bytes[i] ^ invert;
	snprintf(text, sizeof(text), "%s%02x%02x:%02x%02x%s", head, b[0],
	    b[1], b[2], b[3], tail);
	a = addr(text);
	return (forbidden_destination(&a));
}

/* RFC 4291 2.5.5, RFC 6052, RFC 8215, RFC 3056. */
Test(forbidden, G8_embedded_ipv4)
{
	static const char *const forms[][2] = {
		{ "::", "" }, { "::ffff:", "" }, { "64:ff9b::", "" },
		{ "64:ff9b:1::", "" }, { "64:ff9b:1:ffff:ffff:ffff:", "" },
		{ "2002:", "::" }, { "2002:", ":ffff:ffff:ffff:ffff:ffff" },
	};
	struct addr inner;
	size_t f, i;

	for (f = 0; f < sizeof(forms) / sizeof(forms[0]); f++)
		for (i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
			inner = addr(v4[i].text);
			cr_assert_eq(embedded(forms[f][0], &inner, 0,
			    forms[f][1]), v4[i].forbidden, "%s%s%s",
			    forms[f][0], v4[i].text, forms[f][1]);
		}
}

/* RFC 4380 4: the server as it is, the client with all bits inverted. */
Test(forbidden, G8_teredo)
{
	const struct addr fine = addr("192.0.2.1");
	struct addr inner;
	size_t i;

	for (i = 0; i < sizeof(v4) / sizeof(v4[0]); i++) {
		inner = addr(v4[i].text);
		/* With 192.0.2.1 as client, inverted. */
		cr_assert_eq(embedded("2001:0:", &inner, 0,
		    ":0:0:3fff:fdfe"), v4[i].forbidden, "server %s",
		    v4[i].text);
		/* With 192.0.2.1 as server. */
		cr_assert_eq(embedded("2001:0:c000:201:0:0:", &inner, 0xff,
		    ""), v4[i].forbidden, "client %s", v4[i].text);
	}
	cr_assert_not(embedded("2001:0:c000:201:0:0:", &fine, 0xff, ""));
}

/* Beside the prefixes of the embedding forms nothing is embedded. */
Test(forbidden, G8_beside_the_embedding_prefixes)
{
	static const struct expectation beside[] = {
		{ "::1:127.0.0.1", false }, { "::fffe:127.0.0.1", false },
		{ "::ffff:0:127.0.0.1", false },
		{ "64:ff9a::127.0.0.1", false },
		{ "64:ff9b::1:127.0.0.1", false },
		{ "64:ff9b:2::127.0.0.1", false },
		{ "64:ff9c::127.0.0.1", false },
		{ "2001:1:7f00:1::", false }, { "2003:7f00:1::", false },
		{ "2000:ffff:7f00:1::", false },
	};

	check(beside, sizeof(beside) / sizeof(beside[0]));
}
