/*
 * Does a way lead from a hook to our chain?  Against the kernel, each test in a
 * network namespace of its own; the rules are made by nft and iptables.
 */
#include "kernel_real.h"

#include <linux/netfilter.h>

#include <stdio.h>
#include <string.h>

static const struct backend *backend;

/* Each test is about one table of its own family. */
static void
set_up(uint8_t family, const char *table)
{
	static struct backend_config c = { .chain = "dnsfw",
	    .max_grants = 100 };

	c.table_family = family;
	c.table = table;
	backend = &backend_nftables;
	new_netns();
	(void)real_open(backend, &c);
}

static struct backend_effect effect;

static enum list_step
look(uint8_t families)
{
	enum list_step step;

	effect = (struct backend_effect){ .families = families };
	while ((step = backend->effect(&effect, 20)) == LIST_MORE)
		;
	return (step);
}

static bool
reached(void)
{
	cr_assert_eq(look(MSG_FAMILY_V4 | MSG_FAMILY_V6), LIST_END);
	return (effect.reached != 0);
}

#define HOOK	"type filter hook forward priority 0; "

/* nft adds these to a table that has the chain "dnsfw". */
static const struct {
	const char	*rules;
	bool		 reached;
} cases[] = {
	{ "", false },
	{ "chain f { " HOOK " }", false },
	{ "chain f { " HOOK " jump dnsfw; }", true },
	{ "chain f { " HOOK " meta mark 1 ct state new goto dnsfw; }", true },
	{ "chain f { jump dnsfw; }", false },
	{ "chain f { jump g; }; chain g { jump dnsfw; }", false },
	{ "chain g { jump dnsfw; }; chain f { " HOOK " jump g; }", true },
	{ "chain h { goto dnsfw; }; chain g { jump h; }; "
	    "chain f { " HOOK " jump h; }", true },
	/* Ours leads on; nothing leads to it. */
	{ "chain g { accept; }; chain dnsfw { jump g; }; "
	    "chain f { " HOOK " jump g; }", false },
	{ "chain f { " HOOK " iifname vmap { \"lan\" : jump dnsfw }; }",
	    true },
	{ "chain f { " HOOK " iifname vmap { \"lan\" : accept, "
	    "\"x\" : goto dnsfw, \"y\" : drop }; }", true },
	{ "chain f { " HOOK " iifname vmap { \"lan\" : accept }; }", false },
	{ "chain f { iifname vmap { \"lan\" : jump dnsfw }; }", false },
	{ "map m { type ifname : verdict; }; "
	    "chain f { " HOOK " iifname vmap @m; }", false },
	{ "map m { type ifname : verdict; elements = { \"lan\" : jump dnsfw "
	    "}; }; chain f { " HOOK " iifname vmap @m; }", true },
	/* A map that no rule, or none that is reached, looks into. */
	{ "map m { type ifname : verdict; elements = { \"lan\" : jump dnsfw "
	    "}; }; chain f { " HOOK " accept; }", false },
	{ "map m { type ifname : verdict; elements = { \"lan\" : jump dnsfw "
	    "}; }; chain f { iifname vmap @m; }; chain g { " HOOK " }",
	    false },
	/* From map to map, and an interval map. */
	{ "chain g { tcp dport vmap { 1-10 : goto dnsfw, 20 : drop }; }; "
	    "chain f { " HOOK " iifname . tcp dport vmap { \"lan\" . 7 : "
	    "jump g }; }", true },
	/* The name of the chain is one of a map, too, and of a set. */
	{ "map dnsfw { type ifname : verdict; }; "
	    "chain f { " HOOK " iifname vmap @dnsfw; }", false },
	{ "set dnsfw { type ifname; }; "
	    "chain f { " HOOK " iifname @dnsfw accept; }", false },
	/* A map, but not of verdicts. */
	{ "map m { type ifname : mark; elements = { \"lan\" : 1 }; }; "
	    "chain f { " HOOK " meta mark set iifname map @m; }", false },
	/* Chains without a name. */
	{ "chain f { " HOOK " iifname \"lan\" jump { tcp dport 1 accept; "
	    "jump dnsfw; }; }", true },
	{ "chain f { iifname \"lan\" jump { jump dnsfw; }; }", false },
	/* Another name that begins alike, or is that of a chain with a hook. */
	{ "chain dnsfw2 { accept; }; chain f { " HOOK " jump dnsfw2; }",
	    false },
	{ "chain f { type filter hook output priority 0; jump dnsfw; }",
	    true },
};

static void
try_all(uint8_t family, const char *name)
{
	char command[1024];
	size_t i;

	set_up(family, "t");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command), "nft 'flush ruleset; "
		    "table %s t { chain dnsfw { }; }; table %s t { %s; }'",
		    name, name, cases[i].rules);
		run(command);
		cr_assert_eq(reached(), cases[i].reached, "%s",
		    cases[i].rules);
	}
}

Test(reach, G10_ways_of_nft)
{
	try_all(NFPROTO_INET, "inet");
}

Test(reach, G10_ways_of_nft_for_IPv4)
{
	try_all(NFPROTO_IPV4, "ip");
}

Test(reach, G10_ways_of_nft_for_IPv6)
{
	try_all(NFPROTO_IPV6, "ip6");
}

#define TWO_TABLES "nft 'table inet t { chain dnsfw { }; }; table ip t { "	\
	"chain dnsfw { }; chain f { " HOOK " jump dnsfw; }; }; table inet "	\
	"u { chain dnsfw { }; chain f { " HOOK " jump dnsfw; }; }'"

/* Of a table with the same name, but of another family, or the reverse. */
Test(reach, G10_other_tables_do_not_count)
{
	set_up(NFPROTO_INET, "t");
	run(TWO_TABLES);
	cr_assert_not(reached());
}

Test(reach, G10_table_among_others)
{
	set_up(NFPROTO_IPV4, "t");
	run(TWO_TABLES);
	cr_assert(reached());
}

Test(reach, G10_ways_of_iptables)
{
	static struct backend_config c = { .chain = "DNSFW",
	    .max_grants = 100 };

	backend = &backend_ipset;
	new_netns();
	(void)real_open(backend, &c);
	run("iptables -N DNSFW && iptables -N A && iptables -N B && "
	    "iptables -A A -p tcp -g B && iptables -A B -j DNSFW");
	cr_assert_not(reached());
	run("iptables -A FORWARD -i lan -m mark --mark 1 -j A");
	cr_assert(reached());
	cr_assert_eq(effect.reached, MSG_FAMILY_V4);
	run("iptables -D A -p tcp -g B");
	cr_assert_not(reached());
}

/* nft's commands: head, and each n times, in which & is a number from 1 on. */
static void
load(const char *head, const char *each, unsigned int n)
{
	char command[1024];

	snprintf(command, sizeof(command), "(echo '%s'; seq %u | sed 's/.*/%s/') "
	    "| nft -f -", head, n, each);
	run(command);
}

#define TABLE	"add table inet t; add chain inet t dnsfw; add chain inet t " \
	"a; add chain inet t b; add chain inet t f { " HOOK "};"

/* With more ways than are noted, a warning would be a guess. */
Test(reach, G10_more_ways_than_are_noted, .timeout = 60)
{
	set_up(NFPROTO_INET, "t");
	load(TABLE, "add chain inet t c&; "
	    "add rule inet t f meta mark & jump c&", 4095);
	cr_assert_not(reached());
	run("nft add rule inet t f jump a");
	cr_assert(reached());
}

/* The last of many rules, of which most lead to the same chains. */
Test(reach, G10_many_rules, .timeout = 60)
{
	set_up(NFPROTO_INET, "t");
	load(TABLE, "add rule inet t f meta mark & jump a; "
	    "add rule inet t f meta mark & jump b; "
	    "add rule inet t a meta mark & accept", 2100);
	cr_assert_not(reached());
	run("nft add rule inet t b jump dnsfw");
	cr_assert(reached());
}

/* And of a map with many elements. */
Test(reach, G10_many_elements, .timeout = 60)
{
	set_up(NFPROTO_INET, "t");
	load(TABLE "add map inet t m { type mark : verdict; }; "
	    "add rule inet t f meta mark vmap @m",
	    "add element inet t m { & : jump a }; "
	    "add element inet t m { 9000& : jump b }", 2100);
	cr_assert_not(reached());
	run("nft add element inet t m '{ 99999 : jump dnsfw }'");
	cr_assert(reached());
}

Test(reach, G10_more_maps_than_are_noted)
{
	set_up(NFPROTO_INET, "t");
	load(TABLE, "add rule inet t f mark vmap { & : drop, 9& : drop }", 64);
	cr_assert_not(reached());
	run("nft add rule inet t f mark vmap '{ 1 : drop, 3 : drop }'");
	cr_assert(reached());
}

Test(reach, G10_longest_names)
{
	char name[256], command[2048];

	set_up(NFPROTO_INET, "t");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(command, sizeof(command), "nft 'table inet t { chain dnsfw { "
	    "}; chain %s { jump dnsfw; }; map %s { type ifname : verdict; "
	    "elements = { \"lan\" : jump %s }; }; chain f { " HOOK
	    " iifname vmap @%s; }; }'", name, name, name, name);
	run(command);
	cr_assert(reached());
}

/* The name of a map that an order cannot say: a way through it may be there. */
Test(reach, G10_longest_name_of_a_map)
{
	char name[ORDER_NAME_SIZE], command[2048];

	set_up(NFPROTO_INET, "t");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(command, sizeof(command), "nft 'table inet t { chain dnsfw { "
	    "}; map %s { type ifname : verdict; }; chain f { " HOOK
	    " iifname vmap @%s; }; }'", name, name);
	run(command);
	cr_assert_not(reached());
	snprintf(command, sizeof(command), "nft 'table inet t { map %sn { "
	    "type ifname : verdict; }; chain f { iifname vmap @%sn; }; }'",
	    name, name);
	run(command);
	cr_assert(reached());
}

/* Nothing is said if the kernel does not tell. */
Test(reach, G10_unknown_is_no_answer)
{
	static struct backend_config c = { .chain = "dnsfw", .table = "t",
	    .table_family = NFPROTO_INET, .max_grants = 100 };

	backend = &backend_nftables;
	new_netns();
	kill(real_open(backend, &c), SIGKILL);
	cr_assert_eq(look(MSG_FAMILY_V4), LIST_BROKEN);
}
