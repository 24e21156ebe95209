/*
 * Both backends on the real kernel.  Whoever asks and reads has no capability;
 * the one that sends has it, in another process.
 */
#include "kernel_real.h"

#include "keep/kernel/conntrack.h"
#include "keep/kernel/watch.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <linux/netfilter.h>

#define BOTH	(MSG_FAMILY_V4 | MSG_FAMILY_V6)
#define MAX	100
#define OPTMEM	"/proc/sys/net/core/optmem_max"

static struct backend_config nft = { .chain = "c", .table = "t",
    .table_family = NFPROTO_INET, .max_grants = MAX };
static struct backend_config xt = { .chain = "c", .max_grants = MAX };

static const struct backend *backend;
static struct msg_grant grants[BACKEND_BATCH_MAX * 8];
static struct backend_batch batch;
static pid_t helper;

static void
open_nft_here(void)
{
	run("nft 'table inet t { chain base { type filter hook forward "
	    "priority 0; jump c; }; chain c { counter; drop; }; }'");
	backend = &backend_nftables;
	helper = real_open(backend, &nft);
}

static void
open_nft(void)
{
	new_netns();
	open_nft_here();
}

/* As all kernels before Linux 6.7, where it can be set. */
static void
open_nft_with_little_room(void)
{
	new_netns();
	(void)system("echo 20480 > " OPTMEM);
	open_nft_here();
}

static void
open_xt(void)
{
	new_netns();
	run("iptables-nft -N c && iptables-nft -A FORWARD -j c && "
	    "ip6tables-nft -N c");
	backend = &backend_ipset;
	helper = real_open(backend, &xt);
}

TestSuite(nft, .init = open_nft);
TestSuite(little_room, .init = open_nft_with_little_room);
TestSuite(xt, .init = open_xt);

static enum backend_step
prepare(uint8_t families, bool *filled)
{
	struct backend_prepare p = { .families = families };
	enum backend_step step;

	*filled = false;
	while ((step = backend->prepare(&p)) <= PREPARE_FILL) {
		if (step == PREPARE_FILL)
			*filled = true;
	}
	return (step);
}

static void
set_up(void)
{
	uint8_t families;
	bool filled;

	cr_assert_eq(backend->check(&families), 0);
	cr_assert_eq(families, BOTH);
	cr_assert_eq(prepare(BOTH, &filled), PREPARE_DONE);
	cr_assert_not(filled);
}

static const struct msg_grant *
make_grant(size_t i, size_t kind)
{
	struct msg_grant *g = &grants[i];

	*g = (struct msg_grant){ .type = MSG_GRANT, .proto = i & 1 ? 6 : 17,
	    .family = kind < 2 ? ADDR_V4 : ADDR_V6, .local = kind & 1,
	    .port = (uint16_t)(i + 1) };
	if (kind < 2) {
		memcpy(g->dst, "\xc6\x33\x64\x01", 4);
		memcpy(g->client, "\x0a\0\0\1", 4);
	} else {
		memcpy(g->dst, "\x2a\0\0\1", 4);
		memcpy(g->client, "\x2a\0\0\2", 4);
	}
	g->dst[3] = (uint8_t)i;
	if (g->local)
		memset(g->client, 0, sizeof(g->client));
	snprintf(g->label, sizeof(g->label), "n%zu.example", i);
	return (g);
}

static void
fill_batch(size_t first, size_t n, bool is_new)
{
	size_t i;

	batch.n = n;
	for (i = 0; i < n; i++)
		batch.adds[i] = (struct backend_add){ .is_new = is_new,
		    .grant = make_grant(first + i, (first + i) % 4),
		    .left = 100 * CLOCK_SECOND, .code = 77 };
}

static void
expect_codes(enum backend_code code)
{
	size_t i;

	for (i = 0; i < batch.n; i++)
		cr_expect_eq(batch.adds[i].code, code, "%zu: %u instead of %u",
		    i, batch.adds[i].code, code);
}

/* What a listing of all kinds found. */
static struct msg_grant found[4096];
static uint64_t found_ms[4096];
static size_t nfound;

static void
note(void *arg, const struct msg_grant *g, uint64_t ms)
{
	cr_assert_eq(arg, &nfound);
	found_ms[nfound] = ms;
	found[nfound++] = *g;
}

static void
list_all(void)
{
	enum list_step step;
	struct list l;
	size_t kind;

	nfound = 0;
	for (kind = 0; kind < BACKEND_KINDS; kind++) {
		cr_assert_eq(backend->entries(kind, &l), 0);
		while ((step = backend->entries_step(kind, &l, 1, note,
		    &nfound)) == LIST_MORE)
			;
		cr_assert(step == LIST_END || step == LIST_NONE, "%u", step);
	}
}

static void
expect_found(const struct msg_grant *g, uint64_t ms_min, uint64_t ms_max)
{
	size_t i;

	for (i = 0; i < nfound; i++) {
		if (memcmp(&found[i], g, sizeof(*g)) == 0)
			break;
	}
	cr_expect_lt(i, nfound, "%s is not there", g->label);
	cr_expect(found_ms[i] >= ms_min && found_ms[i] <= ms_max,
	    "%s: %llu ms", g->label, (unsigned long long)found_ms[i]);
}

static void
add_and_list(void)
{
	size_t i;

	set_up();
	fill_batch(0, 64, true);
	backend->add(&batch);
	expect_codes(BACKEND_OK);
	fill_batch(64, 7, false);
	backend->add(&batch);
	expect_codes(BACKEND_OK);
	list_all();
	cr_expect_eq(nfound, 71);
	for (i = 0; i < 71; i++)
		expect_found(&grants[i], 98000, 100000);
}

Test(nft, add_and_list)
{
	add_and_list();
}

Test(xt, add_and_list)
{
	add_and_list();
}

/* A longer time, another name; and it is not as new as it was said. */
static void
refresh(void)
{
	set_up();
	fill_batch(0, 64, true);
	backend->add(&batch);
	expect_codes(BACKEND_OK);
	fill_batch(0, 64, true);
	batch.adds[3].left = 300 * CLOCK_SECOND;
	memcpy(grants[3].label, "another.example", 16);
	backend->add(&batch);
	expect_codes(BACKEND_OK);
	list_all();
	cr_expect_eq(nfound, 64);
	expect_found(&grants[3], 298000, 300000);
	expect_found(&grants[2], 98000, 100000);
}

Test(nft, refresh)
{
	refresh();
}

Test(xt, refresh)
{
	refresh();
}

static void
remove_and_test(void)
{
	size_t i;

	set_up();
	fill_batch(0, 8, true);
	backend->test(&batch);
	expect_codes(BACKEND_GONE);
	backend->add(&batch);
	backend->test(&batch);
	expect_codes(BACKEND_OK);
	batch.n = 4;
	backend->remove(&batch);
	expect_codes(BACKEND_OK);
	batch.n = 8;
	backend->test(&batch);
	for (i = 0; i < 8; i++)
		cr_expect_eq(batch.adds[i].code, i < 4 ? BACKEND_GONE :
		    BACKEND_OK);
	backend->remove(&batch);
	expect_codes(BACKEND_OK);
	list_all();
	cr_expect_eq(nfound, 0);
}

Test(nft, remove_and_test)
{
	remove_and_test();
}

Test(xt, remove_and_test)
{
	remove_and_test();
}

/* Into one set, until it is full, and some more: only these fail. */
static void
fill_up(size_t room)
{
	size_t i, n, ok = 0, full = 0;

	set_up();
	for (n = 0; n < room + 20; n += batch.n) {
		batch.n = 20;
		for (i = 0; i < batch.n; i++)
			batch.adds[i] = (struct backend_add){ .is_new = true,
			    .grant = make_grant(n + i, 0),
			    .left = 100 * CLOCK_SECOND };
		backend->add(&batch);
		for (i = 0; i < batch.n; i++) {
			ok += batch.adds[i].code == BACKEND_OK;
			full += batch.adds[i].code == BACKEND_FULL;
		}
	}
	cr_expect_eq(ok, room, "%zu", ok);
	cr_expect_eq(full, n - room);
	list_all();
	cr_expect_eq(nfound, room);
}

Test(nft, full)
{
	fill_up(2 * MAX);
}

Test(xt, full)
{
	fill_up(MAX);
}

/* Without its sets, nothing is added; to be removed is to be gone. */
Test(xt, no_sets)
{
	fill_batch(0, 3, true);
	backend->add(&batch);
	expect_codes(BACKEND_FAILED);
	backend->remove(&batch);
	expect_codes(BACKEND_OK);
	backend->test(&batch);
	expect_codes(BACKEND_GONE);
}

Test(nft, no_sets)
{
	enum list_step step;
	struct list l;

	fill_batch(0, 3, true);
	backend->add(&batch);
	expect_codes(BACKEND_FAILED);
	backend->remove(&batch);
	expect_codes(BACKEND_OK);
	backend->test(&batch);
	expect_codes(BACKEND_GONE);
	cr_assert_eq(backend->entries(0, &l), 0);
	while ((step = backend->entries_step(0, &l, 9, note, NULL)) ==
	    LIST_MORE)
		;
	cr_expect_eq(step, LIST_NONE);
}

/* This process itself can do nothing, not on these sockets either. */
static void
is_powerless(void)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct stamp *s = &real_stamps->at[STAMP_CHAIN][0];
	struct nlmsgerr e;
	uint8_t in[8192];
	int fd;

	set_up();
	for (fd = KEEP_FD_ACT; fd <= KEEP_FD_FLOWS; fd++) {
		cr_assert_eq(sendto(real_fds[fd], s->bytes, s->len, 0,
		    (struct sockaddr *)&kernel, sizeof(kernel)), s->len);
		cr_assert_gt(recv(fd, in, sizeof(in), MSG_DONTWAIT), 0);
		memcpy(&e, in + sizeof(struct nlmsghdr), sizeof(e.error));
		cr_expect_eq(e.error, -EPERM, "%d: %d", fd, e.error);
	}
	/* And yet it reads what it has asked for. */
	fill_batch(0, 1, true);
	backend->add(&batch);
	expect_codes(BACKEND_OK);
}

Test(nft, reads_without_capability)
{
	is_powerless();
}

Test(xt, reads_without_capability)
{
	is_powerless();
}

/* The helper stands still for a while; nothing is lost afterwards. */
static void
standstill(void)
{
	uint64_t begin;

	set_up();
	real_stop(helper);
	begin = clock_now();
	fill_batch(0, 64, true);
	backend->add(&batch);
	expect_codes(BACKEND_UNKNOWN);
	cr_expect_lt(clock_now() - begin, PATIENCE_START);
	cr_expect(ask_stuck());
	real_continue(helper);
	while (ask_stuck())
		ask_look();
	backend->test(&batch);
	expect_codes(BACKEND_OK);
	list_all();
	cr_expect_eq(nfound, 64);
}

Test(nft, standstill)
{
	standstill();
}

Test(xt, standstill)
{
	standstill();
}

Test(nft, rules_stay_and_missing_ones_come)
{
	bool filled;

	set_up();
	run("test $(nft list chain inet t c | grep -c dnsfw:managed) = 4");
	/* Before the end of the chain. */
	run("nft list chain inet t c | tail -n +2 | sed -n 2p | "
	    "grep -q counter.packets");
	run("nft list chain inet t c | tail -n 3 | grep -q drop");
	run("nft -a list table inet t > /tmp/$PPID.before");
	cr_expect_eq(prepare(BOTH, &filled), PREPARE_DONE);
	run("nft -a list table inet t | diff /tmp/$PPID.before - && "
	    "rm /tmp/$PPID.before");
	run("nft delete rule inet t c handle $(nft -a list chain inet t c | "
	    "sed -n 's/.*@c_ipv6_allow .*handle //p')");
	run("test $(nft list chain inet t c | grep -c dnsfw:managed) = 3");
	cr_expect_eq(prepare(BOTH, &filled), PREPARE_DONE);
	run("test $(nft list chain inet t c | grep -c dnsfw:managed) = 4");
	run("nft list chain inet t c | tail -n 3 | grep -q drop");
}

/* A set of another size is replaced by one that is filled before. */
Test(xt, replaced_set)
{
	struct backend_prepare p = { .families = BOTH };
	enum backend_step step;
	unsigned int fills = 0;

	run("ipset create c-ipv4-allow hash:ip,port,ip maxelem 50 timeout 60 "
	    "comment && ipset create c-new hash:ip timeout 3");
	while ((step = backend->prepare(&p)) <= PREPARE_FILL) {
		if (step != PREPARE_FILL)
			continue;
		fills++;
		cr_assert_eq(p.kind, 0);
		batch.n = 1;
		batch.adds[0] = (struct backend_add){ .spare = true,
		    .grant = make_grant(0, 0), .left = 50 * CLOCK_SECOND };
		backend->add(&batch);
		expect_codes(BACKEND_OK);
		list_all();
		cr_expect_eq(nfound, 0, "it is in the new one");
	}
	cr_assert_eq(step, PREPARE_DONE);
	cr_expect_eq(fills, 1);
	list_all();
	cr_expect_eq(nfound, 1);
	run("ipset list -t c-ipv4-allow | grep -q 'maxelem 100 '");
	run("! ipset list -t c-new 2>/dev/null");
	run("iptables-nft -S c | grep -q c-ipv4-allow.src,dst,dst");
	run("test $(iptables-nft -S c | grep -c -- -A) = 2");
	run("test $(ip6tables-nft -S c | grep -c -- -A) = 2");
}

Test(xt, set_of_another_type)
{
	uint8_t families;
	bool filled;

	run("ipset create c-ipv6-allow hash:ip timeout 60 comment");
	cr_expect_eq(backend->check(&families), -1);
	cr_expect_eq(prepare(BOTH, &filled), PREPARE_FAILED);
	cr_expect_eq(prepare(MSG_FAMILY_V4, &filled), PREPARE_DONE);
}

Test(nft, set_of_another_type)
{
	uint8_t families;

	run("nft add set inet t c_ipv6_allow '{ type ipv6_addr; }'");
	cr_expect_eq(backend->check(&families), -1);
}

Test(xt, intact)
{
	set_up();
	cr_expect_eq(backend->intact(BOTH), 1);
	run("iptables-nft -F c && ipset destroy c-ipv4-allow");
	cr_expect_eq(backend->intact(BOTH), 0);
	cr_expect_eq(backend->intact(MSG_FAMILY_V6), 1);
	real_stop(helper);
	cr_expect_eq(backend->intact(BOTH), -1);
}

static void
chains(uint8_t there)
{
	uint8_t now;

	cr_expect_eq(backend->chains(&now), 0);
	cr_expect_eq(now, there);
}

Test(xt, chains)
{
	chains(BOTH);
	cr_expect_not(backend->is_missing());
	run("ip6tables-nft -X c");
	chains(MSG_FAMILY_V4);
	run("iptables-nft -F && iptables-nft -X c");
	chains(0);
	cr_expect(backend->is_missing());
}

Test(nft, chains)
{
	uint8_t families;

	chains(BOTH);
	run("nft flush chain inet t base && nft delete chain inet t c");
	chains(0);
	cr_expect(backend->is_missing());
	cr_expect_eq(backend->check(&families), -1);
	run("nft delete table inet t");
	chains(0);
	run("nft 'table inet t { chain c { type filter hook input priority 0; "
	    "}; }'");
	chains(0);
	cr_expect_not(backend->is_missing());
}

static void
no_answer_is_not_no_chain(void)
{
	uint8_t now = BOTH;

	real_stop(helper);
	cr_expect_eq(backend->chains(&now), -1);
	cr_expect_not(backend->is_missing());
	cr_expect_eq(backend->check(&now), -1);
}

Test(nft, no_answer_is_not_no_chain)
{
	no_answer_is_not_no_chain();
}

Test(xt, no_answer_is_not_no_chain)
{
	no_answer_is_not_no_chain();
}

static struct backend_effect effect;

static void
expect_effect(uint8_t reached, uint8_t blocked)
{
	enum list_step step;

	memset(&effect, 0, sizeof(effect));
	effect.families = BOTH;
	while ((step = backend->effect(&effect, 1)) == LIST_MORE)
		;
	cr_expect_eq(step, LIST_END);
	cr_expect_eq(effect.reached, reached);
	cr_expect_eq(effect.blocked, blocked);
}

Test(nft, effect)
{
	set_up();
	expect_effect(BOTH, 0);
	run("nft insert rule inet t c meta nfproto ipv6 drop");
	expect_effect(BOTH, MSG_FAMILY_V6);
	run("nft flush chain inet t base");
	expect_effect(0, MSG_FAMILY_V6);
	run("nft add map inet t m '{ type inet_service : verdict; "
	    "elements = { 1 : accept, 2 : goto c }; }'");
	expect_effect(0, MSG_FAMILY_V6);
	run("nft add rule inet t base tcp dport vmap @m");
	expect_effect(BOTH, MSG_FAMILY_V6);
	effect = (struct backend_effect){ .families = MSG_FAMILY_V4 };
	while (backend->effect(&effect, 1) == LIST_MORE)
		;
	cr_expect_eq(effect.reached, MSG_FAMILY_V4);
	cr_expect_eq(effect.blocked, 0);
}

Test(xt, effect)
{
	set_up();
	expect_effect(MSG_FAMILY_V4, 0);
	run("ip6tables-nft -A INPUT -j c && iptables-nft -I c -j DROP");
	expect_effect(BOTH, MSG_FAMILY_V4);
}

Test(nft, events)
{
	set_up();
	fill_batch(0, 64, true);
	backend->add(&batch);
	backend->remove(&batch);
	cr_expect_eq(watch_read(), 0, "own changes");
	run("nft add rule inet t base counter");
	cr_expect_eq(watch_read() & (WATCH_LOST | WATCH_UNSURE), 0);
	run("nft add rule inet t base jump c");
	cr_expect_eq(watch_read(), WATCH_RULES | WATCH_ADDED);
	run("nft flush set inet t c_ipv4_allow");
	cr_expect_eq(watch_read(), 0, "nothing was in it");
	backend->add(&batch);
	run("nft flush set inet t c_ipv4_allow");
	cr_expect(watch_read() & WATCH_LOST);
	run("nft flush chain inet t c");
	cr_expect(watch_read() & WATCH_LOST);
	/* Each by itself: what goes before may have been seen to already. */
	run("nft delete set inet t c_ipv4_allow");
	cr_expect(watch_read() & WATCH_LOST, "an empty set");
	run("nft flush chain inet t base");
	cr_expect_eq(watch_read() & WATCH_LOST, 0);
	run("nft delete chain inet t c");
	cr_expect(watch_read() & WATCH_LOST, "an empty chain");
	run("nft flush ruleset");
	cr_expect(watch_read() & WATCH_LOST);
}

/* A set of others that is filled, of many small events, or of fewer long ones. */
static void
fill_set_of_others(const char *name)
{
	char command[1024];

	snprintf(command, sizeof(command), "(echo 'add table inet o'; "
	    "echo 'add set inet o %s { type ipv4_addr; flags interval; }'; "
	    "for i in $(seq 1 250); do for j in $(seq 1 2 40); do "
	    "echo \"add element inet o %s { 10.$i.$j.1-10.$i.$j.9 }\"; "
	    "done; done) | nft -f - && nft delete table inet o", name, name);
	run(command);
}

static void
expect_no_event(void)
{
	char in[32768];

	cr_expect_eq(recv(KEEP_FD_EVENTS, in, sizeof(in), MSG_DONTWAIT), -1,
	    "the filter let something through");
	cr_expect_eq(errno, EAGAIN);
}

#define LONG_NAME	"set_of_others_with_a_name_that_takes_as_much_room_as_" \
	"its_elements_so_that_few_fit"

/*
 * Of other tables, or of those of another family with our name, none comes; but
 * before Linux 6.7 there is no room for a filter that sees many in one datagram.
 */
Test(nft, events_of_others)
{
	set_up();
	(void)watch_read();
	run("nft 'table inet tt { chain c { counter; counter; }; }; "
	    "table ip t { chain c { counter; }; set s { type ipv4_addr; "
	    "elements = { 192.0.2.1, 192.0.2.2 }; }; }'");
	fill_set_of_others(LONG_NAME);
	if (system("test $(cat " OPTMEM ") -ge 65536") == 0)
		fill_set_of_others("s");
	run("nft delete table ip t");
	expect_no_event();
	/* Ours among others in one transaction is seen. */
	run("printf 'delete table inet tt\\nadd chain inet t x\\nadd table "
	    "inet u\\n' | nft -f -");
	cr_expect_eq(watch_read(), WATCH_RULES | WATCH_ADDED);
}

/* What a filter of less room lets through means nothing. */
Test(little_room, events_of_others)
{
	unsigned int seen;

	set_up();
	(void)watch_read();
	fill_set_of_others(LONG_NAME);
	expect_no_event();
	fill_set_of_others("s");
	seen = watch_read();
	cr_expect(seen == 0 || (seen & WATCH_UNSURE) != 0, "%#x", seen);
	run("nft add rule inet t base jump c");
	cr_expect_eq(watch_read(), WATCH_RULES | WATCH_ADDED);
}

Test(xt, events)
{
	set_up();
	cr_expect_eq(watch_read(), 0, "own changes");
	run("nft 'table inet filter { chain c { counter; }; }'");
	cr_expect_eq(watch_read(), 0);
	run("ip6tables-nft -A c -j ACCEPT");
	cr_expect_eq(watch_read(), WATCH_RULES | WATCH_ADDED);
	run("iptables-nft -F c");
	cr_expect(watch_read() & WATCH_LOST);
}

/* Connections of this host, by TCP over loopback. */
static bool
is_own(const struct addr *a)
{
	return (a->family == ADDR_V4 && a->bytes[0] == 127);
}

static int
connect_to(uint16_t port, uint16_t from, int *accepted)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(0x7f000001), .sin_port = htons(port) };
	struct sockaddr_in src = sin;
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd, on = 1;

	cr_assert_eq(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)), 0);
	cr_assert_eq(bind(listener, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(listen(listener, 5), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	src.sin_addr.s_addr = htonl(0x7f000009);
	src.sin_port = htons(from);
	cr_assert_eq(bind(fd, (struct sockaddr *)&src, sizeof(src)), 0);
	cr_assert_eq(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	*accepted = accept(listener, NULL, NULL);
	cr_assert_neq(*accepted, -1);
	return (fd);
}

static enum list_step
walk(struct conntrack *c)
{
	enum list_step step;

	while ((step = conntrack_step(c, CLOCK_SECOND / 1000)) == LIST_MORE)
		;
	return (step);
}

static struct msg_grant
loop_grant(uint16_t port, bool local)
{
	struct msg_grant g = { .family = ADDR_V4, .proto = IPPROTO_TCP,
	    .local = local, .port = port, .dst = { 127, 0, 0, 1 } };

	if (!local)
		memcpy(g.client, "\x7f\0\0\x09", 4);
	return (g);
}

static void
connections(const char *zone)
{
	struct msg_grant live = loop_grant(6001, false);
	struct msg_grant here = loop_grant(6002, true);
	struct msg_grant none = loop_grant(6003, false);
	struct conntrack *c = conntrack_new(10, is_own);
	int accepted;

	run("ip link set lo up");
	run(zone);
	run("nft 'table inet x { chain o { type filter hook output priority "
	    "0; ct state new counter; }; }'");
	conntrack_check(c);
	cr_assert_neq(connect_to(6001, 5001, &accepted), -1);
	cr_assert_neq(connect_to(6002, 5002, &accepted), -1);
	cr_assert_eq(conntrack_ask(c, &live, false), 0);
	cr_assert_eq(conntrack_ask(c, &here, false), 0);
	cr_assert_eq(conntrack_ask(c, &none, false), 0);
	cr_expect_eq(walk(c), LIST_END);
	cr_expect(conntrack_is_live(c, &live));
	cr_expect(conntrack_is_live(c, &here));
	cr_expect_not(conntrack_is_live(c, &none));
	cr_expect_eq(conntrack_killed(c), 0);

	conntrack_clear(c);
	cr_assert_eq(conntrack_ask(c, &here, true), 0);
	cr_assert_eq(conntrack_ask(c, &none, true), 0);
	cr_expect_eq(walk(c), LIST_END);
	cr_expect_eq(conntrack_killed(c), 1);
	cr_expect_eq(conntrack_failed(c), 0);
	conntrack_clear(c);
	cr_assert_eq(conntrack_ask(c, &live, false), 0);
	cr_assert_eq(conntrack_ask(c, &here, false), 0);
	cr_expect_eq(walk(c), LIST_END);
	cr_expect(conntrack_is_live(c, &live));
	cr_expect_not(conntrack_is_live(c, &here));

	real_stop(helper);
	conntrack_clear(c);
	cr_assert_eq(conntrack_ask(c, &none, false), 0);
	cr_expect_eq(walk(c), LIST_BROKEN);
	cr_expect(conntrack_is_live(c, &none), "it is not known");
	real_continue(helper);
	conntrack_free(c);
}

Test(nft, connections)
{
	connections("true");
}

Test(xt, connections)
{
	connections("true");
}

Test(nft, connections_in_a_zone)
{
	connections("nft 'table inet z { chain o { type filter hook output "
	    "priority raw; ct zone set 7; }; chain p { type filter hook "
	    "prerouting priority raw; ct zone set 7; }; }'");
}

Test(nft, connections_in_a_zone_of_the_original_direction)
{
	connections("nft 'table inet z { chain o { type filter hook output "
	    "priority raw; ct original zone set 9; }; chain p { type filter "
	    "hook prerouting priority raw; ct original zone set 9; }; }'");
}
