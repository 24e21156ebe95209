/*
 * The real helper against the kernel (P1, P7): what it is asked for is judged by
 * the listings of the ordinary tools.
 */
#include <criterion/criterion.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <linux/netfilter.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "addrtext.h"
#include "clock.h"
#include "helper_rig.h"
#include "netns.h"

#define LIST	"nft list ruleset; ipset list; iptables -S; ip6tables -S"

static const struct stamps_wish ipset_wish = { .ipset = true, .flows = true,
    .kill = true, .chain = "DNSFW", .max_grants = 1000 };
static const struct stamps_wish nft_wish = { .table_family = NFPROTO_INET,
    .table = "filter", .chain = "dns", .max_grants = 1000, .flows = true,
    .kill = true };

static struct rig rig;

/* The four kinds of grants. */
static const struct kind {
	const char	*client, *dst;
	const char	*ipset, *nft;	/* as they are listed */
} kinds[] = {
	{ "10.0.0.2", "192.0.2.1", "10.0.0.2,tcp:443,192.0.2.1 timeout ",
	    "10.0.0.2 . tcp . 443 . 192.0.2.1 timeout 1m" },
	{ "", "192.0.2.2", "192.0.2.2,tcp:443 timeout ",
	    "tcp . 443 . 192.0.2.2 timeout 1m" },
	{ "2001:db8::2", "2a00::1", "2001:db8::2,tcp:443,2a00::1 timeout ",
	    "2001:db8::2 . tcp . 443 . 2a00::1 timeout 1m" },
	{ "", "2a00::2", "2a00::2,tcp:443 timeout ",
	    "tcp . 443 . 2a00::2 timeout 1m" },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

static struct rig_answer
make(enum stamps_id what, uint8_t sub, uint8_t sets, uint8_t rules,
    uint64_t position)
{
	struct order_make m = { .type = ORDER_MAKE, .what = (uint8_t)what,
	    .sub = sub, .sets = sets, .rules = rules, .position = position };

	return (rig_order(&rig, &m, sizeof(m)));
}

static void
done(struct rig_answer a)
{
	cr_assert(!a.refused, "refused: %d", a.code);
	cr_assert_eq(a.error, 0, "error %d: %s", a.error, strerror(a.error));
}

static void
refused(struct rig_answer a, enum order_code code)
{
	cr_assert(a.refused, "not refused");
	cr_assert_eq(a.code, code, "%d instead of %d", a.code, code);
}

static void
start_ipset(void)
{
	uint8_t kind;

	new_netns();
	run("iptables -N DNSFW && ip6tables -N DNSFW && "
	    "iptables -A DNSFW -j RETURN");
	(void)rig_stamps(&ipset_wish);
	rig_start(&rig);
	for (kind = 0; kind < KINDS; kind++)
		done(make(STAMP_CREATE, kind, 0, 0, 0));
	done(make(STAMP_RULE, 0, 0, 15, 0));
}

static void
start_nft(void)
{
	new_netns();
	run("nft add table inet filter && nft add chain inet filter dns && "
	    "nft add rule inet filter dns counter drop");
	(void)rig_stamps(&nft_wish);
	rig_start(&rig);
	done(make(STAMP_RULE, 0, 15, 15, 0));
}

static struct rig_answer
grant(enum order_type type, const struct kind *k, uint32_t left, uint8_t how)
{
	struct order_grant g = rig_grant(type, k->client, k->dst, left);

	g.how = how;
	return (rig_order(&rig, &g, sizeof(g)));
}

/* A minute, shorter by what has passed, and rounded down. */
static void
expect_minute(const char *entry, uint64_t begin)
{
	const char *text = strstr(rig_output(LIST), entry);
	uint64_t passed = (clock_now() - begin) / CLOCK_SECOND;
	unsigned long left;

	cr_assert_not_null(text, "%s is not there", entry);
	left = strtoul(text + strlen(entry), NULL, 10);
	cr_assert(left <= 60 && left + passed >= 59, "%s%lu", entry, left);
}

static void
add_and_delete(bool ipset)
{
	const char *text;
	uint64_t begin;
	size_t i;

	for (i = 0; i < KINDS; i++) {
		text = ipset ? kinds[i].ipset : kinds[i].nft;
		begin = clock_now();
		done(grant(ORDER_ADD, &kinds[i], 59999, 0));
		/* Which ipset has rounded up. */
		if (ipset)
			expect_minute(text, begin);
		else
			done(grant(ORDER_ADD, &kinds[i], 60000, 0));
		cr_assert(rig_shows(LIST, text), "%s", rig_output(LIST));
		cr_assert(rig_shows(LIST, "comment \"www.example.com\""));
		done(grant(ORDER_TEST, &kinds[i], 0, 0));
		done(grant(ORDER_DEL, &kinds[i], 0, 0));
		cr_assert(!rig_shows(LIST, text));
		cr_assert_neq(grant(ORDER_TEST, &kinds[i], 0, 0).error, 0);
		/* Again: what is not there is no error. */
		done(grant(ORDER_DEL, &kinds[i], 0, 0));
	}
}

Test(helper, P1_ipset_adds_and_deletes)
{
	start_ipset();
	add_and_delete(true);
}

Test(helper, P1_nft_adds_and_deletes)
{
	start_nft();
	add_and_delete(false);
}

Test(helper, P1_nft_tells_what_is_there_already)
{
	start_nft();
	done(grant(ORDER_ADD, &kinds[0], 60000, ORDER_FRESH));
	cr_assert_eq(grant(ORDER_ADD, &kinds[0], 60000, ORDER_FRESH).error,
	    EEXIST);
	/* It gets another time and comment all the same. */
	done(grant(ORDER_ADD, &kinds[0], 120000, 0));
	cr_assert(rig_shows(LIST, "192.0.2.1 timeout 2m"));
}

Test(helper, P1_makes_rules_of_iptables)
{
	start_ipset();
	cr_assert(rig_shows("iptables -S DNSFW", "-A DNSFW -m set --match-set "
	    "DNSFW-ipv4-allow src,dst,dst -j ACCEPT\n"));
	cr_assert(rig_shows("iptables -S DNSFW", "-A DNSFW -m addrtype "
	    "--src-type LOCAL -m set --match-set DNSFW-ipv4-allow-local "
	    "dst,dst -j ACCEPT\n"));
	cr_assert(rig_shows("ip6tables -S DNSFW", "DNSFW-ipv6-allow "));
	cr_assert(rig_shows("ip6tables -S DNSFW", "DNSFW-ipv6-allow-local "));
	/* It is ours: what was in it is gone. */
	cr_assert(!rig_shows("iptables -S DNSFW", "RETURN"));
	/* Again, of one family: the other one's stay. */
	done(make(STAMP_RULE, 0, 0, 3, 0));
	cr_assert_eq(strlen(rig_output("iptables -S DNSFW | grep -c set")), 2);
	cr_assert(rig_shows("iptables -S DNSFW | grep -c set", "2"));
	cr_assert(rig_shows("ip6tables -S DNSFW | grep -c set", "2"));
}

Test(helper, P1_replaces_an_ipset)
{
	start_ipset();
	done(grant(ORDER_ADD, &kinds[0], 60000, 0));
	done(make(STAMP_CREATE_SPARE, 0, 0, 0, 0));
	cr_assert_neq(make(STAMP_CREATE_SPARE, 0, 0, 0, 0).error, 0);
	done(grant(ORDER_ADD, &(struct kind){ "10.0.0.3", "192.0.2.9", "", "" },
	    60000, ORDER_SPARE));
	cr_assert(rig_shows("ipset list DNSFW-new", "10.0.0.3"));
	done(make(STAMP_SWAP, 0, 0, 0, 0));
	cr_assert(rig_shows("ipset list DNSFW-ipv4-allow", "10.0.0.3"));
	done(make(STAMP_DESTROY_SPARE, 0, 0, 0, 0));
	cr_assert(!rig_shows("ipset list -n", "DNSFW-new"));
	/* The rules followed. */
	cr_assert(rig_shows("iptables -S DNSFW", "DNSFW-ipv4-allow src"));
}

Test(helper, P1_no_rule_for_a_set_of_others)
{
	start_ipset();
	run("iptables -F DNSFW && ipset destroy DNSFW-ipv4-allow");
	refused(make(STAMP_RULE, 0, 0, 3, 0), ORDER_NO_SET);
	run("ipset create DNSFW-ipv4-allow hash:ip,port,ip family inet6");
	refused(make(STAMP_RULE, 0, 0, 3, 0), ORDER_NO_SET);
	cr_assert(!rig_shows("iptables -S DNSFW", "set"));
	done(make(STAMP_RULE, 0, 0, 2, 0));
}

static uint64_t
first_handle(void)
{
	const char *text = strstr(rig_output("nft -a list chain inet filter "
	    "dns"), "drop # handle ");

	cr_assert_not_null(text);
	return (strtoull(text + sizeof("drop # handle ") - 1, NULL, 10));
}

Test(helper, P1_makes_rules_of_nft)
{
	const char *all, *drop;

	start_nft();
	all = rig_output("nft list chain inet filter dns");
	cr_assert_not_null(strstr(all, "ip saddr . meta l4proto . th dport . "
	    "ip daddr @dns_ipv4_allow counter packets 0 bytes 0 accept comment "
	    "\"dnsfw:managed\""), "%s", all);
	cr_assert_not_null(strstr(all, "@dns_ipv6_allow_local"));
	drop = strstr(all, "drop");
	cr_assert(drop < strstr(all, "@dns_ipv4_allow"));
	done(make(STAMP_RULE, 0, 0, 4, first_handle()));
	all = rig_output("nft list chain inet filter dns");
	cr_assert(strstr(all, "@dns_ipv6_allow") < strstr(all, "drop"));
	cr_assert_eq(make(STAMP_RULE, 0, 0, 4, 9999).error, ENOENT);
	cr_assert(rig_shows("nft list set inet filter dns_ipv4_allow",
	    "size 2000"));
	cr_assert(rig_shows("nft list set inet filter dns_ipv4_allow",
	    "comment \"dnsfw: live grants\""));
}

#define ANY	-2

struct reading {
	enum stamps_id	what;
	uint8_t		sub;
	const char	*name;
	int		data;		/* messages that it brings, or ANY */
};

static void
read_all(const struct reading *r, size_t n)
{
	struct rig_answer answer;
	size_t i;
	int data;

	for (i = 0; i < n; i++) {
		data = rig_read(&rig, r[i].what, r[i].sub, r[i].name, &answer);
		cr_assert_neq(data, -1, "%d: refused %d, %d, error %d",
		    r[i].what, answer.refused, answer.code, answer.error);
		if (r[i].data != ANY)
			cr_assert_eq(data, r[i].data, "%d: %d messages",
			    r[i].what, data);
	}
}

Test(helper, P1_ipset_reads)
{
	const struct reading all[] = {
		{ STAMP_ENTRIES, 0, "", ANY }, { STAMP_ENTRIES, 3, "", ANY },
		{ STAMP_HEAD, 0, "", ANY }, { STAMP_INDEX, 2, "", 1 },
		{ STAMP_TABLE, 0, "", 1 }, { STAMP_TABLE, 1, "", 1 },
		{ STAMP_CHAIN, 0, "", 1 }, { STAMP_CHAINS, 1, "", ANY },
		{ STAMP_RULES, 0, "", 2 }, { STAMP_RULES, 1, "", 2 },
		{ STAMP_TABLE_RULES, 0, "", ANY }, { STAMP_FLOWS, 0, "", 0 },
		{ STAMP_FLOWS, 1, "", 0 },
	};

	start_ipset();
	done(grant(ORDER_ADD, &kinds[0], 60000, 0));
	read_all(all, sizeof(all) / sizeof(all[0]));
}

Test(helper, P1_nft_reads)
{
	const struct reading all[] = {
		{ STAMP_ENTRIES, 0, "", ANY }, { STAMP_HEAD, 3, "", 1 },
		{ STAMP_TABLE, 0, "", 1 }, { STAMP_CHAIN, 0, "", 1 },
		{ STAMP_CHAINS, 0, "", ANY }, { STAMP_RULES, 0, "", 5 },
		{ STAMP_TABLE_RULES, 0, "", 6 }, { STAMP_MAP, 0, "m", ANY },
	};
	struct rig_answer answer;

	start_nft();
	run("nft add chain inet filter other && "
	    "nft add rule inet filter other accept && "
	    "nft 'add map inet filter m { type ipv4_addr : verdict; }' && "
	    "nft 'add element inet filter m { 1.1.1.1 : drop }'");
	done(grant(ORDER_ADD, &kinds[0], 60000, 0));
	read_all(all, sizeof(all) / sizeof(all[0]));
	cr_assert_eq(rig_read(&rig, STAMP_MAP, 0, "none", &answer), -1);
	cr_assert_eq(answer.error, ENOENT);
}

/* A datagram from and to this host makes a connection. */
static void
open_connection(struct order_flow *f, uint16_t zone)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons(5353), .sin_addr = { htonl(0x7f000001) } };
	socklen_t len = sizeof(to);
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	cr_assert_eq(connect(s, (struct sockaddr *)&to, len), 0);
	cr_assert_eq(send(s, "x", 1, 0), 1);
	cr_assert_eq(getsockname(s, (struct sockaddr *)&to, &len), 0);
	*f = (struct order_flow){ .type = ORDER_FLOW, .family = ADDR_V4,
	    .proto = IPPROTO_UDP, .sport = ntohs(to.sin_port), .dport = 5353,
	    .zone = zone, .src = { 127, 0, 0, 1 }, .dst = { 127, 0, 0, 1 } };
	close(s);
}

static void
end_connections(uint16_t zone, const char *rule)
{
	struct order_flow f[2], all[2];
	struct rig_answer answers[2];

	start_nft();
	run("ip link set lo up && nft add table ip track && nft 'add chain ip track "
	    "out { type filter hook output priority raw; }'");
	run(rule);
	run("nft add chain ip track in '{ type filter hook input priority 0; }' "
	    "&& nft add rule ip track in ct state new accept");
	open_connection(&f[0], zone);
	f[1] = f[0];
	f[1].sport++;
	cr_assert_geq(rig_read(&rig, STAMP_FLOWS, 0, "", &answers[0]), 1);
	memcpy(all, f, sizeof(all));
	rig_orders(&rig, all, sizeof(all[0]), 2, answers);
	done(answers[0]);
	cr_assert_eq(answers[1].error, ENOENT);
	cr_assert_eq(rig_order(&rig, f, sizeof(f[0])).error, ENOENT);
}

Test(helper, A9_ends_a_connection)
{
	end_connections(0, "true");
}

Test(helper, A9_ends_a_connection_of_a_zone)
{
	end_connections(7, "nft add rule ip track out ct zone set 7");
}

/* What these options do not have. */
/* --hold-live reads them; to end one is another option's. */
Test(helper, A9_hold_live_ends_no_connection)
{
	struct stamps_wish wish = nft_wish;
	struct rig_answer answer;
	struct order_flow f;

	new_netns();
	run("ip link set lo up && nft add table inet filter && "
	    "nft add chain inet filter dns && nft add chain inet filter in "
	    "'{ type filter hook input priority 0; }' && "
	    "nft add rule inet filter in ct state new accept");
	wish.kill = false;
	(void)rig_stamps(&wish);
	rig_start(&rig);
	open_connection(&f, 0);
	cr_assert_geq(rig_read(&rig, STAMP_FLOWS, 0, "", &answer), 1);
	refused(rig_order(&rig, &f, sizeof(f)), ORDER_NO_STAMP);
	f.zone = 7;
	refused(rig_order(&rig, &f, sizeof(f)), ORDER_NO_STAMP);
	cr_assert_geq(rig_read(&rig, STAMP_FLOWS, 0, "", &answer), 1);
}

/* All that can be made, in all ways: what is the operator's stays. */
static void
make_all(const char *operators)
{
	char before[16384];
	unsigned int what, i;

	snprintf(before, sizeof(before), "%s", rig_output(operators));
	cr_assert(strlen(before) > 100 && strlen(before) < sizeof(before) - 1,
	    "%s", before);
	for (what = STAMPS_MAKE_FIRST; what <= STAMPS_MAKE_LAST; what++) {
		for (i = 0; i < 4; i++)
			(void)make(what, (uint8_t)i, 0, 0, 0);
	}
	for (i = 0; i < 16; i++) {
		(void)make(STAMP_RULE, 0, (uint8_t)i, (uint8_t)i, 0);
		/* Before any rule of anybody. */
		(void)make(STAMP_RULE, 0, 0, 15, i);
	}
	for (i = 0; i < KINDS; i++)
		(void)grant(ORDER_DEL, &kinds[i], 0, 0);
	cr_assert_str_eq(rig_output(operators), before);
}

Test(helper, P7_nft_leaves_others_alone)
{
	start_nft();
	run("nft add table ip other && nft add chain ip other dns && "
	    "nft add rule ip other dns accept && "
	    "nft add chain inet filter other && "
	    "nft add rule inet filter other drop && "
	    "nft add set inet filter s '{ type ipv4_addr; }' && "
	    "nft add element inet filter s '{ 192.0.2.1 }'");
	make_all("nft list table ip other; nft list chain inet filter other; "
	    "nft list set inet filter s");
	cr_assert(rig_shows("nft list chain inet filter dns", "drop"));
}

Test(helper, P7_ipset_leaves_others_alone)
{
	start_ipset();
	run("iptables -N OTHER && iptables -A OTHER -j DROP && "
	    "iptables -A FORWARD -j DNSFW && "
	    "ipset create other hash:ip && ipset add other 192.0.2.1");
	make_all("iptables -S OTHER; iptables -S FORWARD; ipset save other; "
	    "ip6tables -S FORWARD");
}

Test(helper, P7_no_stamp)
{
	struct stamps_wish wish = nft_wish;
	struct rig_answer answer;
	struct order_flow f;

	new_netns();
	run("nft add table ip t && nft add chain ip t dns");
	wish.table_family = NFPROTO_IPV4;
	wish.table = "t";
	wish.flows = wish.kill = false;
	(void)rig_stamps(&wish);
	rig_start(&rig);
	done(make(STAMP_RULE, 0, 3, 3, 0));
	done(grant(ORDER_ADD, &kinds[0], 1000, 0));
	refused(grant(ORDER_ADD, &kinds[2], 1000, 0), ORDER_NO_STAMP);
	refused(grant(ORDER_ADD, &kinds[0], 1000, ORDER_SPARE), ORDER_NO_STAMP);
	refused(make(STAMP_RULE, 0, 4, 0, 0), ORDER_NO_STAMP);
	refused(make(STAMP_RULE, 0, 0, 8, 0), ORDER_NO_STAMP);
	refused(make(STAMP_CREATE, 0, 0, 0, 0), ORDER_NO_STAMP);
	f = (struct order_flow){ .type = ORDER_FLOW, .family = ADDR_V4,
	    .proto = IPPROTO_UDP };
	refused(rig_order(&rig, &f, sizeof(f)), ORDER_NO_STAMP);
	cr_assert_eq(rig_read(&rig, STAMP_FLOWS, 0, "", &answer), -1);
	refused(answer, ORDER_NO_STAMP);
	cr_assert(!rig_shows(LIST, "ipv6"));
}

static void
fill_mixed(struct order_grant g[64], const char *bad)
{
	char dst[32];
	size_t i;

	for (i = 0; i < 64; i++) {
		snprintf(dst, sizeof(dst), "192.0.2.%zu", i);
		g[i] = rig_grant(ORDER_ADD, "10.0.0.2", i % 2 == 1 ? bad : dst,
		    60000);
	}
}

/* In one record some are refused: the others are done. */
static void
mixed(void)
{
	struct order_grant g[64];
	struct rig_answer answers[64];
	size_t i;

	fill_mixed(g, "127.0.0.1");
	rig_orders(&rig, g, sizeof(g[0]), 64, answers);
	for (i = 0; i < 64; i++) {
		if (i % 2 == 1)
			refused(answers[i], ORDER_FORBIDDEN);
		else
			done(answers[i]);
	}
	cr_assert(rig_shows(LIST, "192.0.2.62"));
	cr_assert(!rig_shows(LIST, "127.0.0.1"));
	for (i = 0; i < 64; i++)
		g[i] = rig_grant(ORDER_ADD, "10.0.0.2", "224.0.0.1", 60000);
	rig_orders(&rig, g, sizeof(g[0]), 64, answers);
	refused(answers[63], ORDER_FORBIDDEN);
}

Test(helper, P7_ipset_some_of_a_record)
{
	start_ipset();
	mixed();
}

Test(helper, P7_nft_some_of_a_record)
{
	start_nft();
	mixed();
}

Test(helper, P7_bounds_and_limits)
{
	const struct order_bound tight[] = { { .type = ORDER_BOUND,
	    .family = ADDR_V4, .prefix = 24, .proto = IPPROTO_TCP, .port = 443,
	    .base = { 10, 0, 0 } } };
	struct order_grant g;

	new_netns();
	run("nft add table inet filter && nft add chain inet filter dns");
	(void)rig_stamps(&nft_wish);
	rig_start_unbound(&rig);
	done(make(STAMP_RULE, 0, 15, 15, 0));
	refused(grant(ORDER_ADD, &kinds[0], 1000, 0), ORDER_OUTSIDE);
	rig_commit(&rig, tight, 1);
	done(grant(ORDER_ADD, &kinds[0], 1000, 0));
	refused(grant(ORDER_ADD, &kinds[1], 1000, 0), ORDER_OUTSIDE);
	refused(grant(ORDER_ADD, &kinds[0], 3600001, 0), ORDER_TOO_LONG);
	g = rig_grant(ORDER_ADD, "10.0.0.3", "192.0.2.5", 1000);
	g.port = 80;
	refused(rig_order(&rig, &g, sizeof(g)), ORDER_OUTSIDE);
	/* To take away is always allowed. */
	done(grant(ORDER_DEL, &kinds[1], 0, 0));
	rig_commit(&rig, tight, 0);
	refused(grant(ORDER_ADD, &kinds[0], 1000, 0), ORDER_OUTSIDE);
}

/* Who asks for a grant may have heard of a list before we have. */
Test(helper, P7_bounds_before_what_was_asked_after_them)
{
	const struct order_bound any[] = { { .type = ORDER_BOUND,
	    .family = ADDR_V4 } };
	struct order_grant g = rig_grant(ORDER_ADD, "10.0.0.2", "192.0.2.9",
	    60000);
	int status;

	new_netns();
	run("nft add table inet filter && nft add chain inet filter dns");
	(void)rig_stamps(&nft_wish);
	rig_start_unbound(&rig);
	done(make(STAMP_RULE, 0, 15, 15, 0));
	kill(rig.pid, SIGSTOP);
	cr_assert_eq(waitpid(rig.pid, &status, WUNTRACED), rig.pid);
	g.seq = rig.seq++;
	rig_commit(&rig, any, 1);
	rig_tell(&rig, &g, sizeof(g));
	kill(rig.pid, SIGCONT);
	done(grant(ORDER_ADD, &kinds[0], 1000, 0));
	cr_assert(rig_shows(LIST, "192.0.2.9"), "%s", rig_output(LIST));
}

/* What a compiler may say in a turn, it may say for ever; the keeper is heard. */
Test(helper, P7_the_keeper_is_heard_beside_a_compiler_without_end)
{
	const struct order_commit commit = { .type = ORDER_COMMIT };
	const uint8_t bad = 0;
	const size_t most = 2 * (ORDER_BOUNDS_MAX / ORDER_BATCH_MAX + 1);
	struct order_grant g = rig_grant(ORDER_ADD, "10.0.0.2", "127.0.0.1",
	    1000);
	struct order_refused refused;
	struct order_error error;
	int status;
	size_t i;

	start_nft();
	/* Then it has had its turn with what the rig has said. */
	cr_assert(rig_order(&rig, &g, sizeof(g)).refused);
	kill(rig.pid, SIGSTOP);
	cr_assert_eq(waitpid(rig.pid, &status, WUNTRACED), rig.pid);
	for (i = 0; i < most; i++)
		cr_assert_eq(send(rig.compiler, &commit, sizeof(commit),
		    MSG_DONTWAIT), sizeof(commit), "%zu", i);
	cr_assert_eq(send(rig.compiler, &bad, sizeof(bad), MSG_DONTWAIT), 1);
	g.seq = 77;
	rig_tell(&rig, &g, sizeof(g));
	kill(rig.pid, SIGCONT);
	cr_assert_eq(recv(rig.keeper, &refused, sizeof(refused), 0),
	    sizeof(refused));
	cr_assert_eq(refused.type, ORDER_REFUSED, "it has ended before");
	cr_assert_eq(refused.seq, 77);
	error = rig_end(&rig, &status);
	cr_assert_eq(error.why, ORDER_END_RECORD);
}

/* Whatever root has in its own. */
Test(helper, P2_has_no_environment)
{
	char command[64];

	setenv("SECRET", "x", 1);
	start_nft();
	snprintf(command, sizeof(command), "wc -c < /proc/%d/environ", rig.pid);
	cr_assert_str_eq(rig_output(command), "0\n");
}

static void
ends(const void *record, size_t len, enum order_end why, uint32_t detail)
{
	struct order_error e;
	int status;

	start_nft();
	rig_tell(&rig, record, len);
	e = rig_end(&rig, &status);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == (int)why,
	    "status %#x", status);
	cr_assert_eq(e.why, why);
	cr_assert_eq(e.detail, detail, "%u", e.detail);
}

Test(helper, P7_ends_on_a_type)
{
	const struct order_ready r = { .type = ORDER_READY };

	ends(&r, sizeof(r), ORDER_END_RECORD, ORDER_ETYPE);
}

/* What the policy gives is the compiler's to say. */
Test(helper, P7_ends_on_a_bound_of_the_keeper)
{
	const struct order_bound b = { .type = ORDER_BOUND };

	ends(&b, sizeof(b), ORDER_END_RECORD, ORDER_ETYPE);
}

Test(helper, P7_ends_on_a_size)
{
	const struct order_make m = { .type = ORDER_MAKE };

	ends(&m, sizeof(m) - 1, ORDER_END_RECORD, ORDER_ESIZE);
}

Test(helper, P7_ends_on_two_types)
{
	struct order_grant g[2];

	g[0] = rig_grant(ORDER_ADD, "10.0.0.2", "192.0.2.1", 1000);
	g[1] = rig_grant(ORDER_DEL, "10.0.0.2", "192.0.2.1", 0);
	ends(g, sizeof(g), ORDER_END_RECORD, ORDER_ETYPE);
}

/* Whatever is neither made nor read by itself. */
Test(helper, P7_no_stamp_of_that_use)
{
	struct rig_answer answer;
	unsigned int what;

	start_nft();
	for (what = 0; what < 256; what++) {
		if (what != STAMP_RULE)
			refused(make(what, 0, 0, 0, 0), ORDER_NO_STAMP);
		if (what >= STAMPS_READ_FIRST && what <= STAMPS_READ_LAST)
			continue;
		cr_assert_eq(rig_read(&rig, what, 0, "", &answer), -1);
		refused(answer, ORDER_NO_STAMP);
	}
	cr_assert_eq(rig_read(&rig, STAMP_ENTRIES, 4, "", &answer), -1);
	refused(answer, ORDER_NO_STAMP);
	refused(make(STAMP_RULE, 0, 0, 0, 0), ORDER_NO_STAMP);
}

Test(helper, P7_ends_on_two_that_stand_alone)
{
	const struct order_read r[2] = { { .type = ORDER_READ,
	    .what = STAMP_CHAIN }, { .type = ORDER_READ, .what = STAMP_CHAIN } };

	ends(r, sizeof(r), ORDER_END_RECORD, ORDER_ESIZE);
}

Test(helper, P7_ends_on_a_long_record)
{
	static const char record[ORDER_SIZE_MAX + 1] = { ORDER_ADD };

	ends(record, sizeof(record), ORDER_END_TRUNCATED, 0);
}

Test(helper, P7_ends_on_a_descriptor)
{
	struct order_grant g = rig_grant(ORDER_DEL, "10.0.0.2", "1.1.1.1", 0);
	union { struct cmsghdr h; char space[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec iov = { &g, sizeof(g) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &c, .msg_controllen = sizeof(c) };
	struct order_error e;
	int status, fd = 0;

	start_nft();
	memset(&c, 0, sizeof(c));
	c.h = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
	    .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	cr_assert_gt(sendmsg(rig.keeper, &m, 0), 0);
	e = rig_end(&rig, &status);
	cr_assert_eq(e.why, ORDER_END_TRUNCATED);
	cr_assert_eq(WEXITSTATUS(status), ORDER_END_TRUNCATED);
}

static void
compiler_ends(const void *record, size_t len, enum order_end why,
    uint32_t detail)
{
	struct order_error e;
	int status;

	start_nft();
	cr_assert_gt(send(rig.compiler, record, len, 0), 0);
	e = rig_end(&rig, &status);
	cr_assert_eq(WEXITSTATUS(status), (int)why, "status %#x", status);
	cr_assert_eq(e.why, why);
	cr_assert_eq(e.detail, detail);
}

Test(helper, P7_ends_on_bounds_out_of_order)
{
	const struct order_bound b[2] = { { .type = ORDER_BOUND },
	    { .type = ORDER_BOUND } };

	compiler_ends(b, sizeof(b), ORDER_END_BOUNDS, 0);
}

Test(helper, P7_ends_on_bounds_miscounted)
{
	const struct order_commit c = { .type = ORDER_COMMIT, .bounds = 1 };

	compiler_ends(&c, sizeof(c), ORDER_END_BOUNDS, 0);
}

Test(helper, P7_ends_on_a_grant_of_the_compiler)
{
	struct order_grant g = rig_grant(ORDER_DEL, "10.0.0.2", "1.1.1.1", 0);

	compiler_ends(&g, sizeof(g), ORDER_END_RECORD, ORDER_ETYPE);
}

Test(helper, P4_ends_with_the_compiler)
{
	int status;

	start_nft();
	close(rig.compiler);
	cr_assert_eq(rig_end(&rig, &status).why, ORDER_END_COMPILER);
	cr_assert_eq(WEXITSTATUS(status), ORDER_END_COMPILER);
}

Test(helper, P4_ends_with_the_keeper)
{
	int status;

	start_nft();
	close(rig.keeper);
	cr_assert_eq(waitpid(rig.pid, &status, 0), rig.pid);
	cr_assert_eq(WEXITSTATUS(status), ORDER_END_EOF);
}

/* The kernel sees one that is not the keeper. */
Test(helper, P1_has_one_capability_and_a_filter)
{
	char command[64];
	const char *status;

	start_nft();
	snprintf(command, sizeof(command), "cat /proc/%d/status", rig.pid);
	status = rig_output(command);
	cr_assert_not_null(strstr(status, "CapEff:\t0000000000001000"));
	cr_assert_not_null(strstr(status, "CapPrm:\t0000000000001000"));
	cr_assert_not_null(strstr(status, "CapInh:\t0000000000000000"));
	cr_assert_not_null(strstr(status, "CapBnd:\t0000000000000000"));
	cr_assert_not_null(strstr(status, "CapAmb:\t0000000000000000"));
	cr_assert_not_null(strstr(status, "NoNewPrivs:\t1"));
	cr_assert_not_null(strstr(status, "Seccomp:\t2"));
	cr_assert_not_null(strstr(status, "Uid:\t64123\t64123\t64123\t64123"));
	snprintf(command, sizeof(command), "ls /proc/%d/fd | tr '\\n' ' '",
	    rig.pid);
	cr_assert_str_eq(rig_output(command), "0 1 2 3 4 5 6 7 8 ");
	snprintf(command, sizeof(command), "tr -s ' ' < /proc/%d/limits",
	    rig.pid);
	cr_assert(rig_shows(command, "Max processes 0 0"));
	cr_assert(rig_shows(command, "Max core file size 0 0"));
}

/* Those of a burst are heard at once, each further one in its time. */
Test(helper, P7_rate_of_records)
{
	struct order_grant g = rig_grant(ORDER_DEL, "10.0.0.2", "1.1.1.1", 0);
	struct timespec from, to;
	struct stamps *s;
	int i;

	new_netns();
	s = rig_stamps(&nft_wish);
	s->limits.rate = 4;
	s->limits.burst = 2;
	rig_start(&rig);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < 14; i++)
		(void)rig_order(&rig, &g, sizeof(g));
	clock_gettime(CLOCK_MONOTONIC, &to);
	/* 12 of four a second: more than two seconds, however slow we are. */
	cr_assert_geq(to.tv_sec - from.tv_sec, 2);
	/* Who has asked for nothing for long has saved up no more than a burst. */
	(void)poll(NULL, 0, 1500);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (i = 0; i < 6; i++)
		(void)rig_order(&rig, &g, sizeof(g));
	clock_gettime(CLOCK_MONOTONIC, &to);
	cr_assert_geq((to.tv_sec - from.tv_sec) * 1000 +
	    (to.tv_nsec - from.tv_nsec) / 1000000, 400);
}

/*
 * It waits for a keeper that does not read: a refusal that is lost would be taken for
 * success.
 */
Test(helper, P1_refusals_wait_for_the_keeper)
{
	struct pollfd pfd = { .events = POLLOUT };
	struct order_refused refused[ORDER_BATCH_MAX];
	struct order_grant g[ORDER_BATCH_MAX];
	struct stamps *s;
	size_t i, n, heard;

	new_netns();
	s = rig_stamps(&nft_wish);
	s->limits.rate = s->limits.burst = 1000000;
	rig_start(&rig);
	for (i = 0; i < ORDER_BATCH_MAX; i++) {
		g[i] = rig_grant(ORDER_ADD, "10.0.0.2", "127.0.0.1", 1000);
		g[i].seq = (uint32_t)i + 1;
	}
	pfd.fd = rig.keeper;
	/* Until it takes no more, as it cannot get rid of what it has to say. */
	for (n = 0; poll(&pfd, 1, 500) == 1 && (pfd.revents & POLLOUT) != 0; n++) {
		cr_assert_lt(n, 100000);
		cr_assert_eq(send(rig.keeper, g, sizeof(g), MSG_NOSIGNAL |
		    MSG_DONTWAIT), sizeof(g), "%zu: %s", n, strerror(errno));
	}
	cr_assert_eq(pfd.revents & POLLHUP, 0, "it has ended");
	cr_assert_gt(n, 100);
	pfd.events = POLLIN;
	for (heard = 0; heard < n; heard++) {
		cr_assert_eq(poll(&pfd, 1, 60000), 1);
		cr_assert_eq(recv(rig.keeper, refused, sizeof(refused), 0),
		    sizeof(refused));
		cr_assert_eq(refused[63].code, ORDER_FORBIDDEN);
	}
	g[0] = rig_grant(ORDER_ADD, "10.0.0.2", "127.0.0.1", 1000);
	cr_assert(rig_order(&rig, &g[0], sizeof(g[0])).refused);
}

Test(helper, P3_says_what_to_start)
{
	char command[4096];

	snprintf(command, sizeof(command), "%s 2>&1; echo $?", HELPER_PATH);
	cr_assert(rig_shows(command, "dnsfw-priv is started by dnsfw"));
	cr_assert(rig_shows(command, "\n1\n"));
}
