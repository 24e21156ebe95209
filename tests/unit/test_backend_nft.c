/* The backend of nftables, against the kernel. */
#include "backend_rig.h"

#include <sys/utsname.h>

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

/* Linux 6.5 and later do that; else it stays, and a warning says so. */
static bool
sizes_change(void)
{
	struct utsname u;
	unsigned int major, minor;

	cr_assert_eq(uname(&u), 0);
	cr_assert_eq(sscanf(u.release, "%u.%u", &major, &minor), 2);
	return (major > 6 || (major == 6 && minor >= 5));
}

Test(backend, G9_nftables_size_follows_max_grants_and_entries_stay)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_nftables();
	nftables.add(adds, four_grants(g, adds));
	config.max_grants = 50;
	cr_assert_eq(nftables.prepare(check(&nftables),
	    refill), 0);
	cr_assert_eq(lines("nft list ruleset | grep 'size 100$'"),
	    sizes_change() ? 4 : 0);
	cr_assert_eq(lines("nft list ruleset | grep expires"), 4);
	/* The operator's own use of a set is no obstacle. */
	run("nft add rule inet filter dnsfw ip saddr . meta l4proto . th dport "
	    ". ip daddr @dnsfw_ipv4_allow drop");
	config.max_grants = 60;
	cr_assert_eq(nftables.prepare(check(&nftables),
	    refill), 0);
	cr_assert_eq(lines("nft list ruleset | grep 'size 120$'"),
	    sizes_change() ? 4 : 0);
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
