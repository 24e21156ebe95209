/* G8, P7: what root's limits refuse, and what stands beside it. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "never.h"
#include "rootlimits.h"

struct expectation {
	const char	*text;
	bool		 forbidden;
};

/* With nothing denied or allowed but what G8 says. */
static struct limits limits;

static void
fill(void)
{
	never_fill(&limits);
}

TestSuite(limits, .init = fill);

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
		cr_assert_eq(limits_forbid(&limits, &a), e[i].forbidden, "%s",
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

Test(limits, G8_ipv4)
{
	check(v4, sizeof(v4) / sizeof(v4[0]));
}

Test(limits, G8_ipv6)
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
	return (limits_forbid(&limits, &a));
}

/* RFC 4291 2.5.5, RFC 6052, RFC 8215, RFC 3056. */
Test(limits, G8_embedded_ipv4)
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
Test(limits, G8_teredo)
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
Test(limits, G8_beside_the_embedding_prefixes)
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

static void
put_net(struct addr_net *nets, uint8_t *n, const char *text)
{
	cr_assert_eq(addr_net_parse(text, strlen(text), &nets[*n]), 0);
	++*n;
}

static bool
forbids(const char *text)
{
	struct addr a = addr(text);

	return (limits_forbid(&limits, &a));
}

/* --deny-answer, also inside of an IPv6 form; --allow-answer is an exception. */
Test(limits, G8_denied_and_allowed)
{
	put_net(limits.denied, &limits.ndenied, "2001:db8::/32");
	put_net(limits.denied, &limits.ndenied, "10.0.0.0/8");
	cr_assert(forbids("10.255.255.255"));
	cr_assert_not(forbids("11.0.0.0"));
	cr_assert(forbids("2001:db8:ffff::1"));
	cr_assert(forbids("64:ff9b::10.1.2.3"));
	put_net(limits.allowed, &limits.nallowed, "127.0.0.0/8");
	put_net(limits.allowed, &limits.nallowed, "10.1.2.0/24");
	cr_assert(forbids("10.1.1.255"));
	cr_assert_not(forbids("10.1.2.3"));
	cr_assert_not(forbids("127.0.0.1"));
	cr_assert_not(forbids("64:ff9b::10.1.2.3"));
	/* The form itself is allowed, whatever is inside. */
	cr_assert(forbids("64:ff9b::10.1.1.3"));
	put_net(limits.allowed, &limits.nallowed, "64:ff9b::/96");
	cr_assert_not(forbids("64:ff9b::10.1.1.3"));
}

/* The last of as many networks as there may be counts. */
Test(limits, G8_as_many_networks_as_fit)
{
	unsigned int i;
	char text[32];

	for (i = 0; i < LIMITS_NETS_MAX; i++) {
		snprintf(text, sizeof(text), "20.0.%u.0/24", i);
		put_net(limits.denied, &limits.ndenied, text);
	}
	cr_assert(forbids("20.0.63.1"));
	cr_assert_not(forbids("20.0.64.1"));
}

/* What is behind the last one is nothing. */
Test(limits, G8_no_more_networks_than_there_are)
{
	put_net(limits.denied, &limits.ndenied, "20.0.0.0/24");
	put_net(limits.denied, &limits.ndenied, "20.0.1.0/24");
	limits.ndenied--;
	cr_assert(forbids("20.0.0.1"));
	cr_assert_not(forbids("20.0.1.1"));
}

Test(limits, G8_what_is_embedded)
{
	struct addr a, out[LIMITS_EMBEDDED_MAX];

	a = addr("2001:0:c000:201::3fff:fdfd");
	cr_assert_eq(limits_embedded(&limits, &a, out), 2);
	a = addr("192.0.2.1");
	cr_assert(addr_equal(&out[0], &a));
	a = addr("192.0.2.2");
	cr_assert(addr_equal(&out[1], &a));
	cr_assert_eq(limits_embedded(&limits, &a, out), 0);
	a = addr("2001:db8::1");
	cr_assert_eq(limits_embedded(&limits, &a, out), 0);
}

/* Whatever a table says, it is no more than there is room for. */
Test(limits, G8_an_odd_table)
{
	struct addr a = addr("102:304:506:708:90a:b0c:d0e:f10");
	struct addr out[LIMITS_EMBEDDED_MAX + 1];
	const struct addr wrapped = { .family = ADDR_V4,
	    .bytes = { 15, 16, 1, 2 } };
	size_t i;

	for (i = 0; i < LIMITS_EMBEDDINGS; i++)
		limits.embeddings[i] = (struct limits_embedding){
		    .net.base.family = ADDR_V6, .offset = 14 };
	memset(out, 0x55, sizeof(out));
	cr_assert_eq(limits_embedded(&limits, &a, out), LIMITS_EMBEDDED_MAX);
	cr_assert_eq(out[LIMITS_EMBEDDED_MAX].family, 0x55);
	cr_assert(addr_equal(&out[0], &wrapped));
	/* In IPv4 nothing is embedded. */
	for (i = 0; i < LIMITS_EMBEDDINGS; i++)
		limits.embeddings[i].net.base.family = ADDR_V4;
	a = addr("192.0.2.1");
	cr_assert_eq(limits_embedded(&limits, &a, out), 0);
}

static struct order_grant
add(const char *client, const char *dst)
{
	struct addr c = addr(client), d = addr(dst);
	struct order_grant g = { .type = ORDER_ADD, .family = d.family,
	    .left = 1 };

	g.local = addr_is_loopback(&c);
	if (!g.local)
		memcpy(g.client, c.bytes, sizeof(g.client));
	memcpy(g.dst, d.bytes, sizeof(g.dst));
	return (g);
}

static enum order_code
judge(const char *client, const char *dst)
{
	struct order_grant g = add(client, dst);

	limits.left_max = 1;
	return (limits_check(&limits, &g));
}

Test(limits, P7_client_networks)
{
	cr_assert_eq(judge("203.0.113.1", "192.0.2.1"), ORDER_SENT);
	cr_assert_eq(judge("203.0.113.1", "127.0.0.1"), ORDER_FORBIDDEN);
	put_net(limits.clients, &limits.nclients, "10.0.0.0/8");
	put_net(limits.clients, &limits.nclients, "2001:db8::/32");
	cr_assert_eq(judge("203.0.113.1", "192.0.2.1"), ORDER_OUTSIDE);
	cr_assert_eq(judge("10.9.9.9", "192.0.2.1"), ORDER_SENT);
	cr_assert_eq(judge("2001:db8::9", "2001:db9::1"), ORDER_SENT);
	cr_assert_eq(judge("2001:db9::9", "2001:db9::1"), ORDER_OUTSIDE);
	/* 10.0.0.0 with zeros behind it is no IPv6 client. */
	cr_assert_eq(judge("a00::", "2001:db9::1"), ORDER_OUTSIDE);
}

/* Whether it may be a client, dnsfw has found out: its addresses are many. */
Test(limits, G5_this_host_as_a_client)
{
	cr_assert_eq(judge("127.0.0.1", "192.0.2.1"), ORDER_SENT);
	put_net(limits.clients, &limits.nclients, "0.0.0.0/0");
	cr_assert_eq(judge("127.0.0.1", "192.0.2.1"), ORDER_OUTSIDE);
	cr_assert_eq(judge("127.0.0.1", "2001:db9::1"), ORDER_OUTSIDE);
	limits.local = 1;
	cr_assert_eq(judge("127.0.0.1", "192.0.2.1"), ORDER_SENT);
	cr_assert_eq(judge("127.0.0.1", "2001:db9::1"), ORDER_SENT);
	limits.nclients = 0;
	put_net(limits.clients, &limits.nclients, "10.0.0.0/8");
	cr_assert_eq(judge("11.0.0.1", "192.0.2.1"), ORDER_OUTSIDE);
}

Test(limits, P7_the_longest_life)
{
	struct order_grant g = add("203.0.113.1", "192.0.2.1");

	limits.left_max = 5000;
	g.left = 5000;
	cr_assert_eq(limits_check(&limits, &g), ORDER_SENT);
	g.left = 5001;
	cr_assert_eq(limits_check(&limits, &g), ORDER_TOO_LONG);
	g.left = UINT32_MAX;
	cr_assert_eq(limits_check(&limits, &g), ORDER_TOO_LONG);
}
