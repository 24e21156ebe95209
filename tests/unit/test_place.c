/*
 * Where our rules belong among others, and whether a packet comes as far.
 * Against the kernel, each test in a network namespace of its own; the rules are
 * made by nft and iptables.
 */
#include "kernel_real.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <stdio.h>
#include <string.h>

#include "keep/kernel/nlattr.h"
#include "keep/kernel/place.h"

#define V4	MSG_FAMILY_V4
#define V6	MSG_FAMILY_V6

static const struct backend_config nft = { .chain = "dnsfw", .table = "t",
    .table_family = NFPROTO_INET, .max_grants = 100 };
static const struct backend_config ip = { .chain = "dnsfw", .table = "t",
    .table_family = NFPROTO_IPV4, .max_grants = 100 };
static const struct backend_config ip6 = { .chain = "dnsfw", .table = "t",
    .table_family = NFPROTO_IPV6, .max_grants = 100 };
static const struct backend_config xt = { .chain = "DNSFW",
    .max_grants = 100 };

/* Ours are those with the comment "ours", cut from the user data. */
static unsigned int
whose(const struct nlmsghdr *rule)
{
	const struct nlattr *data = nlattr_get(rule, NFTA_RULE_USERDATA);

	return (data != NULL && mnl_attr_get_payload_len(data) == 7 &&
	    memcmp((const char *)mnl_attr_get_payload(data) + 2, "ours", 5) ==
	    0 ? PLACE_OURS : PLACE_OTHER);
}

static struct place
look(uint8_t families)
{
	struct place p;

	place_begin(&p, families, whose);
	cr_assert_eq(list_whole(STAMP_RULES, 0, NULL, place_take, &p),
	    LIST_END);
	place_end(&p);
	return (p);
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

	new_netns();
	(void)real_open(&backend_nftables, &nft);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command), "nft 'flush ruleset; "
		    "table inet t { set s { type ipv4_addr; }; chain other { "
		    "}; chain dnsfw { %s; }; }'", cases[i].rules);
		run(command);
		p = look(V4 | V6);
		cr_assert_eq(p.before, handle_of(cases[i].before), "%s: %llu",
		    cases[i].rules, (unsigned long long)p.before);
		cr_assert_eq(p.blocked, cases[i].blocked, "%s: %u",
		    cases[i].rules, p.blocked);
	}
}

Test(place, F2_table_of_ipv6)
{
	struct place p;

	new_netns();
	(void)real_open(&backend_nftables, &ip6);
	run("nft 'table ip6 t { chain dnsfw { " OURS "drop; " OURS "}; }'");
	p = look(V6);
	cr_assert(p.ours);
	cr_assert_neq(p.before, 0);
	cr_assert_eq(p.blocked, V6);
	cr_assert_eq(p.kinds, 0);
}

Test(place, F2_table_of_ipv4)
{
	new_netns();
	(void)real_open(&backend_nftables, &ip);
	run("nft 'table ip t { chain dnsfw { meta l4proto tcp drop; " OURS
	    "}; }'");
	cr_assert_eq(look(V4).blocked, V4);
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
	static struct backend_effect effect;
	enum list_step step;
	char command[256];
	size_t i;

	new_netns();
	(void)real_open(&backend_ipset, &xt);
	run("iptables -N OTHER && iptables -N DNSFW && ipset create s hash:ip");
	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		snprintf(command, sizeof(command), "iptables -F DNSFW && "
		    "iptables -A DNSFW %s && iptables -A DNSFW -m set "
		    "--match-set s src -j ACCEPT", rules[i].rule);
		run(command);
		effect = (struct backend_effect){ .families = V4 };
		while ((step = backend_ipset.effect(&effect, 20)) == LIST_MORE)
			;
		cr_assert_eq(step, LIST_END);
		cr_assert_eq(effect.blocked, rules[i].blocked, "%s",
		    rules[i].rule);
	}
}

/* It is for others to say that. */
Test(place, F2_missing_chain_has_no_rules)
{
	struct place p;

	new_netns();
	(void)real_open(&backend_nftables, &nft);
	run("nft 'table inet t { chain other { " OURS " }; }'");
	p = look(V4 | V6);
	cr_assert_not(p.ours);
	cr_assert_eq(p.before, 0);
}
