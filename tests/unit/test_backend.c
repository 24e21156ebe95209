/*
 * The firewall backends against the kernel, each test in a network namespace
 * of its own.  What is in the kernel is read with the ordinary tools.  Whoever
 * asks and reads has no capability (kernel_real.h).
 */
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

static bool
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

static void
start_iptables(void)
{
	new_netns();
	run("iptables -N DNSFW && ip6tables -N DNSFW");
	start(&ipset);
}

static void
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

/* F1 */

Test(backend, F1_rules_look_ordinary)
{
	start_iptables();
	cr_assert_str_eq(listing("iptables -S DNSFW 2>/dev/null"),
	    "-N DNSFW\n"
	    "-A DNSFW -m set --match-set DNSFW-ipv4-allow src,dst,dst "
	    "-j ACCEPT\n"
	    "-A DNSFW -m addrtype --src-type LOCAL "
	    "-m set --match-set DNSFW-ipv4-allow-local dst,dst -j ACCEPT\n");
	cr_assert_str_eq(listing("ip6tables -S DNSFW 2>/dev/null"),
	    "-N DNSFW\n"
	    "-A DNSFW -m set --match-set DNSFW-ipv6-allow src,dst,dst "
	    "-j ACCEPT\n"
	    "-A DNSFW -m addrtype --src-type LOCAL "
	    "-m set --match-set DNSFW-ipv6-allow-local dst,dst -j ACCEPT\n");
	run("iptables -C DNSFW -m set --match-set DNSFW-ipv4-allow "
	    "src,dst,dst -j ACCEPT");
	run("iptables-save | iptables-restore");
	cr_assert_eq(lines("iptables -S DNSFW 2>/dev/null"), 3);
}

Test(backend, F1_sets_have_type_timeout_comment_and_size)
{
	start_iptables();
	cr_assert_str_eq(listing("ipset save"),
	    "create DNSFW-ipv4-allow hash:ip,port,ip family inet "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n"
	    "create DNSFW-ipv4-allow-local hash:ip,port family inet "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n"
	    "create DNSFW-ipv6-allow hash:ip,port,ip family inet6 "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n"
	    "create DNSFW-ipv6-allow-local hash:ip,port family inet6 "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n");
}

Test(backend, F1_elements_of_all_kinds)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	ipset.add(adds, four_grants(g, adds));
	cr_assert_eq(count_code(adds, 4, BACKEND_OK), 4);
	cr_assert_str_eq(listing("ipset save | grep ^add | "
	    "sed 's/timeout 5[89][0-9]/timeout T/'"),
	    "add DNSFW-ipv4-allow 10.0.0.8,tcp:443,192.0.2.1 "
	    "timeout T comment \"a.example.\"\n"
	    "add DNSFW-ipv4-allow-local 192.0.2.2,udp:123 "
	    "timeout T comment \"*.example.\"\n"
	    "add DNSFW-ipv6-allow fd00::8,udp:53,2001:db8::1 "
	    "timeout T comment \"b.example.\"\n"
	    "add DNSFW-ipv6-allow-local 2001:db8::2,tcp:80 timeout T "
	    "comment \"d.example.\"\n");
}

Test(backend, F1_refresh_replaces_timeout_and_comment)
{
	struct msg_grant g;

	start_iptables();
	g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "a.example.");
	cr_assert_eq(add_one(&ipset, &g, 30), BACKEND_OK);
	g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "b.example.");
	cr_assert_eq(add_one(&ipset, &g, 900), BACKEND_OK);
	cr_assert_eq(lines("ipset save | grep ^add"), 1);
	cr_assert(shows("ipset save | grep -E 'timeout (900|89.) '",
	    "\"b.example.\""));
}

Test(backend, F1_G9_start_flushes_the_chain_and_keeps_entries)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	run("iptables -A DNSFW -p tcp --dport 22 -j ACCEPT");
	ipset.add(adds, four_grants(g, adds));
	cr_assert_eq(ipset.prepare(check(&ipset), refill), 0);
	cr_assert_eq(lines("iptables -S DNSFW 2>/dev/null"), 3);
	cr_assert_eq(lines("ipset save | grep ^add"), 4);
	cr_assert_eq(lines("ipset save | grep -E 'timeout (590|58.)'"), 4);
}

Test(backend, G9_ipset_with_another_size_is_replaced_by_a_full_one)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	ipset.add(adds, four_grants(g, adds));
	config.max_grants = 5000;
	refill_grants = g;
	nrefill = 4;
	cr_assert_eq(ipset.prepare(check(&ipset), refill), 0);
	cr_assert_eq(lines("ipset save | grep 'hashsize 8192 maxelem 5000 '"),
	    4);
	cr_assert_eq(lines("ipset save | grep -E 'timeout (500|49.)'"), 4);
	cr_assert(shows("iptables -S DNSFW 2>&1", "DNSFW-ipv4-allow-local"));
	cr_assert_eq(lines("ipset list -n"), 4);
}

Test(backend, G9_ipset_that_has_more_than_the_limit_stays)
{
	start_iptables();
	many(batch_grants, batch, 100);
	ipset.add(batch, 100);
	config.max_grants = 99;
	cr_assert_eq(ipset.prepare(check(&ipset), refill), 0);
	cr_assert_eq(lines("ipset save | grep ^add"), 100);
	cr_assert_eq(lines("ipset save | grep ' maxelem 1000 '"), 1);
	cr_assert_eq(lines("ipset save | grep ' maxelem 99 '"), 3);
}

Test(backend, F1_set_of_another_kind_is_refused)
{
	static const struct {
		const char *create;
		const char *text;
	} cases[] = {
		{ "hash:ip timeout 60 comment", "is hash:ip family inet" },
		{ "hash:ip,port,ip timeout 60", "no comment" },
		{ "hash:ip,port,ip comment", "no timeout" },
		{ "hash:ip,port,ip family inet6 timeout 60 comment",
		    "family inet6 timeout comment, but must be "
		    "hash:ip,port,ip family inet " },
	};
	char command[128], log[1024];
	uint8_t families;
	size_t i;

	new_netns();
	run("iptables -N DNSFW && ip6tables -N DNSFW");
	ipset.open();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command),
		    "ipset create DNSFW-ipv4-allow %s", cases[i].create);
		run(command);
		cr_assert_eq(check_logs(&ipset, &families, log,
		    sizeof(log)), -1);
		cr_assert(strstr(log, cases[i].text) != NULL, "%s", log);
		cr_assert(strstr(log, "ipset destroy DNSFW-ipv4-allow)") !=
		    NULL, "%s", log);
		run("ipset destroy DNSFW-ipv4-allow");
	}
	cr_assert_eq(ipset.check(&families), 0);
}

/* One that somebody makes later, in the place of ours, is not used either. */
Test(backend, F1_G10_set_of_another_kind_is_refused_later)
{
	start_iptables();
	run("iptables -F DNSFW && ipset destroy DNSFW-ipv4-allow && "
	    "ipset create DNSFW-ipv4-allow hash:ip,port,ip timeout 60");
	cr_assert_eq(ipset.prepare(MSG_FAMILY_V4 | MSG_FAMILY_V6,
	    refill), -1);
	cr_assert_eq(lines("iptables -S DNSFW 2>/dev/null"), 1);
}

/* Nor is a set touched that is not ours. */
Test(backend, F1_other_sets_are_let_alone)
{
	start_iptables();
	run("ipset create DNSFW-new hash:ip");
	cr_assert_eq(ipset.prepare(MSG_FAMILY_V4 | MSG_FAMILY_V6,
	    refill), 0);
	cr_assert_eq(lines("ipset list -n"), 5);
}

Test(backend, F1_missing_chain)
{
	char log[1024];
	uint8_t families;

	new_netns();
	ipset.open();
	cr_assert_eq(check_logs(&ipset, &families, log, sizeof(log)),
	    -1);
	cr_assert(strstr(log, "iptables -N DNSFW") != NULL, "%s", log);
	run("ip6tables -N DNSFW");
	cr_assert_eq(check_logs(&ipset, &families, log, sizeof(log)),
	    0);
	cr_assert_eq(families, MSG_FAMILY_V6);
	cr_assert(strstr(log, "[WARN ] iptables: there is no chain DNSFW") !=
	    NULL, "%s", log);
	cr_assert_eq(ipset.prepare(families, refill), 0);
	cr_assert_eq(lines("ipset save"), 2);
}

Test(backend, F1_longest_names_and_label)
{
	struct msg_grant g;
	char label[MSG_LABEL_SIZE];

	new_netns();
	config.chain = "FOURTEENLETTER";
	run("iptables -N FOURTEENLETTER");
	start(&ipset);
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	g = grant(NULL, IPPROTO_TCP, 443, "192.0.2.1", label);
	cr_assert_eq(add_one(&ipset, &g, 60), BACKEND_OK);
	cr_assert(shows("ipset save FOURTEENLETTER-ipv4-allow-local", label));
}

Test(backend, G11_ipset_full)
{
	new_netns();
	run("iptables -N DNSFW");
	config.max_grants = 100;
	start(&ipset);
	many(batch_grants, batch, MANY);
	ipset.add(batch, MANY);
	cr_assert_eq(count_code(batch, MANY, BACKEND_OK), 100);
	cr_assert_eq(count_code(batch, MANY, BACKEND_FULL),
	    MANY - 100);
	cr_assert_eq(lines("ipset save | grep ^add"), 100);
}

Test(backend, F1_set_gone_fails_but_returns)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	run("ip6tables -F DNSFW && ipset destroy DNSFW-ipv6-allow");
	ipset.add(adds, four_grants(g, adds));
	cr_assert_eq(adds[0].code, BACKEND_OK);
	cr_assert_eq(adds[1].code, BACKEND_FAILED);
	cr_assert_eq(adds[2].code, BACKEND_OK);
	cr_assert_eq(adds[3].code, BACKEND_OK);
}

/* F2 */

Test(backend, F2_ruleset_is_readable_and_reloads)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_nftables();
	nftables.add(adds, four_grants(g, adds));
	cr_assert_eq(count_code(adds, 4, BACKEND_OK), 4);
	cr_assert_str_eq(listing("nft -s list chain inet filter dnsfw"),
	    "table inet filter {\n"
	    "\tchain dnsfw {\n"
	    "\t\tip saddr . meta l4proto . th dport . ip daddr "
	    "@dnsfw_ipv4_allow counter accept comment \"dnsfw:managed\"\n"
	    "\t\tfib saddr type local meta l4proto . th dport . ip daddr "
	    "@dnsfw_ipv4_allow_local counter accept "
	    "comment \"dnsfw:managed\"\n"
	    "\t\tip6 saddr . meta l4proto . th dport . ip6 daddr "
	    "@dnsfw_ipv6_allow counter accept comment \"dnsfw:managed\"\n"
	    "\t\tfib saddr type local meta l4proto . th dport . ip6 daddr "
	    "@dnsfw_ipv6_allow_local counter accept "
	    "comment \"dnsfw:managed\"\n"
	    "\t}\n}\n");
	run("nft list ruleset > /tmp/test_backend.$PPID && nft flush ruleset "
	    "&& nft -f /tmp/test_backend.$PPID; e=$?; "
	    "rm /tmp/test_backend.$PPID; exit $e");
	cr_assert_eq(lines("nft list ruleset | grep expires"), 4);
	/* What nft made of it is still known as ours, and kept (G9). */
	cr_assert_eq(nftables.prepare(check(&nftables),
	    refill), 0);
	cr_assert_eq(lines("nft list ruleset | grep accept"), 4);
	cr_assert_eq(lines("nft list ruleset | grep expires"), 4);
}

Test(backend, F2_elements_of_all_kinds)
{
	static const char *const expected[] = {
		"10.0.0.8 . tcp . 443 . 192.0.2.1 timeout 9m50s expires 9m",
		"fd00::8 . udp . 53 . 2001:db8::1 timeout 9m50s expires 9m",
		"udp . 123 . 192.0.2.2 timeout 9m50s expires 9m",
		"tcp . 80 . 2001:db8::2 timeout 9m50s expires 9m"
	};
	struct backend_add adds[4];
	struct msg_grant g[4];
	size_t i;

	start_nftables();
	nftables.add(adds, four_grants(g, adds));
	for (i = 0; i < 4; i++) {
		cr_assert_eq(adds[i].code, BACKEND_OK);
		cr_assert(shows("nft list ruleset", expected[i]), "%s", output);
	}
	cr_assert(shows("nft list ruleset", "comment \"*.example.\""));
	cr_assert(shows("nft list set inet filter dnsfw_ipv6_allow",
	    "\t\ttype ipv6_addr . inet_proto . inet_service . ipv6_addr\n"
	    "\t\tsize 2000\n\t\tflags timeout\n\t\tcomment \"dnsfw"));
}

Test(backend, F2_refresh_replaces_timeout_and_comment)
{
	struct msg_grant g;

	start_nftables();
	g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "a.example.");
	cr_assert_eq(add_one(&nftables, &g, 30), BACKEND_OK);
	g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "b.example.");
	cr_assert_eq(add_one(&nftables, &g, 1230), BACKEND_OK);
	cr_assert_eq(lines("nft list ruleset | grep expires"), 1);
	cr_assert(shows("nft list ruleset | grep 'timeout 20m30s expires 20m'",
	    "\"b.example.\""), "%s", output);
}

Test(backend, F2_twice_in_one_batch)
{
	struct backend_add adds[2];
	struct msg_grant g;

	start_nftables();
	g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "a.example.");
	adds[0] = (struct backend_add){ .grant = &g, .left = 60 * CLOCK_SECOND };
	adds[1] = (struct backend_add){ .grant = &g,
	    .left = 1200 * CLOCK_SECOND };
	nftables.add(adds, 2);
	cr_assert_eq(count_code(adds, 2, BACKEND_OK), 2);
	cr_assert_eq(lines("nft list ruleset | grep 'timeout 20m'"), 1);
}

/* All said to be new: some are there, and one comes twice. */
Test(backend, F2_new_ones_that_are_there_are_refreshed)
{
	size_t i;

	start_nftables();
	many(batch_grants, batch, 100);
	nftables.add(batch, 50);
	batch_grants[99] = batch_grants[98];
	for (i = 0; i < 100; i++) {
		strcpy(batch_grants[i].label, "n.example.");
		batch[i].is_new = true;
		batch[i].left = 1230 * CLOCK_SECOND;
	}
	nftables.add(batch, 100);
	cr_assert_eq(count_code(batch, 100, BACKEND_OK), 100);
	cr_assert_eq(lines("nft list ruleset | grep -o 'timeout 20m30s "
	    "expires [0-9ms]* comment \"n.example.\"'"), 99);
	cr_assert_eq(lines("nft list ruleset | grep expires"), 99);
}

Test(backend, F2_operators_rules_survive)
{
	new_netns();
	config.chain = "dnsfw";
	run("nft 'table inet filter { chain dnsfw { tcp dport 22 accept "
	    "comment \"dnsfw\"; }; chain other { accept "
	    "comment \"dnsfw:managed\"; }; }'");
	start(&nftables);
	run("nft add rule inet filter dnsfw tcp dport 23 accept");
	cr_assert_eq(nftables.prepare(check(&nftables),
	    refill), 0);
	cr_assert_eq(lines("nft list chain inet filter dnsfw | grep accept"),
	    6);
	cr_assert_eq(lines("nft list chain inet filter dnsfw | grep dport.2"),
	    2);
	cr_assert_eq(lines("nft list chain inet filter other | grep accept"),
	    1);
}

/* Linux 6.5 and later; else the size stays, and a warning says so. */
Test(backend, G9_nftables_size_follows_max_grants_and_entries_stay)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_nftables();
	nftables.add(adds, four_grants(g, adds));
	config.max_grants = 50;
	cr_assert_eq(nftables.prepare(check(&nftables),
	    refill), 0);
	cr_assert_eq(lines("nft list ruleset | grep 'size 100$'"), 4);
	cr_assert_eq(lines("nft list ruleset | grep expires"), 4);
	/* The operator's own use of a set is no obstacle. */
	run("nft add rule inet filter dnsfw ip saddr . meta l4proto . th dport "
	    ". ip daddr @dnsfw_ipv4_allow drop");
	config.max_grants = 60;
	cr_assert_eq(nftables.prepare(check(&nftables),
	    refill), 0);
	cr_assert_eq(lines("nft list ruleset | grep 'size 120$'"), 4);
	cr_assert_eq(lines("nft list ruleset | grep expires"), 4);
	cr_assert_eq(lines("nft list ruleset | grep accept"), 4);
}

static void
table_of_one_family(uint8_t table_family, const char *make,
    uint8_t expected, const char *rule)
{
	struct backend_add adds[4];
	struct msg_grant g[4];
	uint8_t families;
	size_t i;

	new_netns();
	config.chain = "dnsfw";
	config.table_family = table_family;
	run(make);
	start(&nftables);
	cr_assert_eq(nftables.check(&families), 0);
	cr_assert_eq(families, expected);
	four_grants(g, adds);
	i = expected == MSG_FAMILY_V4 ? 0 : 1;
	nftables.add(&adds[i], 1);
	cr_assert_eq(adds[i].code, BACKEND_OK);
	cr_assert(shows("nft -s list ruleset", rule), "%s", output);
	cr_assert_eq(lines("nft list ruleset | grep accept"), 2);
	cr_assert_eq(lines("nft list ruleset | grep 'set .* {'"), 2);
}

Test(backend, F2_table_of_family_ip)
{
	table_of_one_family(NFPROTO_IPV4,
	    "nft 'table ip filter { chain dnsfw { }; }'", MSG_FAMILY_V4,
	    "ip saddr . meta l4proto . th dport . ip daddr "
	    "@dnsfw_ipv4_allow counter accept");
}

Test(backend, F2_table_of_family_ip6)
{
	table_of_one_family(NFPROTO_IPV6,
	    "nft 'table ip6 filter { chain dnsfw { }; }'", MSG_FAMILY_V6,
	    "ip6 saddr . meta l4proto . th dport . ip6 daddr "
	    "@dnsfw_ipv6_allow counter accept");
}

/* iptables-save would save nothing of it any more. */
Test(backend, F2_table_of_iptables_is_refused)
{
	char log[1024];
	uint8_t families;

	new_netns();
	config.table_family = NFPROTO_IPV4;
	nftables.open();
	run("iptables -N DNSFW");
	cr_assert_eq(check_logs(&nftables, &families, log,
	    sizeof(log)), 0, "it cannot be told yet");
	cr_assert(strstr(log, "[WARN ] table ip filter has a name") != NULL,
	    "%s", log);
	run("iptables -A FORWARD -j DNSFW");
	cr_assert_eq(check_logs(&nftables, &families, log,
	    sizeof(log)), -1);
	cr_assert(strstr(log, "table ip filter is that of iptables") != NULL,
	    "%s", log);
	/* Of the other family it is another one. */
	run("nft flush table ip filter && nft delete table ip filter && "
	    "nft 'table ip filter { chain DNSFW { }; }' && "
	    "ip6tables -A FORWARD -j ACCEPT");
	cr_assert_eq(check_logs(&nftables, &families, log,
	    sizeof(log)), 0);
}

Test(backend, F2_chain_missing_or_base)
{
	char log[1024];
	uint8_t families;

	new_netns();
	config.chain = "dnsfw";
	nftables.open();
	cr_assert_eq(check_logs(&nftables, &families, log,
	    sizeof(log)), -1);
	cr_assert(strstr(log, "nft add chain inet filter dnsfw") != NULL,
	    "%s", log);
	run("nft 'table inet filter { chain dnsfw { type filter hook forward "
	    "priority 0; }; }'");
	cr_assert_eq(check_logs(&nftables, &families, log,
	    sizeof(log)), -1);
	cr_assert(strstr(log, "chain inet filter dnsfw has a hook") != NULL,
	    "%s", log);
}

Test(backend, F2_set_of_another_kind_is_refused)
{
	static const char *const sets[] = {
		"type ipv4_addr; flags timeout;",
		"type ipv4_addr . inet_proto . inet_service . ipv4_addr;",
		("type ipv4_addr . inet_proto . inet_service . ipv4_addr; "
		    "flags timeout, interval;")
	};
	char command[256], log[1024];
	uint8_t families;
	size_t i;

	new_netns();
	config.chain = "dnsfw";
	run("nft 'table inet filter { chain dnsfw { }; }'");
	nftables.open();
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		snprintf(command, sizeof(command),
		    "nft 'table inet filter { set dnsfw_ipv4_allow { %s }; }'",
		    sets[i]);
		run(command);
		cr_assert_eq(check_logs(&nftables, &families, log,
		    sizeof(log)), -1, "%s", sets[i]);
		cr_assert(strstr(log, "set dnsfw_ipv4_allow in table inet filter is ") !=
		    NULL, "%s", log);
		run("nft delete set inet filter dnsfw_ipv4_allow");
	}
	cr_assert_eq(nftables.check(&families), 0);
}

Test(backend, F2_one_bad_element_does_not_take_the_others)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_nftables();
	run("nft flush chain inet filter dnsfw && "
	    "nft delete set inet filter dnsfw_ipv6_allow");
	nftables.add(adds, four_grants(g, adds));
	cr_assert_eq(adds[0].code, BACKEND_OK);
	cr_assert_eq(adds[1].code, BACKEND_FAILED);
	cr_assert_eq(adds[2].code, BACKEND_OK);
	cr_assert_eq(adds[3].code, BACKEND_OK);
	cr_assert_eq(lines("nft list ruleset | grep expires"), 3);
}

Test(backend, F2_everything_gone_fails_but_returns)
{
	start_nftables();
	run("nft flush ruleset");
	many(batch_grants, batch, MANY);
	nftables.add(batch, MANY);
	cr_assert_eq(count_code(batch, MANY, BACKEND_FAILED),
	    MANY);
}

Test(backend, G11_nftables_full)
{
	config.max_grants = 50;
	start_nftables();
	many(batch_grants, batch, MANY);
	nftables.add(batch, MANY);
	cr_assert_eq(count_code(batch, MANY, BACKEND_OK), 100);
	cr_assert_eq(count_code(batch, MANY, BACKEND_FULL),
	    MANY - 100);
	/* Refreshing what is there needs no room. */
	nftables.add(batch, 100);
	cr_assert_eq(count_code(batch, 100, BACKEND_OK), 100);
}

Test(backend, F5_largest_batch_with_longest_names)
{
	char name[64], command[256], label[MSG_LABEL_SIZE];
	size_t i;

	new_netns();
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	config.chain = config.table = name;
	snprintf(command, sizeof(command),
	    "nft 'table inet %s { chain %s { }; }'", name, name);
	run(command);
	start(&nftables);
	for (i = 0; i < MANY; i++) {
		batch_grants[i] = grant("fd00::8", IPPROTO_TCP,
		    (uint16_t)(i + 1), "2001:db8::1", label);
		batch[i] = (struct backend_add){ .grant = &batch_grants[i],
		    .left = 2147483 * CLOCK_SECOND };
	}
	nftables.add(batch, MANY);
	cr_assert_eq(count_code(batch, MANY, BACKEND_OK),
	    MANY);
	cr_assert_eq(lines("nft list ruleset | grep expires"),
	    MANY);
}

/* What a listing found. */
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

static size_t
list(const struct kit *b)
{
	nlisted = 0;
	cr_assert_eq(b->list(MSG_FAMILY_V4 | MSG_FAMILY_V6, on_listed, NULL),
	    0);
	return (nlisted);
}

/* What was added is listed, bit for bit, with no more time than it has. */
static void
lists_what_was_added(const struct kit *b)
{
	struct backend_add adds[4];
	struct msg_grant g[4];
	size_t i, j;

	cr_assert_eq(list(b), 0);
	b->add(adds, four_grants(g, adds));
	cr_assert_eq(list(b), 4);
	for (i = 0; i < 4; i++) {
		for (j = 0; j < 4 && memcmp(&listed[i], &g[j],
		    sizeof(g[j])) != 0; j++)
			;
		cr_assert_lt(j, 4);
		cr_assert_leq(listed_ms[i], 590000);
		cr_assert_geq(listed_ms[i], 588000);
	}
}

Test(backend, G9_ipset_lists_what_was_added)
{
	start_iptables();
	lists_what_was_added(&ipset);
}

Test(backend, G9_nftables_lists_what_was_added)
{
	start_nftables();
	lists_what_was_added(&nftables);
}

Test(backend, G9_ipset_lists_what_others_added)
{
	start_iptables();
	run("ipset add DNSFW-ipv4-allow 10.0.0.1,icmp:8/0,192.0.2.1 timeout 0 "
	    "comment 'any text, at all' && "
	    "ipset add DNSFW-ipv6-allow-local 2001:db8::1,udp:7 timeout 100");
	cr_assert_eq(list(&ipset), 2);
	cr_assert_eq(listed[0].proto, IPPROTO_ICMP);
	cr_assert_eq(listed_ms[0], 0);
	cr_assert_str_eq(listed[0].label, "any text, at all");
	cr_assert_eq(listed[1].local, 1);
	cr_assert_str_eq(listed[1].label, "");
}

Test(backend, G9_nftables_lists_what_others_added)
{
	start_nftables();
	run("nft add element inet filter dnsfw_ipv4_allow "
	    "'{ 10.0.0.1 . icmp . 0 . 192.0.2.1 }'");
	run("nft add element inet filter dnsfw_ipv4_allow_local "
	    "'{ tcp . 22 . 192.0.2.1 timeout 1m comment \"by hand\" }'");
	cr_assert_eq(list(&nftables), 2);
	cr_assert_eq(listed[0].proto, IPPROTO_ICMP);
	cr_assert_eq(listed_ms[0], 0);
	cr_assert_eq(listed[1].port, 22);
	cr_assert_str_eq(listed[1].label, "by hand");
	cr_assert_leq(listed_ms[1], 60000);
}

/* Rounded up to what the kernel counts in, and listed rounded down. */
static void
rounds(const struct kit *b, uint64_t unit)
{
	struct msg_grant g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1",
	    "a.example.");
	struct backend_add add = { .grant = &g,
	    .left = 20 * unit + unit / 3 };

	b->add(&add, 1);
	cr_assert_eq(add.code, BACKEND_OK);
	cr_assert_eq(list(b), 1);
	cr_assert_leq(listed_ms[0], 21 * unit / 1000000);
	cr_assert_geq(listed_ms[0], unit < CLOCK_SECOND ? 1 : 20000);
}

Test(backend, G2_ipset_counts_seconds)
{
	start_iptables();
	rounds(&ipset, CLOCK_SECOND);
	run("ipset flush && ipset add DNSFW-ipv4-allow "
	    "10.0.0.1,tcp:1,192.0.2.1 timeout 1");
	cr_assert_eq(list(&ipset), 1);
	cr_assert_eq(listed_ms[0], 1000);
}

Test(backend, G2_nftables_counts_milliseconds)
{
	start_nftables();
	rounds(&nftables, CLOCK_SECOND / 1000);
}

static void
on_counted(void *arg, const struct msg_grant *g, uint64_t ms)
{
	(void)g;
	(void)ms;
	++*(size_t *)arg;
}

static size_t
count_all(const struct kit *b)
{
	size_t n = 0;

	cr_assert_eq(b->list(MSG_FAMILY_V4 | MSG_FAMILY_V6, on_counted, &n),
	    0);
	return (n);
}

/* A long listing comes in many datagrams. */
static void
lists_many(const struct kit *b)
{
	size_t i, j;

	for (i = 0; i < 3; i++) {
		many(batch_grants, batch, MANY);
		for (j = 0; j < MANY; j++)
			batch_grants[j].port = (uint16_t)(1000 + i);
		b->add(batch, MANY);
	}
	cr_assert_eq(count_all(b), 3 * MANY);
}

Test(backend, G9_ipset_lists_many)
{
	start_iptables();
	lists_many(&ipset);
}

Test(backend, G9_nftables_lists_many)
{
	start_nftables();
	lists_many(&nftables);
}

/* A9 */

static void
removes(const struct kit *b)
{
	struct backend_add adds[4];
	struct msg_grant g[4], other;

	b->add(adds, four_grants(g, adds));
	other = grant("10.0.0.9", IPPROTO_TCP, 443, "192.0.2.1", "a.example.");
	adds[3].grant = &other;
	/* Three that are there, one that is not. */
	b->remove(adds, 4);
	cr_assert_eq(count_code(adds, 4, BACKEND_OK), 4);
	cr_assert_eq(list(b), 1);
	cr_assert_eq(memcmp(&listed[0], &g[3], sizeof(g[3])), 0);
	many(batch_grants, batch, MANY);
	b->add(batch, MANY);
	b->remove(batch, MANY);
	cr_assert_eq(count_code(batch, MANY, BACKEND_OK),
	    MANY);
	cr_assert_eq(list(b), 1);
}

Test(backend, A9_ipset_removes)
{
	start_iptables();
	removes(&ipset);
}

Test(backend, A9_nftables_removes)
{
	start_nftables();
	removes(&nftables);
}

/* G10 */

Test(backend, G10_ipset_notices)
{
	struct backend_add adds[4];
	struct msg_grant g[4];
	uint8_t both = MSG_FAMILY_V4 | MSG_FAMILY_V6;

	start_iptables();
	cr_assert(ipset.intact(both, NULL, 0));
	ipset.add(adds, four_grants(g, adds));
	cr_assert(ipset.intact(both, adds, 4));
	run("ipset flush DNSFW-ipv6-allow-local");
	cr_assert_not(ipset.intact(both, adds, 4));
	cr_assert(ipset.intact(both, adds, 3));
	run("ipset del DNSFW-ipv4-allow 10.0.0.8,tcp:443,192.0.2.1");
	cr_assert_not(ipset.intact(both, adds, 3));
	run("iptables -F DNSFW && ipset destroy DNSFW-ipv4-allow-local");
	cr_assert_not(ipset.intact(both, NULL, 0));
	cr_assert(ipset.intact(MSG_FAMILY_V6, NULL, 0));
}

/* The families to whose chain a way leads. */
static uint8_t
reached(const struct kit *b)
{
	uint8_t found, blocked;

	cr_assert_eq(b->effect(MSG_FAMILY_V4 | MSG_FAMILY_V6, &found,
	    &blocked), 0);
	cr_assert_eq(blocked, 0);
	return (found);
}

static void
chains_and_jumps(const struct kit *b, const char *jump,
    const char *unjump, const char *gone, uint8_t without)
{
	uint8_t both = MSG_FAMILY_V4 | MSG_FAMILY_V6;

	cr_assert_eq(b->chains(), both);
	cr_assert_eq(reached(b), 0);
	run(jump);
	cr_assert_eq(reached(b), both);
	run(unjump);
	cr_assert_eq(reached(b), 0);
	run(gone);
	cr_assert_eq(b->chains(), without);
}

Test(backend, G10_chains_and_jumps_iptables)
{
	start_iptables();
	chains_and_jumps(&ipset,
	    "iptables -A FORWARD -j DNSFW && ip6tables -A OUTPUT -g DNSFW",
	    "iptables -F FORWARD && ip6tables -F OUTPUT",
	    "iptables -F DNSFW && iptables -X DNSFW", MSG_FAMILY_V6);
}

Test(backend, G10_chains_and_jumps_nftables)
{
	start_nftables();
	chains_and_jumps(&nftables,
	    "nft 'table inet filter { chain f { type filter hook forward "
	    "priority 0; tcp dport vmap { 1 : jump dnsfw } ; }; }'",
	    "nft flush chain inet filter f",
	    "nft flush ruleset", 0);
}

/* Packets: each address is on the loopback interface, so no peer is needed. */

/* True if the firewall lets a datagram from src to dst and port leave. */
static bool
passes(const char *src, const char *dst, uint16_t port)
{
	struct sockaddr_storage from, to;
	struct addr a;
	socklen_t len;
	ssize_t n;
	int fd;

	cr_assert_eq(addr_parse(src, strlen(src), &a), 0);
	len = addr_to_sockaddr(&a, 0, 0, &from);
	cr_assert_eq(addr_parse(dst, strlen(dst), &a), 0);
	addr_to_sockaddr(&a, port, 0, &to);
	fd = socket(from.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(fd, (struct sockaddr *)&from, len), 0);
	n = sendto(fd, "x", 1, 0, (struct sockaddr *)&to, len);
	cr_assert(n == 1 || errno == EPERM);
	close(fd);
	return (n == 1);
}

static void
up(void)
{
	run("ip link set lo up && ip addr add 10.0.0.8 dev lo && "
	    "ip addr add 192.0.2.1 dev lo && ip addr add fd00::8 dev lo "
	    "&& ip addr add 2001:db8::1 dev lo");
}

static void
packets(const struct kit *b, const char *client, const char *dst)
{
	struct msg_grant g;
	unsigned int i;

	cr_assert_not(passes(client, dst, 443));
	g = grant(client, IPPROTO_UDP, 443, dst, "a.example.");
	cr_assert_eq(add_one(b, &g, 60), BACKEND_OK);
	cr_assert(passes(client, dst, 443));
	cr_assert_not(passes(client, dst, 444));
	cr_assert_not(passes(client, client, 443));
	cr_assert_not(passes(dst, dst, 443));

	g = grant(client, IPPROTO_TCP, 53, dst, "a.example.");
	cr_assert_eq(add_one(b, &g, 60), BACKEND_OK);
	cr_assert_not(passes(client, dst, 53));

	g = grant(NULL, IPPROTO_UDP, 123, dst, "a.example.");
	cr_assert_eq(add_one(b, &g, 1), BACKEND_OK);
	cr_assert(passes(client, dst, 123));
	cr_assert(passes(dst, dst, 123));
	cr_assert_not(passes(client, client, 123));
	/* A second, rounded up; far from a minute. */
	for (i = 0; i < 500 && passes(client, dst, 123); i++)
		poll(NULL, 0, 10);
	cr_assert_not(passes(client, dst, 123));
}

Test(backend, F1_packets)
{
	start_iptables();
	up();
	run("iptables -A OUTPUT -j DNSFW && iptables -P OUTPUT DROP && "
	    "ip6tables -A OUTPUT -j DNSFW && ip6tables -P OUTPUT DROP");
	packets(&ipset, "10.0.0.8", "192.0.2.1");
	packets(&ipset, "fd00::8", "2001:db8::1");
}

Test(backend, F2_packets)
{
	start_nftables();
	up();
	run("nft 'table inet filter { chain output { type filter hook output "
	    "priority 0; policy drop; jump dnsfw; }; }'");
	packets(&nftables, "10.0.0.8", "192.0.2.1");
	packets(&nftables, "fd00::8", "2001:db8::1");
}

/* P1 */

static void
check_without_capability(const struct kit *b)
{
	char log[1024];
	uint8_t families;

	real_is_powerless = true;
	b->open();
	cr_assert_eq(check_logs(b, &families, log, sizeof(log)), -1);
	cr_assert(strstr(log, "CAP_NET_ADMIN is needed") != NULL, "%s", log);
}

Test(backend, P1_no_capability_is_said_iptables)
{
	new_netns();
	check_without_capability(&ipset);
}

Test(backend, P1_no_capability_is_said_nftables)
{
	new_netns();
	check_without_capability(&nftables);
}
