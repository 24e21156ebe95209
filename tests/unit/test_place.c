/*
 * Where our rules belong among others, and whether a packet comes as far.
 * Against the kernel, each test in a network namespace of its own; the rules are
 * made by nft and iptables.
 */
#include <criterion/criterion.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <stdio.h>
#include <string.h>

#include "netns.h"
#include "nlsock.h"
#include "place.h"
#include "xtrules.h"

#define V4	MSG_FAMILY_V4
#define V6	MSG_FAMILY_V6

static void
set_up(void)
{
	new_netns();
	nlsock_open();
}

TestSuite(place, .init = set_up);

/* Ours are those with the comment "ours", cut from the user data. */
static bool
is_own(const struct nlmsghdr *rule)
{
	const struct nlattr *data = nlsock_attr(rule, NFTA_RULE_USERDATA);

	return (data != NULL && mnl_attr_get_payload_len(data) == 7 &&
	    memcmp((const char *)mnl_attr_get_payload(data) + 2, "ours", 5) ==
	    0);
}

#define OURS	"tcp dport 443 accept comment \"ours\"; "
#define BLOCK	"ip daddr 192.0.2.1 drop; "

/*
 * before: the number of the rule before which ours belong, from 1; 0 is the end.
 */
static const struct {
	const char	*rules;
	unsigned int	 before;
	uint8_t		 blocked;
} cases[] = {
	{ "", 0, 0 },
	{ BLOCK, 0, 0 },
	{ "ct state established accept; ct state invalid drop", 0, 0 },
	{ "log prefix \"x\"", 0, 0 },
	{ "jump other", 0, 0 },
	{ "meta mark set 1", 0, 0 },
	{ "limit rate 1/second accept", 0, 0 },
	{ "tcp dport vmap { 1 : drop }", 0, 0 },
	/* A rule that ends the chain, and what belongs to it. */
	{ "drop", 1, 0 },
	{ "accept", 1, 0 },
	{ "return", 1, 0 },
	{ "goto other", 1, 0 },
	{ "reject", 1, 0 },
	{ "counter drop", 1, 0 },
	{ "log prefix \"x\" counter reject", 1, 0 },
	{ BLOCK "log prefix \"x\"; drop", 2, 0 },
	{ BLOCK "limit rate 1/second log; counter; drop", 2, 0 },
	{ BLOCK "meta mark set 1 drop", 2, 0 },
	{ BLOCK "meta l4proto tcp reject with tcp reset; reject", 2, 0 },
	{ BLOCK "meta l4proto tcp reject with tcp reset", 2, 0 },
	{ BLOCK "log; meta l4proto icmp accept; drop", 2, 0 },
	{ BLOCK "reject with icmp type admin-prohibited; "
	    "reject with icmpv6 type admin-prohibited", 2, 0 },
	/* Behind the end there is nothing. */
	{ BLOCK "drop; " BLOCK "drop", 2, 0 },
	{ "meta l4proto udp drop; " BLOCK, 0, 0 },
	{ "log; " BLOCK "drop", 3, 0 },
	/* Where ours are, they stay. */
	{ OURS, 1, 0 },
	{ BLOCK OURS "drop", 2, 0 },
	{ BLOCK OURS BLOCK OURS "drop", 2, 0 },
	{ OURS BLOCK OURS "log; drop", 1, 0 },
	{ "drop; " OURS, 2, V4 | V6 },
	{ "log prefix \"x\" reject; " BLOCK OURS, 3, V4 | V6 },
	{ OURS "accept; " OURS, 1, V4 | V6 },
	{ "goto other; " OURS, 2, V4 | V6 },
	{ "return; " OURS, 2, V4 | V6 },
	{ "meta l4proto tcp drop; " OURS, 2, V4 | V6 },
	{ "meta nfproto ipv4 drop; " OURS, 2, V4 },
	{ "reject with icmpv6 type no-route; " OURS, 2, V6 },
	{ "meta nfproto ipv6 meta l4proto tcp drop; " OURS, 2, V6 },
	{ "meta nfproto ipv4 drop; meta nfproto ipv6 drop; " OURS, 3,
	    V4 | V6 },
	{ "drop; drop; " OURS, 3, V4 | V6 },
	/* What does not end it for all TCP. */
	{ BLOCK "jump other; tcp dport 25 drop; meta l4proto udp drop; "
	    "ct state invalid drop; limit rate 1/second drop; "
	    "meta l4proto != tcp drop; meta mark 1 drop; "
	    "iifname \"lan\" drop; ip daddr @s drop; "
	    "tcp flags syn drop; ether type arp drop; " OURS, 13, 0 },
	{ "iifname vmap { \"lan\" : drop }; " OURS, 2, 0 },
};

/* The handle of rule number i, as nft lists it. */
static unsigned long long
handle_of(unsigned int i)
{
	unsigned long long handle = 0;
	char command[256];
	FILE *f;

	if (i == 0)
		return (0);
	snprintf(command, sizeof(command), "nft -a list chain inet t dnsfw | "
	    "grep -v chain | grep -o 'handle [0-9]*$' | sed -n 's/handle //;"
	    "%up'", i);
	f = popen(command, "r");
	cr_assert_not_null(f);
	cr_assert_eq(fscanf(f, "%llu", &handle), 1);
	pclose(f);
	return (handle);
}

Test(place, F2_places)
{
	struct place p;
	char command[1024];
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command), "nft 'flush ruleset; "
		    "table inet t { set s { type ipv4_addr; }; chain other { "
		    "}; chain dnsfw { %s; }; }'", cases[i].rules);
		run(command);
		cr_assert_eq(place_look(NFPROTO_INET, "t", "dnsfw", is_own,
		    &p), 0);
		cr_assert_eq(p.before, handle_of(cases[i].before), "%s: %llu",
		    cases[i].rules, (unsigned long long)p.before);
		cr_assert_eq(p.blocked, cases[i].blocked, "%s: %u",
		    cases[i].rules, p.blocked);
	}
}

Test(place, F2_tables_of_one_family)
{
	struct place p;

	run("nft 'table ip6 t { chain dnsfw { " OURS "drop; " OURS "}; }'");
	cr_assert_eq(place_look(NFPROTO_IPV6, "t", "dnsfw", is_own, &p), 0);
	cr_assert_eq(p.nown, 2);
	cr_assert_eq(p.before, p.own[0]);
	cr_assert_eq(p.blocked, V6);
	run("nft 'table ip t { chain dnsfw { meta l4proto tcp drop; " OURS
	    "}; }'");
	cr_assert_eq(place_look(NFPROTO_IPV4, "t", "dnsfw", is_own, &p), 0);
	cr_assert_eq(p.blocked, V4);
}

/* What iptables makes of a rule. */
Test(place, F1_targets_of_iptables)
{
	static const struct {
		const char	*rule;
		uint8_t		 blocked;
	} rules[] = {
		{ "-j DROP", V4 }, { "-j ACCEPT", V4 }, { "-j RETURN", V4 },
		{ "-j REJECT", V4 }, { "-g OTHER", V4 },
		{ "-j NFQUEUE --queue-num 1", V4 },
		{ "-j LOG", 0 }, { "-j OTHER", 0 }, { "-p udp -j DROP", 0 },
		{ "-s 192.0.2.1 -j DROP", 0 }, { "-i lan -j REJECT", 0 },
		{ "-p tcp --dport 25 -j DROP", 0 }, { "-m limit -j DROP", 0 },
		{ "-j MARK --set-mark 1", 0 }, { "", 0 }
	};
	uint8_t reached, blocked;
	char command[256];
	size_t i;

	run("iptables -N OTHER && iptables -N DNSFW && ipset create s hash:ip");
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		snprintf(command, sizeof(command), "iptables -F DNSFW && "
		    "iptables -A DNSFW %s && iptables -A DNSFW -m set "
		    "--match-set s src -j ACCEPT", rules[i].rule);
		run(command);
		cr_assert_eq(xtrules_effect("DNSFW", V4, &reached, &blocked),
		    0);
		cr_assert_eq(blocked, rules[i].blocked, "%s", rules[i].rule);
	}
}

/* No more handles than there is room for; all count as ours. */
Test(place, F2_more_copies_than_places)
{
	struct place p;
	char rules[65 * sizeof(OURS)] = "", command[sizeof(rules) + 128];
	size_t i;

	for (i = 0; i < PLACE_OWN_MAX + 1; i++)
		strcat(rules, OURS);
	snprintf(command, sizeof(command),
	    "nft 'table inet t { chain dnsfw { %s drop; }; }'", rules);
	run(command);
	cr_assert_eq(place_look(NFPROTO_INET, "t", "dnsfw", is_own, &p), 0);
	cr_assert_eq(p.nown, PLACE_OWN_MAX);
	cr_assert_eq(p.blocked, 0);
}

/* It is for others to say that. */
Test(place, F2_missing_chain_has_no_rules)
{
	struct place p;

	run("nft 'table inet t { chain other { " OURS " }; }'");
	cr_assert_eq(place_look(NFPROTO_INET, "t", "dnsfw", is_own, &p), 0);
	cr_assert_eq(p.nown, 0);
	cr_assert_eq(p.before, 0);
}
