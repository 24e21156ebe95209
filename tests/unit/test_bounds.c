/* P7: what the policy can grant, against a list that is searched. */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "bounds.h"
#include "pick.h"

#define MODEL_MAX	30

static struct msg_bound
bound(const char *text, uint8_t proto, uint16_t port)
{
	struct msg_bound m = { .type = MSG_BOUND, .proto = proto,
	    .port = port };
	struct addr_net net;

	cr_assert_eq(addr_net_parse(text, strlen(text), &net), 0, "%s", text);
	m.family = net.base.family;
	m.prefix = net.prefix;
	memcpy(m.base, net.base.bytes, sizeof(m.base));
	return (m);
}

static void
add(struct bounds *b, const char *text, uint8_t proto, uint16_t port)
{
	struct msg_bound m = bound(text, proto, port);

	cr_assert_eq(bounds_add(b, &m), 0);
}

/* client NULL: this host, asked for over IPv4. */
static bool
covers(const struct bounds *b, const char *client, uint8_t proto,
    uint16_t port)
{
	struct msg_grant g = { .type = MSG_GRANT, .family = ADDR_V4,
	    .proto = proto, .port = port, .local = client == NULL,
	    .dst = { 198, 51, 100, 1 }, .label = "x" };
	struct addr a;

	if (client != NULL) {
		cr_assert_eq(addr_parse(client, strlen(client), &a), 0);
		g.family = a.family;
		memcpy(g.client, a.bytes, sizeof(g.client));
	}
	return (bounds_cover(b, &g));
}

Test(bounds, P7_empty_covers_nothing)
{
	struct bounds *b = bounds_new();

	cr_assert_not(covers(b, "0.0.0.0", IPPROTO_TCP, 443));
	cr_assert_not(covers(b, "192.0.2.1", IPPROTO_TCP, 443));
	cr_assert_not(covers(b, "::", IPPROTO_UDP, 1));
	cr_assert_not(covers(b, NULL, IPPROTO_TCP, 443));
	free(b);
}

/* A reload uses the bounds of the policy before the last one again. */
Test(bounds, P7_cleared_covers_nothing)
{
	struct bounds *b = bounds_new();
	unsigned int i, round;

	for (round = 1; round <= 4; round++) {
		bounds_clear(b);
		add(b, "198.51.100.0/24", IPPROTO_UDP, 53);
		cr_assert(covers(b, "198.51.100.1", IPPROTO_UDP, 53));
		cr_assert_not(covers(b, "192.0.2.1", IPPROTO_TCP, 53));
		for (i = 1; i < BOUNDS_MAX; i++)
			add(b, "192.0.2.0/24", IPPROTO_TCP, (uint16_t)i);
		cr_assert(covers(b, "198.51.100.1", IPPROTO_UDP, 53));
		cr_assert(covers(b, "192.0.2.1", IPPROTO_TCP, 53));
	}
	free(b);
}

Test(bounds, P7_subnet_protocol_and_port_together)
{
	struct bounds *b = bounds_new();

	add(b, "192.0.2.0/25", IPPROTO_TCP, 443);
	add(b, "192.0.2.1", IPPROTO_UDP, 53);
	add(b, "2001:db8::/32", IPPROTO_TCP, 80);
	cr_assert(covers(b, "192.0.2.0", IPPROTO_TCP, 443));
	cr_assert(covers(b, "192.0.2.127", IPPROTO_TCP, 443));
	cr_assert_not(covers(b, "192.0.2.128", IPPROTO_TCP, 443));
	cr_assert_not(covers(b, "192.0.1.255", IPPROTO_TCP, 443));
	cr_assert_not(covers(b, "192.0.2.1", IPPROTO_UDP, 443));
	cr_assert_not(covers(b, "192.0.2.1", IPPROTO_TCP, 444));
	cr_assert_not(covers(b, "192.0.2.1", IPPROTO_TCP, 53));
	cr_assert(covers(b, "192.0.2.1", IPPROTO_UDP, 53));
	cr_assert_not(covers(b, "192.0.2.2", IPPROTO_UDP, 53));
	cr_assert(covers(b, "2001:db8:ffff::1", IPPROTO_TCP, 80));
	cr_assert_not(covers(b, "2001:db9::", IPPROTO_TCP, 80));
	cr_assert_not(covers(b, "2001:db8::", IPPROTO_TCP, 443));
	/* The same bytes in the other family. */
	cr_assert_not(covers(b, "c000:201::", IPPROTO_TCP, 443));
	free(b);
}

Test(bounds, P7_ends_of_the_prefix_lengths)
{
	struct bounds *b = bounds_new();

	add(b, "0.0.0.0/0", IPPROTO_TCP, 1);
	add(b, "2001:db8::1/128", IPPROTO_UDP, 65535);
	cr_assert(covers(b, "0.0.0.0", IPPROTO_TCP, 1));
	cr_assert(covers(b, "255.255.255.255", IPPROTO_TCP, 1));
	cr_assert_not(covers(b, "::", IPPROTO_TCP, 1));
	cr_assert(covers(b, "2001:db8::1", IPPROTO_UDP, 65535));
	cr_assert_not(covers(b, "2001:db8::", IPPROTO_UDP, 65535));
	cr_assert_not(covers(b, "2001:db8::2", IPPROTO_UDP, 65535));
	free(b);
}

Test(bounds, P7_coarsened_covers_all_of_its_subnet)
{
	struct bounds *b = bounds_new();

	add(b, "192.0.2.0/24", 0, 0);
	cr_assert(covers(b, "192.0.2.9", IPPROTO_TCP, 1));
	cr_assert(covers(b, "192.0.2.9", IPPROTO_UDP, 65535));
	cr_assert_not(covers(b, "192.0.3.9", IPPROTO_TCP, 1));
	cr_assert_not(covers(b, NULL, IPPROTO_TCP, 1));
	free(b);
}

/* G5: this host may what a rule for a loopback address says. */
Test(bounds, G5_this_host)
{
	static const struct {
		const char *net;
		bool local;
	} nets[] = {
		{ "127.0.0.1", true }, { "127.0.0.0/8", true },
		{ "127.255.255.255", true }, { "127.128.0.0/9", true },
		{ "126.0.0.0/7", true }, { "0.0.0.0/0", true },
		{ "0.0.0.0/1", true }, { "128.0.0.0/1", false },
		{ "126.0.0.0/8", false }, { "128.0.0.0/8", false },
		{ "::1", true }, { "::/127", true }, { "::/0", true },
		{ "::", false }, { "::2/127", false }, { "::/128", false },
		{ "7f00::/8", false }, { "8000::/1", false },
	};
	struct bounds *b;
	size_t i;

	for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		b = bounds_new();
		add(b, nets[i].net, IPPROTO_TCP, 443);
		cr_assert_eq(covers(b, NULL, IPPROTO_TCP, 443),
		    nets[i].local, "%s", nets[i].net);
		cr_assert_not(covers(b, NULL, IPPROTO_TCP, 80));
		cr_assert_not(covers(b, NULL, IPPROTO_UDP, 443));
		/* Nobody else becomes local by it. */
		cr_assert_not(covers(b, "172.16.0.1", IPPROTO_UDP, 443));
		free(b);
	}
}

Test(bounds, P7_no_more_than_the_maximum)
{
	struct bounds *b = bounds_new();
	/* Each touches loopback, so each takes two entries. */
	struct msg_bound m = bound("127.0.0.0/8", IPPROTO_TCP, 1);
	unsigned int i;

	for (i = 0; i < BOUNDS_MAX; i++) {
		m.base[1] = 0;
		m.proto = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
		m.port = (uint16_t)(1 + i / 2);
		cr_assert_eq(bounds_add(b, &m), 0, "number %u", i);
	}
	cr_assert_eq(bounds_add(b, &m), -1);
	cr_assert(covers(b, "127.0.0.1", IPPROTO_UDP, 1));
	cr_assert(covers(b, NULL, IPPROTO_TCP, 32768));
	cr_assert_not(covers(b, NULL, IPPROTO_TCP, 32769));
	free(b);
}

/* The same one again and again counts, but takes no room. */
Test(bounds, P7_repeated)
{
	struct bounds *b = bounds_new();
	struct msg_bound m = bound("127.0.0.1", IPPROTO_TCP, 443);
	unsigned int i;

	for (i = 0; i < BOUNDS_MAX; i++)
		cr_assert_eq(bounds_add(b, &m), 0);
	cr_assert_eq(bounds_add(b, &m), -1);
	cr_assert(covers(b, "127.0.0.1", IPPROTO_TCP, 443));
	cr_assert(covers(b, NULL, IPPROTO_TCP, 443));
	free(b);
}

/* Few bits that differ, so that much coincides. */
static void
random_addr(struct addr *a)
{
	memset(a, 0, sizeof(*a));
	a->family = pick(2) ? ADDR_V4 : ADDR_V6;
	a->bytes[0] = (uint8_t)(126 + pick(3));
	a->bytes[1] = (uint8_t)(pick(2) << 7);
	a->bytes[addr_len(a->family) - 1] = (uint8_t)pick(3);
}

static void
random_bound(struct msg_bound *m)
{
	static const uint8_t lengths[] = { 0, 1, 7, 8, 9, 30, 31, 32, 33,
	    127, 128 };
	struct addr a;

	random_addr(&a);
	if (pick(4) == 0)
		memset(a.bytes, 0, sizeof(a.bytes) - 1);
	memset(m, 0, sizeof(*m));
	m->type = MSG_BOUND;
	m->family = a.family;
	m->prefix = lengths[pick(a.family == ADDR_V4 ? 8 : 11)];
	addr_mask(&a, m->prefix);
	memcpy(m->base, a.bytes, sizeof(m->base));
	if (pick(8) > 0) {
		m->proto = pick(2) ? IPPROTO_TCP : IPPROTO_UDP;
		m->port = (uint16_t)(1 + pick(3));
	}
}

static bool
model_covers(const struct msg_bound *m, const struct msg_grant *g)
{
	struct addr_net net = { { m->family, { 0 } }, m->prefix };
	struct addr client = { g->family, { 0 } };
	struct addr v4_loopback = { ADDR_V4, { 127 } };
	struct addr v6_loopback = { ADDR_V6, { [15] = 1 } };

	memcpy(net.base.bytes, m->base, sizeof(m->base));
	memcpy(client.bytes, g->client, sizeof(g->client));
	if (m->port != 0 && (m->proto != g->proto || m->port != g->port))
		return (false);
	if (!g->local)
		return (addr_in_net(&client, &net));
	return (addr_in_net(&v4_loopback, &net) ||
	    addr_in_net(&v6_loopback, &net) || addr_is_loopback(&net.base));
}

Test(bounds, P7_agrees_with_the_model)
{
	struct msg_bound model[MODEL_MAX];
	struct msg_grant g;
	struct addr client;
	struct bounds *b;
	unsigned int round, i, n, ask;
	bool want;

	for (round = 0; round < 300; round++) {
		b = bounds_new();
		n = pick(MODEL_MAX + 1);
		for (i = 0; i < n; i++) {
			random_bound(&model[i]);
			cr_assert_eq(bounds_add(b, &model[i]), 0);
		}
		for (ask = 0; ask < 100; ask++) {
			memset(&g, 0, sizeof(g));
			random_addr(&client);
			g.family = client.family;
			g.local = pick(4) == 0;
			if (!g.local)
				memcpy(g.client, client.bytes, 16);
			g.proto = pick(2) ? IPPROTO_TCP : IPPROTO_UDP;
			g.port = (uint16_t)(1 + pick(3));
			for (want = false, i = 0; i < n; i++)
				want |= model_covers(&model[i], &g);
			cr_assert_eq(bounds_cover(b, &g), want,
			    "round %u, question %u", round, ask);
		}
		free(b);
	}
}
