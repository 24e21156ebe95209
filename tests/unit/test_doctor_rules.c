/* Rules of nft and iptables, and what becomes of a client's packet (U10). */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "ctl/doctor/judge.h"
#include "ctl/doctor/nft.h"
#include "ctl/doctor/xt.h"

#define STEPS	1000000000ULL

static const struct guard of_nft = { "nftables", "inet filter", "dnsfw" };
static const struct guard of_xt = { "iptables", NULL, "DNSFW" };
static const char *const none[] = { NULL };

static struct model m;

static void
clean(void)
{
	model_free(&m);
}

TestSuite(doctor_rules, .fini = clean);

/* Two sets, as nft tells them when it is asked. */
static json_t *
elements(void *arg, const char *table, const char *set)
{
	(void)arg;
	cr_assert_str_eq(table, "inet filter");
	if (strcmp(set, "lans") == 0)
		return (json_pack("[s,s]", "lan", "wl*"));
	if (strcmp(set, "ways") == 0)
		return (json_pack("[[s,{s:n}],[s,{s:{s:s}}]]", "dmz", "drop",
		    "lan", "jump", "target", "dnsfw"));
	return (NULL);
}

/* The text with ' for ". */
static void
read_nft(const char *text)
{
	char *copy = strdup(text), *p;

	for (p = copy; *p != '\0'; p++)
		if (*p == '\'')
			*p = '"';
	cr_assert_eq(nft_parse(&m, &of_nft, copy, strlen(copy), none, elements,
	    NULL), 0, "%s", text);
	free(copy);
}

static struct judge_packet
packet(const char *proto, unsigned int port)
{
	struct judge_packet p = { .iif = "lan", .oif = "wan",
	    .proto = strcmp(proto, "tcp") == 0 ? IPPROTO_TCP :
	    strcmp(proto, "udp") == 0 ? IPPROTO_UDP : IPPROTO_ESP,
	    .dport = (uint16_t)port };

	cr_assert_eq(addr_parse("10.1.0.5", 8, &p.saddr), 0);
	cr_assert_eq(addr_parse("192.0.2.1", 9, &p.daddr), 0);
	return (p);
}

static struct judgement
judge_packet(const struct judge_packet *p)
{
	uint64_t steps = STEPS;
	struct judgement j;

	judge(&m, p, &steps, &j);
	cr_assert_gt(steps, 0);
	return (j);
}

/* --- one rule each --- */

enum want { IN, OUT, UNSURE };

#define META(key, value)	"{'match':{'op':'==','left':{'meta':{'key':'" key \
	"'}},'right':" value "}}"
#define PAYLOAD(op, proto, field, value) "{'match':{'op':'" op "','left':" \
	"{'payload':{'protocol':'" proto "','field':'" field "'}},'right':" \
	value "}}"
#define CT(op, key, value)	"{'match':{'op':'" op "','left':{'ct':{'key':'" \
	key "'}},'right':" value "}}"
#define ACCEPT	",{'accept':null}"
#define FLAGS(op, mask, value)	"{'match':{'op':'" op "','left':{'&':[" \
	"{'payload':{'protocol':'tcp','field':'flags'}}," mask "]}," \
	"'right':" value "}}"

#define REST(interface, verdict) "{'vmap':{'key':{'meta':{'key':'iifname'}}," \
	"'data':{'set':[[" interface ",{'continue':null}],['*'," verdict \
	"]]}}}"

/* Of TCP to port 443: is it accepted? */
static const struct {
	const char	*rule;
	enum want	 want;
} nft_rules[] = {
	{ "{'accept':null}", IN },
	{ "{'counter':{'packets':0,'bytes':0}},{'log':null},{'accept':null}",
	    IN },
	{ META("iifname", "'lan'") ACCEPT, IN },
	{ META("iifname", "'wan'") ACCEPT, OUT },
	{ META("iifname", "'l*'") ACCEPT, IN },
	{ META("iifname", "{'set':['a','lan']}") ACCEPT, IN },
	{ META("iifname", "'@lans'") ACCEPT, IN },
	{ META("iifname", "'@nobody'") ACCEPT, UNSURE },
	{ META("oif", "'wan'") ACCEPT, IN },
	{ META("nfproto", "'ipv4'") ACCEPT, IN },
	{ META("nfproto", "'ipv6'") ACCEPT, OUT },
	{ META("protocol", "'ip6'") ACCEPT, OUT },
	{ META("l4proto", "{'set':['udp',6]}") ACCEPT, IN },
	{ META("l4proto", "'sctp'") ACCEPT, OUT },
	{ META("l4proto", "'what'") ACCEPT, UNSURE },
	{ META("skuid", "0") ACCEPT, OUT },
	{ META("mark", "1") ACCEPT, UNSURE },
	{ META("hour", "{'range':['10:00','12:00']}") ACCEPT, IN },
	{ PAYLOAD("==", "ip", "saddr", "'10.1.0.5'") ACCEPT, IN },
	{ PAYLOAD("!=", "ip", "saddr", "'10.1.0.5'") ACCEPT, OUT },
	{ PAYLOAD("==", "ip", "saddr", "{'prefix':{'addr':'10.1.0.0','len':16}}")
	    ACCEPT, IN },
	{ PAYLOAD("==", "ip", "saddr", "{'range':['10.1.0.0','10.1.0.4']}")
	    ACCEPT, OUT },
	{ PAYLOAD("==", "ip", "daddr", "{'set':[{'elem':{'val':'192.0.2.1',"
	    "'timeout':3}}]}") ACCEPT, IN },
	{ PAYLOAD("==", "ip", "daddr", "'example.com'") ACCEPT, UNSURE },
	{ PAYLOAD("==", "ip6", "daddr", "'::1'") ACCEPT, OUT },
	{ PAYLOAD("==", "ip6", "hoplimit", "1") ACCEPT, OUT },
	{ PAYLOAD("==", "ip", "ttl", "64") ACCEPT, IN },
	{ PAYLOAD("==", "ip", "protocol", "'icmp'") ACCEPT, OUT },
	{ PAYLOAD("==", "ether", "saddr", "'00:11:22:33:44:55'") ACCEPT, IN },
	{ PAYLOAD("==", "tcp", "dport", "443") ACCEPT, IN },
	{ PAYLOAD("==", "tcp", "dport", "{'range':[400,500]}") ACCEPT, IN },
	{ PAYLOAD("!=", "tcp", "dport", "{'set':[22,443]}") ACCEPT, OUT },
	{ PAYLOAD(">=", "tcp", "dport", "443") ACCEPT, IN },
	{ PAYLOAD(">", "tcp", "dport", "443") ACCEPT, OUT },
	{ PAYLOAD("<", "tcp", "dport", "443") ACCEPT, OUT },
	{ PAYLOAD("==", "udp", "dport", "443") ACCEPT, OUT },
	{ PAYLOAD("==", "th", "dport", "443") ACCEPT, IN },
	{ PAYLOAD("==", "tcp", "sport", "53") ACCEPT, IN },
	{ PAYLOAD("==", "icmp", "type", "'echo-request'") ACCEPT, OUT },
	{ PAYLOAD("==", "what", "it", "1") ACCEPT, UNSURE },
	{ FLAGS("==", "['fin','syn','rst','ack']", "'syn'") ACCEPT, IN },
	{ FLAGS("!=", "['fin','syn','rst','ack']", "'syn'") ACCEPT, OUT },
	{ FLAGS("==", "['fin','rst']", "['fin']") ACCEPT, OUT },
	{ FLAGS("==", "{'|':['syn','ack']}", "'syn'") ACCEPT, UNSURE },
	{ CT("in", "state", "['established','related']") ACCEPT, OUT },
	{ CT("in", "state", "['new','invalid']") ACCEPT, IN },
	{ CT("!=", "state", "'invalid'") ACCEPT, IN },
	{ CT("in", "status", "'dnat'") ACCEPT, OUT },
	{ CT("==", "direction", "'original'") ACCEPT, IN },
	{ CT("==", "mark", "1") ACCEPT, UNSURE },
	{ "{'match':{'op':'==','left':{'fib':{'result':'type','flags':"
	    "['daddr']}},'right':'local'}}" ACCEPT, OUT },
	{ "{'match':{'op':'==','left':{'fib':{'result':'oif','flags':"
	    "['saddr','iif']}},'right':false}}" ACCEPT, OUT },
	{ "{'limit':{'rate':5,'per':'second'}}" ACCEPT, IN },
	{ "{'quota':{'val':5}}" ACCEPT, IN },
	{ "{'xt':{'type':'match','name':'string'}}" ACCEPT, UNSURE },
	{ "{'xt':{'type':'target','name':'TARPIT'}}", UNSURE },
	{ "{'queue':{'num':1}}", UNSURE },
	{ "{'something new':1}" ACCEPT, UNSURE },
	{ "{}" ACCEPT, UNSURE }, { "3" ACCEPT, UNSURE },
	{ "{'reject':null}", OUT }, { "{'return':null}", OUT },
	{ "{'continue':null}", OUT }, { "{'counter':null}", OUT },
	{ "{'redirect':{'port':1}}", OUT },
	{ "{'jump':{'target':'inner'}}", IN },
	{ "{'goto':{'target':'inner'}}", IN },
	{ "{'jump':{'target':'dnsfw'}}", OUT },
	{ META("mark", "1") ",{'jump':{'target':'inner'}}", UNSURE },
	{ "{'vmap':{'key':{'meta':{'key':'iifname'}},'data':{'set':["
	    "['wan',{'drop':null}],['lan',{'accept':null}]]}}}", IN },
	{ PAYLOAD("==", "ip", "daddr", "{'set':['10.0.0.1','*']}") ACCEPT, IN },
	{ REST("'wan'", "{'accept':null}"), IN },
	{ REST("'lan'", "{'accept':null}"), OUT },
	{ "{'vmap':{'key':{'concat':[{'meta':{'key':'iifname'}},{'meta':{"
	    "'key':'mark'}}]},'data':{'set':[['*',{'accept':null}]]}}}", IN },
	{ "{'vmap':{'key':{'meta':{'key':'iifname'}},'data':'@ways'}}", OUT },
	{ "{'vmap':{'key':{'meta':{'key':'iifname'}},'data':'@what'}}",
	    UNSURE },
	{ "{'match':{'op':'==','left':{'concat':[{'payload':{'protocol':'ip',"
	    "'field':'saddr'}},{'payload':{'protocol':'tcp','field':'dport'}}"
	    "]},'right':{'set':[{'concat':['10.1.0.5',80]},"
	    "{'concat':['10.1.0.5',443]}]}}}" ACCEPT, IN },
	{ "{'match':{'op':'==','left':{'concat':[{'payload':{'protocol':'ip',"
	    "'field':'saddr'}},{'payload':{'protocol':'tcp','field':'dport'}}"
	    "]},'right':{'set':[{'concat':['10.1.0.5',80]},"
	    "{'concat':['10.1.0.6',443]}]}}}" ACCEPT, OUT },
	{ "{'match':{'op':'!=','left':{'concat':[{'payload':{'protocol':'ip',"
	    "'field':'saddr'}},{'meta':{'key':'mark'}}]},'right':'@what'}}"
	    ACCEPT, UNSURE },
	{ "{'match':{'op':'==','left':{'meta':{'key':'mark'}},"
	    "'right':'@dnsfw_ipv4_allow'}}" ACCEPT, OUT },
	{ "{'match':{'op':'==','left':{'meta':{'key':'mark'}},"
	    "'right':'@dnsfw_ipv4_allows'}}" ACCEPT, UNSURE },
	{ "{'match':{}}" ACCEPT, UNSURE }, { "{'vmap':{}}", UNSURE },
	{ "{'match':{'left':{'meta':{'key':'iifname'}}}}" ACCEPT, UNSURE },
};

static void
expect(const char *rule, enum want want)
{
	struct judge_packet p = packet("tcp", 443);
	struct judgement j = judge_packet(&p);

	cr_expect_eq(j.end == JUDGE_ACCEPTED, want == IN, "%s", rule);
	cr_expect_eq(j.unsure != MODEL_NONE, want == UNSURE, "%s", rule);
}

Test(doctor_rules, U10_each_kind_of_nft)
{
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(nft_rules) / sizeof(nft_rules[0]); i++) {
		snprintf(text, sizeof(text), "{'nftables':[{'chain':{'family':"
		    "'inet','table':'filter','name':'forward','hook':'forward'"
		    ",'prio':0,'policy':'drop'}},{'chain':{'family':'inet',"
		    "'table':'filter','name':'dnsfw'}},{'rule':{'family':"
		    "'inet','table':'filter','chain':'inner','expr':["
		    "{'accept':null}]}},{'rule':{'family':'inet','table':"
		    "'filter','chain':'forward','handle':7,'expr':[%s]}}]}",
		    nft_rules[i].rule);
		read_nft(text);
		expect(nft_rules[i].rule, nft_rules[i].want);
		model_free(&m);
	}
}

static const struct {
	const char	*rule;
	enum want	 want;
} xt_rules[] = {
	{ "-j ACCEPT", IN }, { "-i lan -j ACCEPT", IN },
	{ "! -i lan -j ACCEPT", OUT }, { "-i la+ -j ACCEPT", IN },
	{ "-o lan -j ACCEPT", OUT }, { "-s 10.1.0.0/16 -j ACCEPT", IN },
	{ "! -s 10.1.0.0/16 -j ACCEPT", OUT },
	{ "-s 10.0.0.1/255.0.255.255 -j ACCEPT", UNSURE },
	{ "-d 192.0.2.1/32 -p tcp -m tcp --dport 443 -j ACCEPT", IN },
	{ "-p tcp -m tcp --dport 400:500 -j ACCEPT", IN },
	{ "-p tcp -m tcp --dport 444: -j ACCEPT", OUT },
	{ "-p tcp -m multiport --dports 80,440:443 -j ACCEPT", IN },
	{ "-p tcp -m multiport ! --dports 80,440:443 -j ACCEPT", OUT },
	{ "-p udp -j ACCEPT", OUT }, { "-p esp -j ACCEPT", OUT },
	{ "-p tcp -m tcp --sport 20 -j ACCEPT", IN },
	{ "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", OUT },
	{ "-m conntrack --ctstate NEW -j ACCEPT", IN },
	{ "-m state --state INVALID -j ACCEPT", OUT },
	{ "-m conntrack ! --ctstate INVALID -j ACCEPT", IN },
	{ "-m conntrack --ctstatus DNAT -j ACCEPT", OUT },
	{ "-m conntrack --ctdir ORIGINAL -j ACCEPT", IN },
	{ "-m mac --mac-source 00:11:22:33:44:55 -j ACCEPT", IN },
	{ "-m limit --limit 5/sec --limit-burst 3 -j ACCEPT", IN },
	{ "-m iprange --src-range 10.1.0.1-10.1.0.9 -j ACCEPT", IN },
	{ "-m iprange --dst-range 10.1.0.1-10.1.0.9 -j ACCEPT", OUT },
	{ "-m addrtype --dst-type LOCAL -j ACCEPT", OUT },
	{ "-m owner --uid-owner 0 -j ACCEPT", OUT },
	{ "-m comment --comment \"-j DROP \\\"x\\\" -i wan\" -j ACCEPT", IN },
	{ "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", IN },
	{ "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT", OUT },
	{ "-m mark --mark 0x1 -j ACCEPT", UNSURE },
	{ "-m string --string \"a b\" --algo bm -j ACCEPT", UNSURE },
	{ "-m set --match-set others src -j ACCEPT", UNSURE },
	{ "-m set --match-set DNSFW-ipv4-allow src,dst,dst -j ACCEPT", OUT },
	{ "-m set ! --match-set DNSFW-ipv4-allow src,dst,dst -j ACCEPT", IN },
	{ "-j REJECT --reject-with icmp-port-unreachable", OUT },
	{ "-j LOG --log-prefix \"-j ACCEPT\"", OUT }, { "-j RETURN", OUT },
	{ "-j NFQUEUE --queue-num 1", UNSURE }, { "-j NEW -x", UNSURE },
	{ "-j INNER", IN }, { "-g INNER", IN }, { "-j DNSFW", OUT },
	{ "-m mark --mark 1 -j INNER", UNSURE }, { "-i", OUT },
	{ "", OUT }, { "-j", UNSURE }, { "!", OUT }, { "! -j ACCEPT", UNSURE },
	{ "\"", OUT },
};

Test(doctor_rules, U10_each_kind_of_iptables)
{
	char text[1024];
	size_t i;

	for (i = 0; i < sizeof(xt_rules) / sizeof(xt_rules[0]); i++) {
		snprintf(text, sizeof(text), "# Generated\n*filter\n"
		    ":FORWARD DROP [0:0]\n:DNSFW - [0:0]\n:INNER - [0:0]\n"
		    "-A INNER -j ACCEPT\n-A FORWARD %s\nCOMMIT\n",
		    xt_rules[i].rule);
		xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, text);
		expect(xt_rules[i].rule, xt_rules[i].want);
		model_free(&m);
	}
}

/* --- chains --- */

static struct judgement
judge_xt(const char *rules)
{
	struct judge_packet p = packet("tcp", 443);

	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, rules);
	return (judge_packet(&p));
}

Test(doctor_rules, U10_no_firewall)
{
	struct judge_packet p = packet("tcp", 443);
	struct judgement j = judge_packet(&p);

	cr_assert_eq(j.end, JUDGE_ACCEPTED);
	cr_assert_eq(j.chain, MODEL_NONE);
	cr_assert_eq(j.rule, MODEL_NONE);
	cr_assert_not(j.reached);
}

Test(doctor_rules, U10_a_return_goes_back)
{
	struct judgement j = judge_xt("*filter\n:FORWARD ACCEPT [0:0]\n"
	    ":A - [0:0]\n:B - [0:0]\n-A FORWARD -j A\n-A FORWARD -j DROP\n"
	    "-A A -j B\n-A A -i lan -j RETURN\n-A A -j ACCEPT\n"
	    "-A B -j RETURN\n-A B -j ACCEPT\n");

	cr_assert_eq(j.end, JUDGE_DROPPED);
}

Test(doctor_rules, U10_a_goto_does_not_come_back)
{
	struct judgement j = judge_xt("*filter\n:FORWARD ACCEPT [0:0]\n"
	    ":A - [0:0]\n-A FORWARD -g A\n-A FORWARD -j DROP\n"
	    "-A A -i wan -j DROP\n");

	cr_assert_eq(j.end, JUDGE_ACCEPTED);
	cr_assert_eq(j.rule, MODEL_NONE);
}

Test(doctor_rules, U10_what_holds_for_some_closes_nothing)
{
	struct judgement j = judge_xt("*filter\n:FORWARD ACCEPT [0:0]\n"
	    ":A - [0:0]\n-A FORWARD -m limit --limit 1/s -j A\n"
	    "-A FORWARD -m mark --mark 1 -j DROP\n-A A -j DROP\n"
	    "-A A -j ACCEPT\n");

	cr_assert_eq(j.end, JUDGE_ACCEPTED);
	cr_assert_eq(j.rule, MODEL_NONE);
	cr_assert_eq(j.unsure, MODEL_NONE);
}

Test(doctor_rules, U10_what_holds_for_some_opens)
{
	struct judgement j = judge_xt("*filter\n:FORWARD DROP [0:0]\n"
	    ":A - [0:0]\n-A FORWARD -m limit --limit 1/s -j A\n"
	    "-A A -j ACCEPT\n");

	cr_assert_eq(j.end, JUDGE_ACCEPTED);
	cr_assert_str_eq(m.rules[j.rule].text, "-A A -j ACCEPT");
}

Test(doctor_rules, U10_the_rule_that_leads_into_doubt_is_told)
{
	struct judgement j = judge_xt("*filter\n:FORWARD DROP [0:0]\n"
	    ":A - [0:0]\n-A FORWARD -m mark --mark 1 -j A\n-A A -j ACCEPT\n");

	cr_assert_eq(j.end, JUDGE_DROPPED);
	cr_assert_str_eq(m.rules[j.unsure].text,
	    "-A FORWARD -m mark --mark 1 -j A");
}

Test(doctor_rules, U10_the_chain_may_be_reached)
{
	struct judgement j = judge_xt("*filter\n:FORWARD DROP [0:0]\n"
	    ":DNSFW - [0:0]\n-A FORWARD -m set --match-set lans src -j DNSFW\n"
	    );

	cr_assert_eq(j.end, JUDGE_DROPPED);
	cr_assert_not(j.reached);
	cr_assert(j.maybe_reached);
}

Test(doctor_rules, U10_all_tables_have_a_word)
{
	struct judgement j = judge_xt("*mangle\n:FORWARD ACCEPT [0:0]\n"
	    "-A FORWARD -j ACCEPT\nCOMMIT\n*filter\n:FORWARD ACCEPT [0:0]\n"
	    ":DNSFW - [0:0]\n-A FORWARD -j DNSFW\nCOMMIT\n*nat\n"
	    ":PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp -j REDIRECT\n"
	    ":POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\n");
	struct judge_packet p = packet("udp", 53);

	/* Told is the chain that leads to dnsfw, not the first. */
	cr_assert_eq(j.end, JUDGE_ACCEPTED);
	cr_assert(j.reached);
	cr_assert_str_eq(model_chain_text(&m, j.chain),
	    "iptables filter FORWARD");
	cr_assert_eq(judge_packet(&p).end, JUDGE_TAKEN);
}

Test(doctor_rules, U10_another_family_is_not_meant)
{
	struct judge_packet p = packet("tcp", 443);

	xt_parse(&m, &of_xt, "ip6tables", ADDR_V6, NULL,
	    "*filter\n:FORWARD DROP [0:0]\n");
	cr_assert_eq(judge_packet(&p).end, JUDGE_ACCEPTED);
}

Test(doctor_rules, U10_interfaces_that_nobody_knows)
{
	struct judge_packet p = packet("tcp", 443);

	p.iif = "";
	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL,
	    "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i lan -j ACCEPT\n");
	cr_assert_neq(judge_packet(&p).unsure, MODEL_NONE);
}

/* --- of bad will --- */

Test(doctor_rules, U10_chains_in_circles)
{
	struct judge_packet p = packet("tcp", 443);
	uint64_t steps = 100000;
	struct judgement j;

	/* Twice in each: 2 to the 16th ways. */
	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, "*filter\n"
	    ":FORWARD DROP [0:0]\n:A - [0:0]\n:B - [0:0]\n-A FORWARD -j A\n"
	    "-A A -j B\n-A A -j B\n-A A -j B\n-A B -j A\n-A B -j A\n"
	    "-A B -j A\n");
	judge(&m, &p, &steps, &j);
	cr_assert_eq(steps, 0);
}

Test(doctor_rules, U10_more_rules_than_there_is_room_for)
{
	static char text[MODEL_RULES_MAX * 20 + 100];
	char *p = text;
	size_t i;

	p += sprintf(p, "*filter\n:FORWARD DROP [0:0]\n");
	for (i = 0; i <= MODEL_RULES_MAX; i++)
		p += sprintf(p, "-A FORWARD -j DROP\n");
	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, text);
	cr_assert(m.full);
	cr_assert_eq(m.nrules, MODEL_RULES_MAX);
}

Test(doctor_rules, U10_keys_that_multiply)
{
	static char text[100000];
	size_t i, k, len;

	/* 100 elements each, of ten keys, in a rule without a verdict. */
	len = (size_t)sprintf(text, "{'nftables':[{'rule':{'family':'inet',"
	    "'table':'filter','chain':'forward','expr':[");
	for (i = 0; i < 10; i++) {
		len += (size_t)sprintf(text + len, "%s{'match':{'op':'==',"
		    "'left':{'concat':[1,2]},'right':{'set':[", i == 0 ? "" :
		    ",");
		for (k = 0; k < 100; k++)
			len += (size_t)sprintf(text + len, "%s{'concat':[1,2]}",
			    k == 0 ? "" : ",");
		len += (size_t)sprintf(text + len, "]}}}");
	}
	sprintf(text + len, "]}}]}");
	read_nft(text);
	cr_assert(m.full);
}

Test(doctor_rules, U10_long_lines)
{
	static char text[20000];
	size_t i, len;

	len = (size_t)sprintf(text, "*filter\n:FORWARD DROP [0:0]\n"
	    "-A FORWARD");
	for (i = 0; i < 2000; i++)
		len += (size_t)sprintf(text + len, " -s 1.1.1");
	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, text);
	/* What was cut may say something else. */
	cr_assert(m.full);
}

/* None of the 64 is lost: what does not fit is not understood. */
Test(doctor_rules, U10_more_matches_than_there_is_room_for)
{
	static char text[20000];
	size_t i, len;

	len = (size_t)sprintf(text, "{'nftables':[{'rule':{'family':'inet',"
	    "'table':'filter','chain':'forward','expr':[");
	for (i = 0; i < MODEL_MATCHES_MAX + 2; i++)
		len += (size_t)sprintf(text + len, META("iifname", "'lan'")
		    ",");
	sprintf(text + len, PAYLOAD("==", "tcp", "flags", "2") ACCEPT "]}}]}");
	read_nft(text);
	cr_assert_eq(m.rules[0].n, MODEL_MATCHES_MAX);
	cr_assert_eq(m.matches[MODEL_MATCHES_MAX - 1].what, MODEL_UNKNOWN);
}

static const char *const bad_texts[] = {
	"", "x", "{", "[", "{}", "[]", "{'nftables':1}", "{'nftables':{}}",
	"null", "\xff\xfe", "{'nftables':[\xff]}"
};

Test(doctor_rules, U10_what_is_no_listing)
{
	char copy[64], *p;
	size_t i;

	for (i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		snprintf(copy, sizeof(copy), "%s", bad_texts[i]);
		for (p = copy; *p != '\0'; p++)
			*p = *p == '\'' ? '"' : *p;
		cr_expect_eq(nft_parse(&m, &of_nft, copy, strlen(copy), none,
		    elements, NULL), -1, "%s", bad_texts[i]);
	}
}

Test(doctor_rules, U10_a_comment_that_is_no_text)
{
	read_nft("{'nftables':[{'rule':{'family':'inet','table':'filter',"
	    "'chain':'forward','comment':'\xff\xc0','expr':[]}}]}");
	cr_assert_eq(m.nchains, 1);
}

Test(doctor_rules, U10_deep_listings)
{
	static char text[200001];

	memset(text, '[', sizeof(text) - 1);
	cr_assert_eq(nft_parse(&m, &of_nft, text, sizeof(text) - 1, none,
	    elements, NULL), -1);
}
