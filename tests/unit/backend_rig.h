/* What the parts of test_backend.c stand on.  To be included once, by a test program. */
#ifndef BACKEND_RIG_H
#define BACKEND_RIG_H

#include "kernel_real.h"

#include <arpa/inet.h>

#include <linux/netfilter.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "addrtext.h"

#define MANY	256	/* grants in one go */

/* Add all live grants of these kinds, of which each is a bit. */
typedef void kit_refill(unsigned int kinds);

/* A backend, of which each call waits until all is done. */
struct kit {
	void	(*open)(void);
	int	(*check)(uint8_t *families);
	int	(*prepare)(uint8_t families, kit_refill *refill);
	uint8_t	(*chains)(void);
	int	(*effect)(uint8_t families, uint8_t *reached,
		    uint8_t *blocked);
	int	(*list)(uint8_t families, backend_found *found, void *arg);
	bool	(*intact)(uint8_t families, const struct backend_add *samples,
		    size_t n);
	void	(*add)(struct backend_add *adds, size_t n);
	void	(*remove)(struct backend_add *removals, size_t n);
};

static struct backend_config config = { .chain = "DNSFW", .table = "filter",
    .table_family = NFPROTO_INET, .max_grants = 1000 };

static const struct backend *backend;

static int
kit_check(uint8_t *families)
{
	return (backend->check(families));
}

/* With the configuration as it is now. */
static int
kit_prepare(uint8_t families, kit_refill *refill)
{
	struct backend_prepare p = { .families = families };
	enum backend_step step;

	real_make(backend, &config);
	while ((step = backend->prepare(&p)) <= PREPARE_FILL) {
		if (step == PREPARE_FILL)
			refill(1U << p.kind);
	}
	return (step == PREPARE_DONE ? 0 : -1);
}

static uint8_t
kit_chains(void)
{
	uint8_t there;

	cr_assert_eq(backend->chains(&there), 0);
	return (there);
}

static int
kit_effect(uint8_t families, uint8_t *reached, uint8_t *blocked)
{
	static struct backend_effect e;
	enum list_step step;

	e = (struct backend_effect){ .families = families };
	while ((step = backend->effect(&e, 20)) == LIST_MORE)
		;
	*reached = e.reached;
	*blocked = e.blocked;
	return (step == LIST_END ? 0 : -1);
}

static int
kit_list(uint8_t families, backend_found *found, void *arg)
{
	enum list_step step;
	struct list l;
	size_t kind;

	for (kind = 0; kind < BACKEND_KINDS; kind++) {
		if ((families & backend_bit(kind)) == 0)
			continue;
		if (backend->entries(kind, &l) == -1)
			return (-1);
		while ((step = backend->entries_step(kind, &l, 3, found,
		    arg)) == LIST_MORE)
			;
		if (step != LIST_END && step != LIST_NONE)
			return (-1);
	}
	return (0);
}

static void
in_batches(void (*f)(struct backend_batch *), struct backend_add *adds,
    size_t n)
{
	struct backend_batch b;
	size_t i;

	for (i = 0; i < n; i += b.n) {
		b.n = n - i < BACKEND_BATCH_MAX ? n - i : BACKEND_BATCH_MAX;
		memcpy(b.adds, &adds[i], b.n * sizeof(*adds));
		f(&b);
		memcpy(&adds[i], b.adds, b.n * sizeof(*adds));
	}
}

static void
kit_add(struct backend_add *adds, size_t n)
{
	in_batches(backend->add, adds, n);
}

static void
kit_remove(struct backend_add *removals, size_t n)
{
	in_batches(backend->remove, removals, n);
}

static bool
kit_intact(uint8_t families, const struct backend_add *samples, size_t n)
{
	struct backend_add copies[8];
	size_t i, there = 0;

	cr_assert_leq(n, 8);
	memset(copies, 0, sizeof(copies));
	for (i = 0; i < n; i++)
		copies[i].grant = samples[i].grant;
	in_batches(backend->test, copies, n);
	for (i = 0; i < n; i++)
		there += copies[i].code == BACKEND_OK;
	return (there == n && (backend->intact == NULL ||
	    backend->intact(families) == 1));
}

static void
open_ipset(void)
{
	backend = &backend_ipset;
	(void)real_open(backend, &config);
}

static void
open_nftables(void)
{
	backend = &backend_nftables;
	(void)real_open(backend, &config);
}

static const struct kit ipset = { open_ipset, kit_check, kit_prepare,
    kit_chains, kit_effect, kit_list, kit_intact, kit_add, kit_remove };
static const struct kit nftables = { open_nftables, kit_check, kit_prepare,
    kit_chains, kit_effect, kit_list, kit_intact, kit_add, kit_remove };

#define OUTPUT_MAX	(256 * 1024)

static char output[OUTPUT_MAX];

/* The output of a command, errors included. */
static const char *
listing(const char *command)
{
	FILE *f = popen(command, "r");
	size_t n;

	cr_assert_not_null(f, "%s", command);
	n = fread(output, 1, sizeof(output) - 1, f);
	output[n] = '\0';
	pclose(f);
	return (output);
}

static __attribute__((unused)) bool
shows(const char *command, const char *text)
{
	return (strstr(listing(command), text) != NULL);
}

static size_t
lines(const char *command)
{
	const char *p;
	size_t n = 0;

	for (p = listing(command); (p = strchr(p, '\n')) != NULL; p++)
		n++;
	return (n);
}

/* check() with what it logs in log. */
static int
check_logs(const struct kit *b, uint8_t *families, char *log, size_t size)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO), rc;
	size_t n;

	cr_assert(f != NULL && saved != -1);
	dup2(fileno(f), STDERR_FILENO);
	rc = b->check(families);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	n = fread(log, 1, size - 1, f);
	log[n] = '\0';
	fclose(f);
	return (rc);
}

/* The families that b->check finds; it must find some. */
static uint8_t
check(const struct kit *b)
{
	uint8_t families = 0;

	cr_assert_eq(b->check(&families), 0);
	cr_assert_neq(families, 0);
	return (families);
}

/* What a set that is replaced gets: refill_grants of these kinds. */
static const struct kit *refilled;
static struct msg_grant *refill_grants;
static size_t nrefill;

static void
refill(unsigned int kinds)
{
	struct backend_add add = { .left = 500 * CLOCK_SECOND, .spare = true };
	size_t i;

	for (i = 0; i < nrefill; i++) {
		if ((kinds & 1U << backend_kind(&refill_grants[i])) == 0)
			continue;
		add.grant = &refill_grants[i];
		refilled->add(&add, 1);
		cr_assert_eq(add.code, BACKEND_OK);
	}
}

static void
start(const struct kit *b)
{
	refilled = b;
	b->open();
	cr_assert_eq(b->prepare(check(b), refill), 0);
}

static __attribute__((unused)) void
start_iptables(void)
{
	new_netns();
	run("iptables -N DNSFW && ip6tables -N DNSFW");
	start(&ipset);
}

static __attribute__((unused)) void
start_nftables(void)
{
	new_netns();
	config.chain = "dnsfw";
	run("nft 'table inet filter { chain dnsfw { }; }'");
	start(&nftables);
}

/* client NULL: from this host. */
static struct msg_grant
grant(const char *client, uint8_t proto, uint16_t port, const char *dst,
    const char *label)
{
	struct msg_grant g = { .type = MSG_GRANT, .proto = proto, .port = port,
	    .local = client == NULL };
	int af = strchr(dst, ':') != NULL ? AF_INET6 : AF_INET;

	g.family = af == AF_INET ? ADDR_V4 : ADDR_V6;
	if (client != NULL)
		cr_assert_eq(inet_pton(af, client, g.client), 1);
	cr_assert_eq(inet_pton(af, dst, g.dst), 1);
	strncpy(g.label, label, sizeof(g.label) - 1);
	return (g);
}

/* One of each kind; returns their number. */
static size_t
four_grants(struct msg_grant g[4], struct backend_add adds[4])
{
	size_t i;

	g[0] = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "a.example.");
	g[1] = grant("fd00::8", IPPROTO_UDP, 53, "2001:db8::1", "b.example.");
	g[2] = grant(NULL, IPPROTO_UDP, 123, "192.0.2.2", "*.example.");
	g[3] = grant(NULL, IPPROTO_TCP, 80, "2001:db8::2", "d.example.");
	for (i = 0; i < 4; i++)
		adds[i] = (struct backend_add){ .grant = &g[i],
		    .left = 590 * CLOCK_SECOND, .code = 99 };
	return (4);
}

static enum backend_code
add_one(const struct kit *b, const struct msg_grant *g, uint32_t seconds)
{
	struct backend_add add = { .grant = g, .left = seconds * CLOCK_SECOND,
	    .code = 99 };

	b->add(&add, 1);
	return (add.code);
}

/* n grants that differ in the destination. */
static void
many(struct msg_grant *g, struct backend_add *adds, size_t n)
{
	char dst[32];
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(dst, sizeof(dst), "198.51.%zu.%zu", i / 256, i % 256);
		g[i] = grant("10.0.0.8", IPPROTO_TCP, 443, dst, "m.example.");
		adds[i] = (struct backend_add){ .grant = &g[i],
		    .left = 600 * CLOCK_SECOND, .code = 99 };
	}
}

static size_t
count_code(const struct backend_add *adds, size_t n, enum backend_code code)
{
	size_t i, found = 0;

	for (i = 0; i < n; i++)
		found += adds[i].code == code;
	return (found);
}

static struct msg_grant batch_grants[MANY];
static struct backend_add batch[MANY];

/* What has been listed. */
static struct msg_grant listed[MANY];
static uint64_t listed_ms[MANY];
static size_t nlisted;

static void
on_listed(void *arg, const struct msg_grant *g, uint64_t ms)
{
	(void)arg;
	cr_assert_lt(nlisted, MANY);
	listed[nlisted] = *g;
	listed_ms[nlisted++] = ms;
}

static __attribute__((unused)) size_t
list(const struct kit *b)
{
	nlisted = 0;
	cr_assert_eq(b->list(MSG_FAMILY_V4 | MSG_FAMILY_V6, on_listed, NULL),
	    0);
	return (nlisted);
}

/* The families to whose chain a way leads. */
static __attribute__((unused)) uint8_t
reached(const struct kit *b)
{
	uint8_t found, blocked;

	cr_assert_eq(b->effect(MSG_FAMILY_V4 | MSG_FAMILY_V6, &found,
	    &blocked), 0);
	cr_assert_eq(blocked, 0);
	return (found);
}

#endif
