/*
 * What the rooms of dnsfw-proxy/keep/ stand on, for their tests: a kernel that
 * holds entries, lists them in steps, fails at whatever entry a test says, loses
 * answers; other processes; a clock.  To be included once, by a test program.
 */
#ifndef KEEP_RIG_H
#define KEEP_RIG_H

#include <criterion/criterion.h>

#include <netinet/in.h>

#include <poll.h>
#include <string.h>

#include "keep/children.h"
#include "chan.h"
#include "clock.h"
#include "keep/conf.h"
#include "keep/firewall.h"
#include "hash.h"
#include "keep/kernel/watch.h"
#include "keep/own.h"
#include "keep/policy.h"
#include "keep/signals.h"

#define RIG_MAX		20000	/* entries of the kernel */
#define RIG_STEP	16	/* that a step of a listing tells */
#define MS		(CLOCK_SECOND / 1000)
#define BOTH		(MSG_FAMILY_V4 | MSG_FAMILY_V6)

/* --- the clock --- */

static uint64_t rig_now = 1000 * CLOCK_SECOND;

uint64_t __wrap_clock_now(void);

uint64_t
__wrap_clock_now(void)
{
	return (rig_now);
}

/* --- what root says --- */

static struct keepconf rig_conf = { .nworkers = 1, .min_rule_time = 5,
    .max_rule_time = 3600, .max_grants = 1000, .helper = 1,
    .firewall = KEEPCONF_NFTABLES };
static struct limits rig_limits = { .left_max = 3600 * 1000, .local = 1,
    .rate = 1000, .burst = 1000 };
const struct keepconf *conf = &rig_conf;
const struct limits *conf_limits = &rig_limits;
int signals_stop;

bool
signals_child(void)
{
	return (false);
}

/* --- the kernel --- */

struct rig_entry {
	struct msg_grant grant;
	uint64_t	end;		/* ns; 0: for ever; UINT64_MAX: none */
};

static struct {
	struct rig_entry entries[RIG_MAX];
	size_t		n;
	uint8_t		chains, sets, rules;	/* families that have them */
	unsigned int	events;
	bool		stuck;
	/* The code of the next add or remove for which fail says so. */
	enum backend_code (*fail)(const struct msg_grant *, bool add);
	void		(*during)(void);	/* in a step of a listing */
	unsigned int	adds, removes, tests, listings, prepares;
	unsigned int	largest;	/* batch */
	size_t		cursor[BACKEND_KINDS];
	enum list_step	last;		/* how a listing ends */
	enum backend_step prepared;	/* how a preparation ends */
	int		fill;		/* the kind that is to be filled, or -1 */
	unsigned int	spares;
} rig = { .last = LIST_END, .prepared = PREPARE_DONE, .fill = -1 };

static struct rig_entry *
rig_find(const struct msg_grant *g)
{
	size_t i;

	for (i = 0; i < rig.n; i++) {
		if (rig.entries[i].end != UINT64_MAX &&
		    (rig.entries[i].end == 0 || rig.entries[i].end > rig_now) &&
		    memcmp(&rig.entries[i].grant.client, g->client, 32) == 0 &&
		    rig.entries[i].grant.family == g->family &&
		    rig.entries[i].grant.proto == g->proto &&
		    rig.entries[i].grant.local == g->local &&
		    rig.entries[i].grant.port == g->port)
			return (&rig.entries[i]);
	}
	return (NULL);
}

static void
rig_put(const struct msg_grant *g, uint64_t end)
{
	struct rig_entry *e = rig_find(g);

	if (e == NULL)
		e = &rig.entries[rig.n++];
	cr_assert_leq(rig.n, RIG_MAX);
	e->grant = *g;
	e->end = end;
}

static __attribute__((unused)) size_t
rig_count(void)
{
	size_t i, n = 0;

	for (i = 0; i < rig.n; i++)
		n += rig.entries[i].end != UINT64_MAX &&
		    rig.entries[i].end > rig_now;
	return (n);
}

static void
rig_batch(struct backend_batch *b)
{
	cr_assert_gt(b->n, 0);
	cr_assert_leq(b->n, BACKEND_BATCH_MAX);
	if (b->n > rig.largest)
		rig.largest = (unsigned int)b->n;
}

/* What fails certainly did nothing; what is unknown, the test's fail decides. */
static void
rig_add(struct backend_batch *b)
{
	struct backend_add *a;
	size_t i;

	rig_batch(b);
	for (i = 0; i < b->n; i++) {
		a = &b->adds[i];
		rig.adds++;
		cr_assert_gt(a->left, 0);
		cr_assert_leq(a->left, conf_limits->left_max * MS);
		a->code = rig.fail == NULL ? BACKEND_OK :
		    rig.fail(a->grant, true);
		if (rig.stuck)
			a->code = BACKEND_UNKNOWN;
		if (a->spare)
			rig.spares++;
		else if (a->code == BACKEND_OK)
			rig_put(a->grant, rig_now + a->left);
	}
}

static void
rig_remove(struct backend_batch *b)
{
	struct rig_entry *e;
	size_t i;

	rig_batch(b);
	for (i = 0; i < b->n; i++) {
		rig.removes++;
		b->adds[i].code = rig.fail == NULL ? BACKEND_OK :
		    rig.fail(b->adds[i].grant, false);
		e = rig_find(b->adds[i].grant);
		if (b->adds[i].code == BACKEND_OK && e != NULL)
			e->end = UINT64_MAX;
	}
}

static void
rig_test(struct backend_batch *b)
{
	size_t i;

	rig_batch(b);
	rig.tests++;
	for (i = 0; i < b->n; i++)
		b->adds[i].code = rig_find(b->adds[i].grant) == NULL ?
		    BACKEND_GONE : BACKEND_OK;
}

static int
rig_check(uint8_t *families)
{
	*families = rig.chains;
	return (rig.chains == 0 ? -1 : 0);
}

static int
rig_chains(uint8_t *there)
{
	*there = rig.chains;
	return (0);
}

static enum backend_step
rig_prepare(struct backend_prepare *p)
{
	rig.prepares++;
	if (p->step == 0 && rig.fill != -1) {
		p->kind = (uint8_t)rig.fill;
		p->step = 1;
		return (PREPARE_FILL);
	}
	if (p->step < 2) {
		p->step = 2;
		return (PREPARE_MORE);
	}
	if (rig.prepared != PREPARE_DONE)
		return (rig.prepared);
	rig.rules |= p->families;
	rig.sets |= p->families;
	return (PREPARE_DONE);
}

static enum list_step
rig_effect(struct backend_effect *e, unsigned int datagrams)
{
	(void)datagrams;
	e->reached = e->families;
	return (LIST_END);
}

static void
rig_effect_drop(struct backend_effect *e)
{
	(void)e;
}

static int
rig_entries(size_t kind, struct list *l)
{
	l->fd = 1;
	rig.listings++;
	rig.cursor[kind] = 0;
	return (0);
}

static enum list_step
rig_entries_step(size_t kind, struct list *l, unsigned int datagrams,
    backend_found *found, void *arg)
{
	struct rig_entry *e;
	unsigned int told = 0;

	(void)l;
	(void)datagrams;
	if (rig.during != NULL)
		rig.during();
	while (rig.cursor[kind] < rig.n && told < RIG_STEP) {
		e = &rig.entries[rig.cursor[kind]++];
		if (e->end == UINT64_MAX || (e->end != 0 && e->end <= rig_now) ||
		    backend_kind(&e->grant) != kind)
			continue;
		found(arg, &e->grant, e->end == 0 ? 0 : (e->end - rig_now) / MS);
		told++;
	}
	return (rig.cursor[kind] < rig.n ? LIST_MORE : rig.last);
}

static const struct backend rig_backend = { .check = rig_check,
    .chains = rig_chains, .prepare = rig_prepare, .effect = rig_effect,
    .effect_drop = rig_effect_drop, .entries = rig_entries,
    .entries_step = rig_entries_step, .add = rig_add, .remove = rig_remove,
    .test = rig_test };

unsigned int
watch_read(void)
{
	unsigned int events = rig.events;

	rig.events = 0;
	return (events);
}

bool
ask_stuck(void)
{
	return (rig.stuck);
}

void
ask_look(void)
{
}

void
list_drop(struct list *l)
{
	l->seq = 0;
}

/* --- this host --- */

static struct addr rig_own;		/* an address of it; family 0: none */
static bool rig_whole = true;

bool
own_has(const struct addr *a)
{
	return (addr_equal(a, &rig_own));
}

bool
own_forbids(const struct addr *a, const struct limits *l)
{
	(void)l;
	return (own_has(a));
}

bool
own_is_whole(void)
{
	return (rig_whole);
}

/* --- others --- */

struct child children_compiler = { .name = "compiler" };
struct child children_workers[MSG_WORKERS_MAX];
size_t children_nworkers = 1;

static uint8_t rig_in[4][MSG_SIZE_MAX];	/* that children will have said */
static size_t rig_in_len[4], rig_nin;
static uint8_t rig_out[64][MSG_SIZE_MAX];	/* what they were told */
static size_t rig_out_len[64], rig_nout;

size_t
children_receive(struct child *c, void *buf, int *fd)
{
	size_t n;

	(void)c;
	(void)fd;
	if (rig_nin == 0)
		return (0);
	n = rig_in_len[0];
	memcpy(buf, rig_in[0], n);
	memmove(rig_in[0], rig_in[1], sizeof(rig_in) - sizeof(rig_in[0]));
	memmove(rig_in_len, rig_in_len + 1, 3 * sizeof(rig_in_len[0]));
	rig_nin--;
	return (n);
}

void
children_send(struct child *c, const void *buf, size_t len, int fd)
{
	(void)c;
	(void)fd;
	cr_assert_lt(rig_nout, 64);
	cr_assert_leq(len, MSG_SIZE_MAX);
	memcpy(rig_out[rig_nout], buf, len);
	rig_out_len[rig_nout++] = len;
}

/* What a test does instead, which does not return; NULL: nobody is to. */
static void (*rig_malformed)(void);

enum msg_err
children_pong(struct child *c, const void *from, size_t size)
{
	struct msg_plain pong;

	if (c->pings == 0)
		return (MSG_EVALUE);
	c->pings--;
	return (msg_plain_decode(from, size, MSG_PONG, &pong));
}

void
children_malformed(const struct child *c, const char *why)
{
	if (rig_malformed != NULL)
		rig_malformed();
	cr_assert_fail("%s: %s", c->name, why);
	abort();
}

void
children_poll(struct pollfd *fds, size_t n, int ms)
{
	/* What the kernel lists is there. */
	if (n == 0 || fds[0].fd == -1)
		rig_now += (uint64_t)(ms < 0 ? 0 : ms) * MS;
}

void
children_look(void)
{
}

static uint16_t rig_generation;
static uint32_t rig_sum = 1;		/* of the list's text */
static bool rig_reloading;

uint32_t
policy_sum(void)
{
	return (rig_sum);
}

uint16_t
policy_generation(void)
{
	return (rig_generation);
}

bool
policy_reloading(void)
{
	return (rig_reloading);
}

/* --- grants --- */

/* One of all four kinds in turn. */
static __attribute__((unused)) struct msg_grant
rig_grant(unsigned int i)
{
	struct msg_grant g = { .type = MSG_GRANT, .proto = IPPROTO_TCP,
	    .ttl = 300, .label = "a.example", .seq = i, .port = 443 };

	g.family = i % 4 < 2 ? ADDR_V4 : ADDR_V6;
	g.local = i % 2 == 1;
	g.policy = rig_generation;
	if (!g.local) {
		g.client[0] = g.family == ADDR_V4 ? 10 : 0xfd;
		g.client[2] = (uint8_t)(i >> 16);
		g.client[3] = 1;
	}
	g.dst[0] = 32;
	g.dst[1] = (uint8_t)(i >> 8);
	g.dst[2] = (uint8_t)i;
	return (g);
}

/*
 * Grants first to first + n - 1, which end then, in the ledger and the kernel, as
 * after a request.
 */
static __attribute__((unused)) void
rig_give_until(unsigned int first, unsigned int n, uint64_t end)
{
	struct ledger_entry *e;
	struct msg_grant g;
	unsigned int i;

	for (i = first; i < first + n; i++) {
		g = rig_grant(i);
		e = ledger_put(firewall.ledger, &g, end, rig_now, 0);
		cr_assert_not_null(e);
		ledger_set_sure(firewall.ledger, e, true);
		rig_put(&g, end);
	}
}

static __attribute__((unused)) void
rig_give(unsigned int first, unsigned int n, uint32_t seconds)
{
	rig_give_until(first, n, rig_now + seconds * CLOCK_SECOND);
}

/* For rig.fail: the same code for all. */
static enum backend_code rig_code;

static __attribute__((unused)) enum backend_code
rig_all_alike(const struct msg_grant *g, bool add)
{
	(void)g;
	(void)add;
	return (rig_code);
}

#endif
