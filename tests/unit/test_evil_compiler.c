/*
 * An evil compiler on the real helper's channel, and the real kernel (P7): bounds
 * that are nearly right.  The helper ends as order.h says, or holds to the bounds
 * that were committed, which is judged by what it refuses and by what the ordinary
 * tools list.  DNSFW_EVIL_COMPILER has another number of policies for each backend.
 */
#include "evil_kernel.h"

#define EVIL_DEFAULT	100
#define GENERATIONS	100	/* between two looks at the listings */
#define MOST		100	/* bounds of a policy */
#define GRANTS		16	/* that are asked for under each */

/* A policy, and whether the helper is still there. */
static struct policy {
	struct order_bound at[MOST];
	size_t		n;
} policies[GENERATIONS], *policy;

static struct {
	unsigned long	policies, records, bounds, done, refused, seen;
	unsigned long	ended[ORDER_END_LIMIT - ORDER_END_EOF];
} sum;

/* What it said so far: what order.h says of it. */
static struct order_bound last;
static uint32_t came;
static enum order_end end;	/* 0: it goes on */
static uint32_t detail;

static int
compare(const void *a, const void *b)
{
	return (memcmp((const char *)a + 1, (const char *)b + 1,
	    sizeof(struct order_bound) - 1));
}

static void
any_bound(struct order_bound *b)
{
	static const uint16_t ports[] = { 443, 53, 80 };
	struct addr a;

	*b = (struct order_bound){ .type = ORDER_BOUND,
	    .family = (uint8_t)(roll(8) == 0 ? 0 : roll(2) == 0 ? ADDR_V4 :
	    ADDR_V6) };
	if (roll(4) != 0) {
		b->proto = roll(2) == 0 ? 6 : 17;
		b->port = ports[roll(3)];
	}
	if (b->family == 0)
		return;
	a.family = b->family;
	any_address(a.family, a.bytes);
	b->prefix = (uint8_t)(b->family == ADDR_V4 ? 16 + roll(17) :
	    48 + roll(81));
	/* Also one that covers nothing, as bits are behind its prefix. */
	if (roll(20) != 0)
		addr_mask(&a, b->prefix);
	memcpy(b->base, a.bytes, 16);
}

/* What becomes of a record. */
static void
expect(const uint8_t *record, size_t len)
{
	const size_t size = record[0] == ORDER_BOUND ||
	    record[0] == ORDER_COMMIT ? order_size(record[0]) : 0;
	union order o;
	size_t at;

	if (len > ORDER_BATCH_MAX * sizeof(struct order_bound))
		end = ORDER_END_TRUNCATED;
	else if (size == 0 || len % size != 0 ||
	    (record[0] == ORDER_COMMIT && len != size)) {
		end = ORDER_END_RECORD;
		detail = size == 0 ? ORDER_ETYPE : ORDER_ESIZE;
	}
	for (at = 0; end == 0 && at < len; at += size) {
		detail = order_decode(record + at, size, &o);
		if (record[at] != record[0])
			detail = ORDER_ETYPE;
		if (detail != ORDER_OK)
			end = ORDER_END_RECORD;
		else if (o.type == ORDER_COMMIT && o.commit.bounds != came)
			end = ORDER_END_BOUNDS;
		else if (o.type == ORDER_BOUND && came++ > 0 &&
		    compare(&last, &o.bound) >= 0)
			end = ORDER_END_BOUNDS;
		else if (o.type == ORDER_BOUND)
			last = o.bound;
		else
			came = 0;
	}
}

static void
tell(const void *record, size_t len)
{
	if (end != 0)
		return;
	expect(record, len);
	cr_assert_eq(send(rig.compiler, record, len, MSG_NOSIGNAL),
	    (ssize_t)len);
	sum.records++;
}

/* Something about it is wrong, once in a while. */
static void
spoil(uint8_t *record, size_t *len)
{
	const struct order_bound b = { .type = ORDER_BOUND };

	switch (roll(400)) {
	case 0:
		record[roll((uint32_t)*len)] ^= (uint8_t)(1 << roll(8));
		break;
	case 1:
		*len = 1 + roll((uint32_t)*len);
		break;
	case 2:
		memcpy(record + *len, &b, sizeof(b));
		*len += sizeof(b);
		break;
	case 3:
		*len = 65 * sizeof(b);
		break;
	case 4:
		record[0] = (uint8_t)roll(256);
		break;
	case 5:
		memcpy(record + *len, record, *len);
		*len *= 2;
		break;
	}
}

/* In ascending order, mostly; then how many there were. */
static void
tell_policy(void)
{
	struct order_commit c = { .type = ORDER_COMMIT };
	uint8_t record[3 * ORDER_BATCH_MAX * sizeof(struct order_bound)];
	size_t i, j, now, len;

	policy->n = roll(4) == 0 ? roll(4) : roll(MOST);
	for (i = 0; i < policy->n; i++)
		any_bound(&policy->at[i]);
	qsort(policy->at, policy->n, sizeof(policy->at[0]), compare);
	for (i = j = 0; i < policy->n; i++) {
		if (j == 0 || compare(&policy->at[j - 1], &policy->at[i]) != 0)
			policy->at[j++] = policy->at[i];
	}
	policy->n = j;
	for (i = 0; i < policy->n; i += now) {
		now = 1 + roll(ORDER_BATCH_MAX);
		now = now < policy->n - i ? now : policy->n - i;
		len = now * sizeof(policy->at[0]);
		memcpy(record, policy->at + i, len);
		spoil(record, &len);
		tell(record, len);
		sum.bounds += now;
	}
	c.bounds = (uint32_t)policy->n + (roll(100) == 0);
	memcpy(record, &c, sizeof(c));
	len = sizeof(c);
	spoil(record, &len);
	tell(record, len);
}

/* Bit by bit. */
static bool
is_in(const uint8_t *a, const struct order_bound *b)
{
	const unsigned int bits = 8 * (unsigned int)addr_len(b->family);
	unsigned int i;

	for (i = 0; i < bits; i++) {
		const unsigned int bit = 0x80U >> i % 8;

		if ((b->base[i / 8] & bit) != (i < b->prefix ?
		    a[i / 8] & bit : 0))
			return (false);
	}
	return (true);
}

static bool
covers(const struct policy *p, bool local, const struct addr *client,
    unsigned int proto, unsigned int port)
{
	const struct order_bound *b;

	for (b = p->at; b < p->at + p->n; b++) {
		if (b->family == (local ? 0 : client->family) &&
		    is_in(client->bytes, b) && (b->proto == 0 ||
		    (b->proto == proto && b->port == port)))
			return (true);
	}
	return (false);
}

/* Root's: 10.0.0.0/16, 2001:db8::/32, and this host. */
static bool
is_client(const struct order_grant *g)
{
	return (g->local == 1 || (g->family == ADDR_V4 ? g->client[0] == 10 &&
	    g->client[1] == 0 : memcmp(g->client, "\x20\1\x0d\xb8", 4) == 0));
}

/* The destination says under which policy it was. */
static void
any_wish(struct order_grant *g)
{
	const uint8_t number = (uint8_t)(policy - policies);

	any_grant(g);
	*g = (struct order_grant){ .type = ORDER_ADD, .left = 1 +
	    roll(EVIL_LEFT_MAX), .label = "a", .family = g->family,
	    .proto = roll(2) == 0 ? 6 : 17, .local = g->local,
	    .port = (uint16_t)(roll(2) == 0 ? 443 : roll(2) == 0 ? 53 : 80) };
	do {
		any_address(g->family, g->client);
	} while (addr_len(g->family) == 4 && (g->client[4] | g->client[5] |
	    g->client[15]) != 0);
	if (g->local == 1)
		memset(g->client, 0, 16);
	memcpy(g->dst, g->family == ADDR_V4 ? "\xc0\0\2" : "\x2a\0\0", 3);
	g->dst[3] = number;
}

static void
ask(void)
{
	struct rig_answer answers[GRANTS];
	struct order_grant g[GRANTS];
	struct addr client;
	size_t i;
	bool want;

	for (i = 0; i < GRANTS; i++)
		any_wish(&g[i]);
	rig_orders(&rig, g, sizeof(g[0]), GRANTS, answers);
	for (i = 0; i < GRANTS; i++) {
		client.family = g[i].family;
		memcpy(client.bytes, g[i].client, 16);
		want = is_client(&g[i]) && covers(policy, g[i].local == 1,
		    &client, g[i].proto, g[i].port);
		cr_assert_eq(answers[i].refused, !want);
		cr_assert(want || answers[i].code == ORDER_OUTSIDE);
		cr_assert_eq(answers[i].error, 0, "%s",
		    strerror(answers[i].error));
		sum.done += want;
		sum.refused += !want;
	}
}

static void
judge(const struct element *e)
{
	const uint8_t number = e->dst.bytes[3];

	sum.seen++;
	cr_assert(number < GENERATIONS && covers(&policies[number], e->local,
	    &e->client, e->proto, e->port), "in the kernel: %s", e->text);
}

/* The helper that heard something wrong has ended; another one takes its place. */
static void
replace(void)
{
	evil_end(end, (int)detail);
	sum.ended[end - ORDER_END_EOF]++;
	evil_start();
	came = 0;
	end = 0;
}

static void
evil(const struct stamps_wish *wish)
{
	const char *text = getenv("DNSFW_EVIL_COMPILER");
	const unsigned long n = text == NULL ? EVIL_DEFAULT :
	    strtoul(text, NULL, 10);

	evil_set_up(wish);
	while (sum.policies < n) {
		for (policy = policies; policy < policies + GENERATIONS;
		    policy++, sum.policies++) {
			detail = 0;
			tell_policy();
			if (end != 0) {
				policy->n = 0;
				replace();
			}
			ask();
		}
		(void)judge_elements(judge);
		judge_frames();
		run(is_ipset ? "for s in $(ipset list -n | grep allow); do "
		    "ipset flush $s; done" : "for s in ipv4_allow "
		    "ipv4_allow_local ipv6_allow ipv6_allow_local; do "
		    "nft flush set inet filter dns_$s; done");
	}
	printf("# %s: %lu policies, %lu bounds in %lu records; grants: %lu done, "
	    "%lu refused, %lu elements seen\n", is_ipset ? "ipset" : "nft",
	    sum.policies, sum.bounds, sum.records, sum.done, sum.refused,
	    sum.seen);
	printf("# helpers ended: %lu by a malformed record, %lu by a long one, "
	    "%lu by bounds\n", sum.ended[ORDER_END_RECORD - ORDER_END_EOF],
	    sum.ended[ORDER_END_TRUNCATED - ORDER_END_EOF],
	    sum.ended[ORDER_END_BOUNDS - ORDER_END_EOF]);
	cr_assert(sum.done > n && sum.refused > n && sum.seen > n);
}

Test(evil_compiler, P7_nft, .timeout = 0)
{
	evil(&nft_wish);
}

Test(evil_compiler, P7_ipset, .timeout = 0)
{
	evil(&ipset_wish);
}
