/*
 * The firewall backends against the kernel, each test in a network namespace
 * of its own.  What is in the kernel is read with the ordinary tools.  Whoever
 * asks and reads has no capability (kernel_real.h).
 */
#include "backend_rig.h"

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
