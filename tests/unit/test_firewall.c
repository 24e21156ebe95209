/*
 * What is in the kernel and what is in the ledger stay the same, whatever
 * others do (G9, G10): against the kernel, each test in a network namespace
 * of its own.
 */
#include <criterion/criterion.h>

#include <sys/wait.h>

#include <netinet/in.h>

#include <linux/netfilter.h>

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "clock.h"
#include "hash.h"
#include "firewall.h"
#include "netns.h"

#define BOTH	(MSG_FAMILY_V4 | MSG_FAMILY_V6)

static struct backend_config config = { .chain = "DNSFW", .table = "filter",
    .table_family = NFPROTO_INET, .max_grants = 1000 };

/* The first number that a command prints. */
static unsigned long
number(const char *command)
{
	FILE *f = popen(command, "r");
	unsigned long n = 0;

	cr_assert_not_null(f, "%s", command);
	cr_assert_eq(fscanf(f, "%lu", &n), 1, "%s", command);
	pclose(f);
	return (n);
}

/* One backend, and how its operator does things. */
struct firewall {
	const struct backend *backend;
	const char	*make;		/* table, chain, jump */
	const char	*entries;	/* how many there are */
	const char	*rules;
};

static const struct firewall iptables = {
	.backend = &backend_ipset,
	.make = "iptables -N DNSFW && ip6tables -N DNSFW && "
	    "iptables -A FORWARD -j DNSFW && ip6tables -A FORWARD -j DNSFW",
	.entries = "ipset save | grep -c ^add; true",
	.rules = "(iptables -S DNSFW; ip6tables -S DNSFW) 2>/dev/null | "
	    "grep -c match-set; true"
};

static const struct firewall nftables = {
	.backend = &backend_nftables,
	.make = "nft 'table inet filter { chain DNSFW { }; chain f { type "
	    "filter hook forward priority 0; jump DNSFW; }; }'",
	.entries = "nft list ruleset | grep -c expires; true",
	.rules = "nft list ruleset | grep -c dnsfw:managed; true"
};

static const struct firewall *fw;

static void
prepare(const struct firewall *f)
{
	new_netns();
	fw = f;
	run(fw->make);
	hash_init();
	fw->backend->open(&config);
}

static void
start(const struct firewall *f)
{
	prepare(f);
	firewall_start(fw->backend, config.max_grants);
	cr_assert_eq(firewall_families(), BOTH);
	cr_assert_eq(firewall_ready(), BOTH);
	(void)firewall_look();
}

/* As after the end of the program. */
static void
start_again(void)
{
	ledger_free(firewall_ledger());
	firewall_start(fw->backend, config.max_grants);
}

static struct msg_grant
grant(unsigned int i)
{
	struct msg_grant g = { .type = MSG_GRANT, .proto = IPPROTO_TCP,
	    .port = (uint16_t)(1 + i % 50000), .label = "a.example" };

	/* All four kinds in turn. */
	g.family = i % 4 < 2 ? ADDR_V4 : ADDR_V6;
	g.local = i % 2 == 1;
	if (!g.local)
		g.client[0] = 10;
	g.dst[0] = 32;
	return (g);
}

/* n grants from number first on, with seconds to live, as serve does it. */
static void
give(unsigned int first, unsigned int n, uint32_t seconds)
{
	static struct msg_grant grants[BACKEND_BATCH_MAX];
	static struct backend_add adds[BACKEND_BATCH_MAX];
	uint64_t now = clock_now();
	unsigned int i;

	cr_assert_leq(n, BACKEND_BATCH_MAX);
	for (i = 0; i < n; i++) {
		grants[i] = grant(first + i);
		adds[i] = (struct backend_add){ .grant = &grants[i],
		    .left = seconds * CLOCK_SECOND };
	}
	firewall_add(adds, n);
	for (i = 0; i < n; i++) {
		cr_assert_eq(adds[i].code, RESULT_OK);
		cr_assert_eq(ledger_put(firewall_ledger(), &grants[i],
		    now + seconds * CLOCK_SECOND, now), 0);
	}
}

/* Look until it says that something was lost; true if it does in time. */
static bool
notices(void)
{
	uint64_t deadline = clock_now() + CLOCK_SECOND;
	struct pollfd pfd = { .fd = firewall_fd(), .events = POLLIN };

	do {
		if (firewall_look())
			return (true);
		poll(&pfd, 1, firewall_wait() < 0 ? 100 : firewall_wait());
	} while (clock_now() < deadline);
	return (false);
}

/* Look until everything is there again; true if it is in time. */
static bool
is_repaired(unsigned int grants)
{
	uint64_t deadline = clock_now() + CLOCK_SECOND;
	struct pollfd pfd = { .fd = firewall_fd(), .events = POLLIN };

	do {
		(void)firewall_look();
		if (firewall_counts.repairs > 0 && firewall_ready() == BOTH &&
		    number(fw->entries) == grants && number(fw->rules) == 4)
			return (true);
		poll(&pfd, 1, firewall_wait() < 0 ? 100 : firewall_wait());
	} while (clock_now() < deadline);
	return (false);
}

static void
is_whole(unsigned int grants)
{
	cr_assert_eq(firewall_ready(), BOTH);
	cr_assert_eq(ledger_count(firewall_ledger()), grants);
	cr_assert_eq(number(fw->entries), grants);
	cr_assert_eq(number(fw->rules), 4);
}

/* G9 */

static void
restart(const struct firewall *f)
{
	struct msg_grant g = grant(1);
	uint64_t left;

	start(f);
	give(0, 200, 500);
	start_again();
	is_whole(200);
	left = ledger_expiry(firewall_ledger(), &g) - clock_now();
	cr_assert_leq(left, 500 * CLOCK_SECOND);
	cr_assert_geq(left, 497 * CLOCK_SECOND);
	cr_assert_str_eq(ledger_find(firewall_ledger(), &g)->label,
	    "a.example");
}

Test(firewall, G9_restart_iptables)
{
	restart(&iptables);
}

Test(firewall, G9_restart_nftables)
{
	restart(&nftables);
}

/* More are live than there may be: they stay, others are not admitted. */
static void
smaller_limit(const struct firewall *f)
{
	struct msg_grant other = grant(1000);

	start(f);
	give(0, 200, 500);
	config.max_grants = 20;
	start_again();
	is_whole(200);
	cr_assert_not(ledger_admits(firewall_ledger(), &other));
}

Test(firewall, G9_smaller_limit_iptables)
{
	smaller_limit(&iptables);
}

Test(firewall, G9_smaller_limit_nftables)
{
	smaller_limit(&nftables);
}

static void
greater_limit(const struct firewall *f)
{
	start(f);
	give(0, 200, 500);
	config.max_grants = 3000;
	start_again();
	is_whole(200);
	give(200, 256, 500);
	is_whole(456);
}

Test(firewall, G9_greater_limit_iptables)
{
	greater_limit(&iptables);
}

Test(firewall, G9_greater_limit_nftables)
{
	greater_limit(&nftables);
}

static void
strangers_go(const struct firewall *f, const char *add)
{
	start(f);
	give(0, 8, 500);
	run(add);
	cr_assert_gt(number(fw->entries), 7);
	start_again();
	is_whole(8);
}

Test(firewall, G9_entries_that_are_no_grants_go_iptables)
{
	strangers_go(&iptables,
	    "ipset add DNSFW-ipv4-allow 10.0.0.1,tcp:1,192.0.2.1 timeout 0 "
	    "comment for.ever && "
	    "ipset add DNSFW-ipv4-allow 10.0.0.1,icmp:8/0,192.0.2.1 "
	    "comment a.ping && "
	    "ipset add DNSFW-ipv6-allow-local 2001:db8::1,udp:7 && "
	    "ipset add DNSFW-ipv6-allow-local 2001:db8::1,udp:8 "
	    "comment 'any Text'");
}

Test(firewall, G9_entries_that_are_no_grants_go_nftables)
{
	strangers_go(&nftables,
	    "nft 'add element inet filter DNSFW_ipv4_allow { "
	    "10.0.0.1 . tcp . 1 . 192.0.2.1 comment \"for.ever\", "
	    "10.0.0.1 . icmp . 1 . 192.0.2.1 timeout 1m comment \"a.ping\", "
	    "10.0.0.1 . tcp . 2 . 192.0.2.1 timeout 1m, "
	    "10.0.0.1 . tcp . 3 . 192.0.2.1 timeout 1m comment \"any Text\" "
	    "}'");
}

/* A set of the other size is never empty on the way (ipset: swapped). */
Test(firewall, G9_traffic_never_notices, .timeout = 60)
{
	pid_t watcher;
	int status;

	start(&iptables);
	/* Each start may take a second, as ipset counts whole ones. */
	give(0, 200, 50000);
	if ((watcher = fork()) == 0) {
		execlp("sh", "sh", "-c", "for i in $(seq 300); do "
		    "ipset -q test DNSFW-ipv4-allow 10.0.0.0,tcp:1,32.0.0.0 "
		    "|| exit 1; done", NULL);
		_exit(2);
	}
	do {
		config.max_grants++;
		start_again();
	} while (waitpid(watcher, &status, WNOHANG) == 0);
	cr_assert_eq(status, 0);
	cr_assert_gt(config.max_grants, 1002);
	is_whole(200);
}

/* Of what is listed, the least and the most. */
static void
on_time(void *arg, const struct msg_grant *g, uint64_t ms)
{
	uint64_t *range = arg;

	(void)g;
	if (ms < range[0])
		range[0] = ms;
	if (ms > range[1])
		range[1] = ms;
}

static void
list_times(uint64_t range[2])
{
	range[0] = UINT64_MAX;
	range[1] = 0;
	cr_assert_eq(fw->backend->list(BOTH, on_time, range), 0);
}

/* What is taken over and put back keeps its time, but for a unit. */
static void
keeps_its_time(const struct firewall *f, const char *flush, uint64_t unit)
{
	uint64_t begin, end, range[2];

	start(f);
	begin = clock_now();
	give(0, 100, 100);
	end = clock_now();
	do
		list_times(range);
	while (range[1] == 100000);
	start_again();
	run(flush);
	cr_assert(is_repaired(100));
	/* Two ticks of the kernel; and the listing is rounded down. */
	end += 100 * CLOCK_SECOND + CLOCK_SECOND / 50 - clock_now();
	list_times(range);
	begin += 100 * CLOCK_SECOND - CLOCK_SECOND / 50 - clock_now();
	cr_assert_geq(range[0], (begin - unit) / unit * (unit / 1000000));
	cr_assert_leq(range[1], (end + unit) / 1000000);
}

Test(firewall, G2_G9_put_back_after_a_restart_iptables)
{
	keeps_its_time(&iptables, "ipset flush", CLOCK_SECOND);
}

Test(firewall, G2_G9_put_back_after_a_restart_nftables)
{
	keeps_its_time(&nftables, "nft flush chain inet filter DNSFW && "
	    "for i in $(nft list sets | grep -o 'DNSFW[a-z0-9_]*'); do "
	    "nft flush set inet filter $i; done", CLOCK_SECOND / 1000);
}

/* G10 */

/* Put back with what is left, within a second. */
static void
comes_back(const struct firewall *f, const char *command)
{
	struct msg_grant g = grant(2);

	start(f);
	give(0, 256, 500);
	give(256, 100, 900);
	run(command);
	cr_assert(is_repaired(356), "%s", command);
	is_whole(356);
	cr_assert_leq(ledger_expiry(firewall_ledger(), &g),
	    clock_now() + 500 * CLOCK_SECOND);
	cr_assert_not(firewall_look(), "and it is quiet again");
}

static unsigned int listings;

static int
count_and_list(uint8_t families, backend_found *found, void *arg)
{
	listings++;
	return (fw->backend->list(families, found, arg));
}

/* A listing takes long, and must not be made for each batch of what goes. */
static void
many_strangers_go(const struct firewall *f, const char *add,
    const char *flush)
{
	struct backend counting = *f->backend;

	prepare(f);
	counting.list = count_and_list;
	firewall_start(&counting, config.max_grants);
	give(0, 8, 500);
	run(add);
	cr_assert_eq(number(fw->entries), 908);
	listings = 0;
	run(flush);
	cr_assert(is_repaired(8));
	cr_assert_eq(listings, 1);
}

#define LAST_OCTETS	"for i in $(seq 3); do for j in $(seq 300); do "

Test(firewall, G10_many_strangers_go_iptables)
{
	many_strangers_go(&iptables, "(" LAST_OCTETS
	    "echo add DNSFW-ipv4-allow 10.0.0.1,tcp:$j,198.18.0.$i "
	    "timeout 100; done; done) | ipset restore",
	    "iptables -F DNSFW");
}

Test(firewall, G10_many_strangers_go_nftables)
{
	many_strangers_go(&nftables, "(" LAST_OCTETS
	    "echo 'add element inet filter DNSFW_ipv4_allow { 10.0.0.1 . tcp"
	    " . '$j' . 198.18.0.'$i' timeout 100s }'; done; done) | nft -f -",
	    "nft flush chain inet filter DNSFW");
}

#define RELOADED "nft 'flush ruleset; table inet filter { chain DNSFW { }; " \
	"chain f { type filter hook forward priority 0; jump DNSFW; }; }'"

Test(firewall, G10_nft_f)
{
	comes_back(&nftables, RELOADED);
}

Test(firewall, G10_nft_flush_set)
{
	comes_back(&nftables, "nft flush set inet filter DNSFW_ipv6_allow");
}

Test(firewall, G10_nft_flush_chain)
{
	comes_back(&nftables, "nft flush chain inet filter DNSFW");
}

Test(firewall, G10_nft_delete_set)
{
	comes_back(&nftables, "nft 'flush chain inet filter DNSFW; "
	    "delete set inet filter DNSFW_ipv4_allow_local'");
}

Test(firewall, G10_nft_delete_element)
{
	comes_back(&nftables, "nft delete element inet filter "
	    "DNSFW_ipv4_allow '{ 10.0.0.0 . tcp . 1 . 32.0.0.0 }'");
}

Test(firewall, G10_nft_own_listing_loaded_again)
{
	comes_back(&nftables, "nft list ruleset > /tmp/test_firewall.$PPID && "
	    "nft -f - < /dev/null && (echo flush ruleset; "
	    "cat /tmp/test_firewall.$PPID) | nft -f -; e=$?; "
	    "rm /tmp/test_firewall.$PPID; exit $e");
}

/* What ended long ago does not come back with a saved ruleset. */
Test(firewall, G10_nft_f_with_old_entries)
{
	comes_back(&nftables, "(echo flush ruleset; nft list ruleset; "
	    "echo 'add element inet filter DNSFW_ipv4_allow {'; "
	    "for i in $(seq 600); do "
	    "echo \"10.9.9.9 . tcp . $i . 192.0.2.1 timeout 1h,\"; done; "
	    "echo '}') | nft -f -");
}

Test(firewall, G10_ipset_flush)
{
	comes_back(&iptables, "ipset flush");
}

/* So half of what others do is seen within 75 ms. */
Test(firewall, G10_ipset_is_looked_at_often)
{
	start(&iptables);
	cr_assert_geq(firewall_wait(), 0);
	cr_assert_leq(firewall_wait(), 151);
}

Test(firewall, G10_ipset_flush_one)
{
	comes_back(&iptables, "ipset flush DNSFW-ipv6-allow-local");
}

Test(firewall, G10_ipset_del)
{
	comes_back(&iptables,
	    "ipset del DNSFW-ipv4-allow 10.0.0.0,tcp:1,32.0.0.0");
}

/* Any other, too: all are looked at in turn, and what ends soon is not. */
Test(firewall, G10_ipset_del_of_many, .timeout = 60)
{
	uint64_t deadline = clock_now() + 20 * CLOCK_SECOND;
	unsigned int i;

	config.max_grants = 5000;
	start(&iptables);
	for (i = 0; i < 16; i++)
		give(256 * i, 256, 500);
	run("ipset del DNSFW-ipv6-allow-local "
	    "2000::,tcp:2048");
	while (!firewall_look() && clock_now() < deadline)
		poll(NULL, 0, firewall_wait());
	is_whole(4096);
	/* About 1,600 are looked at in a second. */
	cr_assert_lt(clock_now() + 17 * CLOCK_SECOND, deadline);
}

Test(firewall, G10_ipset_destroyed)
{
	comes_back(&iptables, "iptables -F DNSFW && ip6tables -F DNSFW && "
	    "ipset destroy");
}

Test(firewall, G10_iptables_F)
{
	comes_back(&iptables, "iptables -F DNSFW");
}

Test(firewall, G10_ip6tables_restore)
{
	comes_back(&iptables, "printf '*filter\\n:DNSFW - [0:0]\\n"
	    "-A FORWARD -j DNSFW\\nCOMMIT\\n' | ip6tables-restore");
}

Test(firewall, G10_iptables_save_and_restore)
{
	comes_back(&iptables, "iptables-save | iptables-restore");
}

/* Nothing is granted until the chain exists again. */
static void
chain_gone(const struct firewall *f, const char *remove, uint8_t left,
    const char *make)
{
	start(f);
	give(0, 100, 500);
	run(remove);
	cr_assert(notices());
	cr_assert_eq(firewall_ready() & ~left, 0);
	cr_assert_eq(ledger_count(firewall_ledger()), 100);
	run(make);
	cr_assert(is_repaired(100));
	is_whole(100);
}

Test(firewall, G10_nft_flush_ruleset)
{
	chain_gone(&nftables, "nft flush ruleset", 0, nftables.make);
}

Test(firewall, G10_nft_delete_table)
{
	chain_gone(&nftables, "nft delete table inet filter", 0,
	    nftables.make);
}

Test(firewall, G10_nft_delete_chain)
{
	chain_gone(&nftables, "nft 'flush chain inet filter f; "
	    "flush chain inet filter DNSFW; delete chain inet filter DNSFW'",
	    0, "nft 'add chain inet filter DNSFW; "
	    "add rule inet filter f jump DNSFW'");
}

Test(firewall, G10_iptables_X)
{
	chain_gone(&iptables, "iptables -F && iptables -X", MSG_FAMILY_V6,
	    "iptables -N DNSFW && iptables -A FORWARD -j DNSFW");
}

Test(firewall, G10_iptables_restore_without_the_chain)
{
	chain_gone(&iptables, "printf '*filter\\nCOMMIT\\n' > "
	    "/tmp/test_firewall.$PPID && iptables-restore "
	    "< /tmp/test_firewall.$PPID && ip6tables-restore "
	    "< /tmp/test_firewall.$PPID; e=$?; rm /tmp/test_firewall.$PPID; "
	    "exit $e", 0, iptables.make);
}

/* What we and others do elsewhere is no news. */
static void
quiet(const struct firewall *f, const char *others)
{
	struct pollfd pfd = { .events = POLLIN };
	unsigned int i;

	start(f);
	pfd.fd = firewall_fd();
	for (i = 0; i < 3; i++)
		give(256 * i, 200, 500);
	cr_assert_eq(poll(&pfd, 1, 0), 0, "own changes are left out");
	run(others);
	cr_assert_not(notices());
	is_whole(600);
}

Test(firewall, G10_others_are_let_alone_nftables)
{
	quiet(&nftables, "nft 'table inet other { chain DNSFW { accept; }; }; "
	    "flush chain inet other DNSFW; delete table inet other; "
	    "table inet filter { chain DNSFW2 { accept; }; "
	    "set DNSFW_ipv4_allow2 { type ipv4_addr; elements = "
	    "{ 192.0.2.1 }; }; set DNSFW { type ipv4_addr; }; }; "
	    "flush chain inet filter DNSFW2; delete chain inet filter DNSFW2; "
	    "delete element inet filter DNSFW_ipv4_allow2 { 192.0.2.1 }; "
	    "delete set inet filter DNSFW_ipv4_allow2; "
	    "delete set inet filter DNSFW; "
	    "table inet filter { set s { type ipv4_addr; elements = "
	    "{ 192.0.2.1 }; }; chain mine { accept; }; }' && "
	    "nft 'flush set inet filter s; flush chain inet filter mine'");
}

Test(firewall, G10_others_are_let_alone_iptables)
{
	quiet(&iptables, "iptables -N DNSFW2 && iptables -A DNSFW2 -j DROP && "
	    "iptables -F DNSFW2 && iptables -X DNSFW2 && "
	    "iptables -A FORWARD -p tcp -j DROP && "
	    "iptables -D FORWARD -p tcp -j DROP && iptables -t nat -F && "
	    "ipset create x hash:ip && ipset add x 192.0.2.1 && "
	    "ipset flush x && ipset destroy x");
}

/* If events cannot be read, nobody knows what they were. */
Test(firewall, G10_unreadable_events_are_lost_ones)
{
	int null = open("/dev/null", O_RDONLY);

	start(&nftables);
	give(0, 10, 500);
	cr_assert_neq(dup2(null, firewall_fd()), -1);
	cr_assert(firewall_lost());
	cr_assert(is_repaired(10));
}

/* A revoked grant is in neither. */
static void
revoked(const struct firewall *f)
{
	struct msg_grant g[20];
	unsigned int i;

	start(f);
	give(0, 100, 500);
	for (i = 0; i < 20; i++)
		g[i] = grant(3 * i);
	firewall_revoke(g, 20);
	is_whole(80);
}

Test(firewall, A9_revoked_iptables)
{
	revoked(&iptables);
}

Test(firewall, A9_revoked_nftables)
{
	revoked(&nftables);
}

/* How many entries there were when rules were put up. */
static unsigned long entries_before;

static int
prepare_and_count(uint8_t families, backend_refill *refill)
{
	entries_before = number(fw->entries);
	return (fw->backend->prepare(families, refill));
}

/* Nobody gets through by an entry that is to go. */
static void
strangers_go_first(const struct firewall *f, const char *add,
    const char *flush)
{
	struct backend counting = *f->backend;

	prepare(f);
	fw->backend->prepare(BOTH, NULL);
	run(add);
	counting.prepare = prepare_and_count;
	firewall_start(&counting, config.max_grants);
	cr_assert_eq(entries_before, 0);
	(void)firewall_look();
	give(0, 8, 500);
	run(add);
	run(flush);
	cr_assert(is_repaired(8));
	cr_assert_eq(entries_before, 8);
}

Test(firewall, G10_strangers_go_before_the_rules_come_iptables)
{
	strangers_go_first(&iptables, "ipset add DNSFW-ipv4-allow "
	    "10.0.0.1,tcp:1,192.0.2.1 timeout 0", "iptables -F DNSFW");
}

Test(firewall, G10_strangers_go_before_the_rules_come_nftables)
{
	strangers_go_first(&nftables, "nft 'add element inet filter "
	    "DNSFW_ipv4_allow { 10.0.0.1 . tcp . 1 . 192.0.2.1 timeout 1h "
	    "expires 1h }'", "nft flush chain inet filter DNSFW");
}

/* The kernel refuses to remove anything, so many times. */
static unsigned int refusals;

static void
refuse(struct backend_add *removals, size_t n)
{
	size_t i;

	if (refusals == 0) {
		fw->backend->remove(removals, n);
		return;
	}
	refusals--;
	for (i = 0; i < n; i++)
		removals[i].code = RESULT_FAILED;
}

/* What could not be removed goes later, though nobody changes anything. */
static void
removed_later(const struct firewall *f)
{
	struct msg_grant g = grant(1);
	struct backend refusing = *f->backend;
	uint64_t deadline = clock_now() + 5 * CLOCK_SECOND;

	prepare(f);
	refusing.remove = refuse;
	firewall_start(&refusing, config.max_grants);
	give(0, 100, 500);
	refusals = 2;
	firewall_revoke(&g, 1);
	cr_assert_eq(ledger_count(firewall_ledger()), 99);
	cr_assert_eq(firewall_ready(), BOTH);
	while (number(fw->entries) != 99 && clock_now() < deadline) {
		cr_assert_geq(firewall_wait(), 0);
		poll(NULL, 0, firewall_wait());
		(void)firewall_look();
	}
	cr_assert_eq(refusals, 0);
	is_whole(99);
	cr_assert_eq(firewall_counts.repairs, 2);
}

Test(firewall, A9_refused_removal_is_tried_again_iptables)
{
	removed_later(&iptables);
}

Test(firewall, A9_refused_removal_is_tried_again_nftables)
{
	removed_later(&nftables);
}

/* What the backend says of the effect of rules, and how often it was asked. */
static struct {
	int		 rc;
	uint8_t		 reached, blocked;
	const char	*meanwhile;	/* a command */
	unsigned int	 asked;
} said;

static int
say_effect(uint8_t families, uint8_t *reached, uint8_t *blocked)
{
	cr_assert_eq(families, BOTH);
	said.asked++;
	if (said.meanwhile != NULL)
		run(said.meanwhile);
	*reached = said.reached;
	*blocked = said.blocked;
	return (said.rc);
}

/* Look until asked so often, or a time is over.  Returns what was logged. */
static const char *
log_until_asked(unsigned int times, uint64_t time)
{
	static char text[4096];
	uint64_t deadline = clock_now() + time;
	int saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	size_t n;

	cr_assert(f != NULL && saved != -1);
	dup2(fileno(f), STDERR_FILENO);
	said.asked = 0;
	do {
		struct pollfd pfd = { .fd = firewall_fd(), .events = POLLIN };

		poll(&pfd, 1, firewall_wait() < 0 ? 100 : firewall_wait());
		(void)firewall_look();
	} while (said.asked < times && clock_now() < deadline);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return (text);
}

#define RULE	"nft add rule inet filter f jump DNSFW"

static void
start_saying(void)
{
	static struct backend saying;

	prepare(&nftables);
	saying = backend_nftables;
	saying.effect = say_effect;
	said.reached = BOTH;
	firewall_start(&saying, config.max_grants);
	(void)firewall_look();
}

/* Answers were lost: that is not to say that no rule leads to the chain. */
Test(firewall, G10_unknown_effect_is_no_news)
{
	const char *log;

	start_saying();
	said.rc = -1;
	said.reached = 0;
	said.blocked = BOTH;
	run(RULE);
	log = log_until_asked(2, 3 * CLOCK_SECOND);
	cr_assert_eq(said.asked, 2, "it is asked again");
	cr_assert_str_eq(log, "");
	said.rc = 0;
	log = log_until_asked(1, 3 * CLOCK_SECOND);
	cr_assert(strstr(log, "no rule leads to our chain:") != NULL, "%s", log);
	cr_assert(strstr(log, "that ends our chain stands") != NULL, "%s", log);
	cr_assert_eq(firewall_wait(), -1, "and then not any more");
	/* Nor is what is unknown better than what was known. */
	said.rc = -1;
	said.reached = BOTH;
	said.blocked = 0;
	run(RULE);
	cr_assert_str_eq(log_until_asked(1, 3 * CLOCK_SECOND), "");
}

/* What was read while it changed is no news either. */
Test(firewall, G10_changing_effect_is_no_news)
{
	start_saying();
	said.reached = MSG_FAMILY_V4;
	said.meanwhile = RULE;
	run(RULE);
	cr_assert_str_eq(log_until_asked(1, CLOCK_SECOND), "");
	said.reached = BOTH;
	said.meanwhile = NULL;
	cr_assert_str_eq(log_until_asked(1, CLOCK_SECOND), "");
	cr_assert_eq(said.asked, 1, "it is asked again");
	cr_assert_eq(firewall_wait(), -1);
}

/* A walk that takes long is not made so often: a twentieth of the time. */
Test(firewall, G10_walks_have_their_share_of_time)
{
	uint64_t begin;

	start_saying();
	said.meanwhile = "sleep 0.02";
	run(RULE);
	(void)log_until_asked(1, CLOCK_SECOND);
	cr_assert_eq(said.asked, 1);
	begin = clock_now();
	run(RULE);
	(void)log_until_asked(1, 5 * CLOCK_SECOND);
	cr_assert_eq(said.asked, 1);
	cr_assert_gt(clock_now() - begin, CLOCK_SECOND / 1000 * 19 * 20);
}

/* The same of one family, then of the other, and back. */
Test(firewall, G10_effect_is_told_of_each_family)
{
	static const struct {
		uint8_t		 reached, blocked;
		const char	*text;
	} steps[] = {
		{ MSG_FAMILY_V4, 0, "no rule leads to our chain of IPv6:" },
		{ 0, 0, "no rule leads to our chain:" },
		{ BOTH, MSG_FAMILY_V4, "ends our chain of IPv4 stands" },
		{ BOTH, BOTH, "ends our chain stands" },
		{ BOTH, 0, "our rules come before the end" },
		{ BOTH, 0, NULL },
	};
	const char *log;
	size_t i;

	start_saying();
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		said.reached = steps[i].reached;
		said.blocked = steps[i].blocked;
		run(RULE);
		log = log_until_asked(1, CLOCK_SECOND);
		if (steps[i].text == NULL)
			cr_assert_str_eq(log, "");
		else
			cr_assert(strstr(log, steps[i].text) != NULL, "%s",
			    log);
	}
}

/* The kernel does not list what is in the sets, so many times. */
static unsigned int silences;

static int
list_or_not(uint8_t families, backend_found *found, void *arg)
{
	if (silences > 0) {
		silences--;
		return (-1);
	}
	return (fw->backend->list(families, found, arg));
}

/*
 * A family whose chain comes later: what is in its sets is known before there
 * are rules, or goes.
 */
static void
family_comes(const char *set, unsigned int silent, unsigned int grants)
{
	struct backend counting = backend_ipset;
	static struct firewall one;

	one = iptables;
	one.make = "iptables -N DNSFW && iptables -A FORWARD -j DNSFW";
	prepare(&one);
	counting.prepare = prepare_and_count;
	counting.list = list_or_not;
	firewall_start(&counting, config.max_grants);
	(void)firewall_look();
	cr_assert_eq(firewall_families(), MSG_FAMILY_V4);
	cr_assert_eq(firewall_ready(), MSG_FAMILY_V4);
	run(set);
	silences = silent;
	run("ip6tables -N DNSFW && ip6tables -A FORWARD -j DNSFW");
	cr_assert(is_repaired(grants));
	cr_assert_eq(silences, 0);
	cr_assert_eq(firewall_families(), BOTH);
	cr_assert_eq(entries_before, grants);
	is_whole(grants);
	cr_assert_not(firewall_look(), "and it is quiet again");
}

#define SET	"ipset create DNSFW-ipv6-allow hash:ip,port,ip family inet6 " \
	"timeout 9 comment && "

Test(firewall, F1_family_comes_without_sets)
{
	family_comes("true", 0, 0);
}

Test(firewall, F1_G9_family_comes_with_entries)
{
	struct msg_grant g = grant(2);

	family_comes(SET "ipset add DNSFW-ipv6-allow a00::,tcp:3,2000:: "
	    "timeout 500 comment a.example && ipset add DNSFW-ipv6-allow "
	    "fd00::8,tcp:1,2001:db8::1 timeout 0 comment a.example", 0, 1);
	cr_assert_not_null(ledger_find(firewall_ledger(), &g));
}

Test(firewall, F1_G9_family_comes_with_entries_that_are_not_told)
{
	family_comes(SET "ipset add DNSFW-ipv6-allow a00::,tcp:3,2000:: "
	    "timeout 500 comment a.example", 1, 0);
}

/* More than there may be, as at a start, are no grants then. */
Test(firewall, F1_G9_family_comes_with_more_than_the_limit)
{
	config.max_grants = 10;
	family_comes(SET "for i in $(seq 30); do echo add DNSFW-ipv6-allow "
	    "fd00::8,tcp:$i,2001:db8::1 timeout 500 comment a.example; done | "
	    "ipset restore", 0, 10);
}
