/* Forms of firewalls that let clients around dnsfw, and such as do not (U10). */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "ctl/doctor/nft.h"
#include "ctl/doctor/search.h"
#include "ctl/doctor/shut.h"
#include "ctl/doctor/xt.h"

#define STEPS	10000000ULL

static const struct guard of_nft = { "nftables", "inet filter", "dnsfw" };
static const struct guard of_xt = { "iptables", NULL, "DNSFW" };
static const char *const none[] = { NULL };

/* Two networks of clients, and one that is routed. */
static const struct ways_world world = {
	.iifs = { "lan", "lan2" }, .niifs = 2,
	.oifs = { "wan" }, .noifs = 1,
	.nets = { { { { ADDR_V4, { 192, 168, 1 } }, 24 }, 0, true },
	    { { { ADDR_V4, { 192, 168, 2 } }, 24 }, 1, true },
	    { { { ADDR_V4, { 172, 16, 4 } }, 24 }, 0, false } },
	.nnets = 3,
	.client = { { ADDR_V4, { 192, 168, 1, 5 } }, { ADDR_V6, { 0xfd } } },
	.stranger = { { ADDR_V4, { 93, 184, 215, 14 } },
	    { ADDR_V6, { 0x26 } } }
};

static struct model m;

static void
clean(void)
{
	model_free(&m);
}

TestSuite(doctor_ways, .fini = clean);

/* --- what is found --- */

struct found {
	bool	open, inner, unsure;
	char	text[256];	/* of the packets that are accepted */
};

static bool
take(void *arg, const struct judge_packet *p, const struct judgement *j)
{
	struct found *f = arg;
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];
	size_t len = strlen(f->text);

	f->unsure |= j->unsure != MODEL_NONE;
	if (j->end != JUDGE_ACCEPTED)
		return (true);
	f->open = true;
	snprintf(f->text + len, sizeof(f->text) - len, "%s>%s>%s>%s %d:%d ",
	    p->iif, addr_print(&p->saddr, from), p->oif,
	    addr_print(&p->daddr, to), p->proto, p->dport);
	return (true);
}

static struct found
find(bool *all)
{
	struct found f = { .open = false };
	uint64_t steps = STEPS;

	*all = search_each(&m, &world, ADDR_V4, &steps, take, &f);
	return (f);
}

/* --- each form --- */

enum want { SHUT, OPEN, UNSURE };

struct form {
	const char	*rules;
	enum want	 want;
	const char	*packet;	/* is part of what is found */
};

static void
expect(const struct form *form)
{
	bool all;
	struct found f = find(&all);

	cr_expect(all, "%s", form->rules);
	cr_expect_eq(f.open, form->want == OPEN, "%s: %s", form->rules,
	    f.text);
	cr_expect_eq(f.unsure, form->want == UNSURE, "%s", form->rules);
	if (form->packet != NULL)
		cr_expect_neq(strstr(f.text, form->packet), NULL, "%s: %s",
		    form->rules, f.text);
}

/* Behind ":FORWARD ", with the jump; a ';' ends a line. */
static const struct form xt_forms[] = {
	{ "DROP;", SHUT, NULL },
	{ "ACCEPT;", OPEN, NULL },
	{ "ACCEPT;-A FORWARD -j REJECT", SHUT, NULL },
	/* A return, and the end of a chain. */
	{ "ACCEPT;-A FORWARD -p tcp -m tcp --dport 443 -j RETURN;"
	    "-A FORWARD -j REJECT", OPEN, " 6:443" },
	{ "DROP;-A FORWARD -p tcp -m tcp --dport 443 -j RETURN", SHUT, NULL },
	{ "DROP;:A - [0:0];-A FORWARD -j A;-A FORWARD -p udp -j ACCEPT;"
	    "-A A -p udp -m udp --dport 99 -j RETURN;-A A -j DROP", OPEN,
	    " 17:99" },
	{ "DROP;:A - [0:0];-A FORWARD -j A;"
	    "-A FORWARD -d 9.9.9.9/32 -j ACCEPT;"
	    "-A A -p udp -m udp --dport 99 -j RETURN;-A A -j DROP", OPEN,
	    ">9.9.9.9 17:99" },
	{ "ACCEPT;:A - [0:0];-A FORWARD -p tcp -m tcp --dport 99 -g A;"
	    "-A FORWARD -j DROP", OPEN, " 6:99" },
	/* What leaves a chain is not dropped behind that. */
	{ "ACCEPT;-A FORWARD -p tcp -m tcp --sport 7 -j RETURN;"
	    "-A FORWARD -j DROP", OPEN, " 6:" },
	{ "ACCEPT;-A FORWARD -m mark --mark 1 -j RETURN;-A FORWARD -j DROP",
	    UNSURE, NULL },
	{ "ACCEPT;:A - [0:0];-A FORWARD -m mark --mark 1 -g A;"
	    "-A FORWARD -j DROP", UNSURE, NULL },
	{ "ACCEPT;:A - [0:0];-A FORWARD -m mark --mark 1 -g A;-A A -j DROP;"
	    "-A FORWARD -j DROP", SHUT, NULL },
	{ "ACCEPT;:A - [0:0];-A FORWARD -m limit --limit 5/s -g A;"
	    "-A A -m mark --mark 1 -j RETURN;-A A -j DROP;-A FORWARD -j DROP",
	    UNSURE, NULL },
	{ "DROP;:A - [0:0];-A FORWARD -j A;-A FORWARD -p udp -j ACCEPT;"
	    "-A A -m mark --mark 1 -j RETURN;-A A -j DROP", UNSURE, NULL },
	{ "DROP;:A - [0:0];-A FORWARD -m limit --limit 5/s -j A;"
	    "-A FORWARD -p tcp -j ACCEPT;-A A -m mark --mark 1 -j RETURN;"
	    "-A A -j DROP", OPEN, " 6:" },
	{ "DROP;-A FORWARD -m mark --mark 1 -j RETURN;-A FORWARD -j DROP",
	    SHUT, NULL },
	/* What is dropped before. */
	{ "ACCEPT;-A FORWARD -p tcp -m tcp ! --dport 443 -j REJECT;"
	    "-A FORWARD ! -p tcp -j DROP", OPEN, " 6:443" },
	{ "DROP;-A FORWARD -p tcp -m tcp ! --dport 443 -j REJECT;"
	    "-A FORWARD ! -p tcp -j DROP;-A FORWARD -j ACCEPT", OPEN,
	    " 6:443" },
	{ "ACCEPT;-A FORWARD -p tcp -j REJECT;-A FORWARD ! -p tcp -j DROP",
	    SHUT, NULL },
	{ "DROP;-A FORWARD ! -d 9.9.9.9/32 -j DROP;"
	    "-A FORWARD -p udp -j ACCEPT", OPEN, ">9.9.9.9 17:" },
	/* A part of a net. */
	{ "ACCEPT;-A FORWARD -i lan2 -j DROP;"
	    "-A FORWARD -s 172.16.4.0/24 -j DROP;"
	    "-A FORWARD -s 192.168.1.0/28 -j DROP", OPEN, "lan>192.168.1.16" },
	{ "DROP;-A FORWARD -i lan ! -s 192.168.1.0/25 -d 1.1.1.1/32 -p udp "
	    "-j ACCEPT;", OPEN, "lan>172.16.4.5" },
	{ "DROP;-A FORWARD -s 192.168.1.77/32 -j ACCEPT", OPEN,
	    "lan>192.168.1.77" },
	{ "DROP;-A FORWARD -s 192.168.3.77/32 -j ACCEPT", SHUT, NULL },
	{ "DROP;-A FORWARD -i lan2 -s 192.168.1.77/32 -j ACCEPT", SHUT,
	    NULL },
	/* No machine has the addresses of the net itself. */
	{ "ACCEPT;-A FORWARD -s 172.16.4.0/24 -j DROP;-A FORWARD -m iprange "
	    "--src-range 192.168.1.1-192.168.1.254 -j DROP;-A FORWARD "
	    "-m iprange --src-range 192.168.2.1-192.168.2.254 -j DROP", SHUT,
	    NULL },
	/* Another value than the first. */
	{ "DROP;-A FORWARD -p tcp -m tcp --dport 80 -j REJECT;"
	    "-A FORWARD -p tcp -m multiport --dports 80,443 -j ACCEPT", OPEN,
	    " 6:443" },
	{ "DROP;-A FORWARD -m iprange --dst-range 10.0.0.0-92.255.255.255 "
	    "-j ACCEPT", OPEN, ">11.0.0.1 " },
	{ "DROP;-A FORWARD -d 10.0.0.0/8,185.0.0.0/8 -j ACCEPT", OPEN,
	    ">185.0.0.0 " },
	{ "DROP;-A FORWARD -d 10.0.0.0/8 -j ACCEPT", OPEN, ">10.0.0.0 " },
	/* Other protocols. */
	{ "ACCEPT;-A FORWARD -p tcp -j REJECT;-A FORWARD -p udp -j REJECT",
	    OPEN, " 132:" },
	{ "ACCEPT;-A FORWARD -p tcp -j REJECT;"
	    "-A FORWARD -p udp -m multiport --dports 53,443,853 -j REJECT",
	    OPEN, " 17:40001" },
	{ "DROP;-A FORWARD -p icmp -j ACCEPT", SHUT, NULL },
	/* What is sent elsewhere, or is of no connection. */
	{ "DROP;-A FORWARD -d 93.184.1.1/32 -p udp -m udp --dport 5353 "
	    "-j ACCEPT;*nat;:PREROUTING ACCEPT [0:0];-A PREROUTING -p udp "
	    "-m udp --dport 53 -j DNAT --to-destination 93.184.1.1:5353", OPEN,
	    " 17:53" },
	{ "DROP;-A FORWARD -p tcp -m conntrack --ctstate DNAT -j ACCEPT;"
	    "*nat;:PREROUTING ACCEPT [0:0];-A PREROUTING -p tcp "
	    "-m tcp --dport 53 -j DNAT --to-destination 93.184.1.1", OPEN,
	    " 6:53" },
	{ "DROP;-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT;", SHUT,
	    NULL },
	{ "DROP;-A FORWARD -p tcp -m conntrack --ctstate DNAT -j ACCEPT;"
	    "*nat;:PREROUTING ACCEPT [0:0];-A PREROUTING -p tcp "
	    "-m tcp --dport 53 -j DNAT --to-destination 192.168.1.1", SHUT,
	    NULL },
	{ "DROP;-A FORWARD -p udp -j ACCEPT;*nat;:PREROUTING ACCEPT [0:0];"
	    "-A PREROUTING -p udp -j REDIRECT", SHUT, NULL },
	{ "DROP;-A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT;*raw;"
	    ":PREROUTING ACCEPT [0:0];-A PREROUTING -p udp -m udp --dport 53 "
	    "-j CT --notrack", OPEN, " 17:53" },
	{ "DROP;-A FORWARD -d 9.9.9.9/32 -m conntrack --ctstate UNTRACKED "
	    "-j ACCEPT;*raw;:PREROUTING ACCEPT [0:0];-A PREROUTING -p udp "
	    "-m udp --dport 53 -j NOTRACK", OPEN, ">9.9.9.9 17:53" },
	{ "DROP;-A FORWARD -m conntrack --ctstate UNTRACKED -j ACCEPT", SHUT,
	    NULL },
	{ "ACCEPT;-A FORWARD -m conntrack --ctstate NEW -j DROP;*raw;"
	    ":PREROUTING ACCEPT [0:0];-A PREROUTING -p udp -m udp --dport 53 "
	    "-j NOTRACK", OPEN, " 17:53" },
	/* Another table closes. */
	{ "ACCEPT;*mangle;:FORWARD DROP [0:0]", SHUT, NULL },
	{ "ACCEPT;*mangle;:FORWARD DROP [0:0];"
	    "-A FORWARD -p tcp -m tcp --dport 7 -j ACCEPT", OPEN, " 6:7" },
	{ "DROP;-A FORWARD -d 9.9.9.9/32 -j ACCEPT;*mangle;"
	    ":FORWARD DROP [0:0];-A FORWARD -p tcp -m tcp --dport 7 -j ACCEPT",
	    OPEN, ">9.9.9.9 6:7" },
};

static bool
count(void *arg, const struct judge_packet *p, const struct judgement *j)
{
	(void)p;
	(void)j;
	return (++*(unsigned int *)arg < 2);
}

Test(doctor_ways, U10_it_ends_when_enough_is_told)
{
	uint64_t steps = STEPS;
	unsigned int n = 0;

	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, "*filter\n"
	    ":FORWARD DROP [0:0]\n-A FORWARD -d 9.9.9.1/32 -j ACCEPT\n"
	    "-A FORWARD -d 9.9.9.2/32 -j ACCEPT\n"
	    "-A FORWARD -d 9.9.9.3/32 -j ACCEPT\n");
	cr_assert(search_each(&m, &world, ADDR_V4, &steps, count, &n));
	cr_assert_eq(n, 2);
}

Test(doctor_ways, U10_each_form_of_iptables)
{
	char text[1024], *p;
	size_t i;

	for (i = 0; i < sizeof(xt_forms) / sizeof(xt_forms[0]); i++) {
		snprintf(text, sizeof(text), "*filter;:DNSFW - [0:0];"
		    ":FORWARD %s;", xt_forms[i].rules);
		m.own[0] = (struct addr){ ADDR_V4, { 192, 168, 1, 1 } };
		m.nown = 1;
		for (p = text; *p != '\0'; p++)
			*p = *p == ';' ? '\n' : *p;
		xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, text);
		expect(&xt_forms[i]);
		model_free(&m);
	}
}

#define OF		"'family':'inet','table':'filter'"
#define PRE(expr)	",{'chain':{" OF ",'name':'pre','hook':'prerouting','prio':" \
	"-300,'policy':'accept'}},{'rule':{" OF ",'chain':'pre','expr':[" expr \
	"]}}"
#define RULE(expr)	",{'rule':{" OF ",'chain':'forward','expr':[" expr "]}}"
#define MATCH(op, left, right)	"{'match':{'op':'" op "','left':" left \
	",'right':" right "}}"
#define PAYLOAD(op, proto, field, right) MATCH(op, "{'payload':{'protocol':'" \
	proto "','field':'" field "'}}", right)
#define META(op, key, right) MATCH(op, "{'meta':{'key':'" key "'}}", right)
#define ACCEPT		",{'accept':null}"
#define DROP		",{'drop':null}"
#define PREFIX(a, len)	"{'prefix':{'addr':'" a "','len':" len "}}"

#define SET(name, flags) ",{'set':{" OF ",'name':'" name "','flags':[" flags \
	"],'elem':[]}}"
#define ADD(set)	"{'set':{'op':'add','elem':{'payload':{'protocol':'ip'," \
	"'field':'saddr'}},'set':'" set "'}}"

/* Behind the chain's policy, with the jump. */
static const struct form nft_forms[] = {
	{ "drop'}}", SHUT, NULL },
	{ "accept'}}", OPEN, NULL },
	{ "accept'}}" RULE("{'reject':null}"), SHUT, NULL },
	/* A set can be full, or empty now and not later. */
	{ "accept'}}" RULE(ADD("@s") DROP), OPEN, NULL },
	{ "drop'}}" SET("s", "") RULE(PAYLOAD("==", "ip", "saddr", "'@s'")
	    ACCEPT), SHUT, NULL },
	{ "drop'}}" SET("s", "'timeout'") RULE(PAYLOAD("==", "ip", "saddr",
	    "'@s'") ACCEPT), UNSURE, NULL },
	{ "drop'}},{'set':{" OF ",'name':'s','flags':'dynamic','elem':[]}}"
	    RULE(PAYLOAD("==", "ip", "saddr", "'@s'") ACCEPT), UNSURE, NULL },
	{ "drop'}}" SET("s", "") RULE(PAYLOAD("==", "ip", "saddr", "'@s'")
	    ACCEPT) RULE(ADD("@s")), UNSURE, NULL },
	{ "accept'}}" RULE(PAYLOAD("==", "tcp", "dport", "443")
	    ",{'return':null}") RULE("{'reject':null}"), OPEN, " 6:443" },
	{ "accept'}}" RULE(PAYLOAD("!=", "tcp", "dport", "443") DROP)
	    RULE(META("!=", "l4proto", "'tcp'") DROP), OPEN, " 6:443" },
	{ "accept'}}" RULE(META("==", "iifname", "'lan2'") DROP)
	    RULE(PAYLOAD("==", "ip", "saddr", PREFIX("172.16.4.0", "24")) DROP)
	    RULE(PAYLOAD("==", "ip", "saddr", PREFIX("192.168.1.0", "28"))
	    DROP), OPEN, "lan>192.168.1.16" },
	{ "drop'}}" RULE(PAYLOAD("==", "tcp", "dport", "80") DROP)
	    RULE(PAYLOAD("==", "tcp", "dport", "{'set':[80,443]}") ACCEPT),
	    OPEN, " 6:443" },
	{ "drop'}}" RULE(PAYLOAD("==", "ip", "daddr", "{'set':["
	    PREFIX("10.0.0.0", "8") "," PREFIX("185.0.0.0", "8") "]}") ACCEPT),
	    OPEN, ">185.0.0.0 " },
	{ "drop'}}" RULE(PAYLOAD("==", "ip", "daddr",
	    "{'range':['10.0.0.0','92.255.255.255']}") ACCEPT), OPEN,
	    ">11.0.0.1 " },
	{ "accept'}}" RULE(META("==", "l4proto", "{'set':['tcp','udp']}")
	    DROP), OPEN, " 132:" },
	{ "accept'}}" RULE(META("==", "l4proto", "'tcp'") DROP)
	    RULE(PAYLOAD("==", "udp", "dport", "{'set':[53,443,853]}") DROP),
	    OPEN, " 17:40001" },
	{ "drop'}}" PRE(PAYLOAD("==", "udp", "dport", "53")
	    ",{'dnat':{'family':'ip','addr':'93.184.1.1','port':5353}}")
	    RULE(PAYLOAD("==", "udp", "dport", "5353") ACCEPT), OPEN,
	    " 17:53" },
	{ "drop'}}" PRE(PAYLOAD("==", "udp", "dport", "53")
	    ",{'dnat':{'addr':{'range':['93.184.1.1','93.184.1.9']}}}")
	    RULE(MATCH("in", "{'ct':{'key':'status'}}", "'dnat'") ACCEPT),
	    OPEN, " 17:53" },
	{ "drop'}}" PRE(PAYLOAD("==", "udp", "dport", "53")
	    ",{'redirect':{'port':5353}}")
	    RULE(MATCH("in", "{'ct':{'key':'status'}}", "'dnat'") ACCEPT),
	    SHUT, NULL },
	{ "drop'}}" PRE(PAYLOAD("==", "udp", "dport", "53") ",{'notrack':null}")
	    RULE(MATCH("in", "{'ct':{'key':'state'}}", "['untracked']")
	    ACCEPT), OPEN, " 17:53" },
	{ "drop'}}" RULE(MATCH("in", "{'ct':{'key':'state'}}",
	    "['untracked','established']") ACCEPT), SHUT, NULL },
};

/* The text with ' for ". */
static void
read_nft(const char *text)
{
	char *copy = strdup(text), *p;

	for (p = copy; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	cr_assert_eq(nft_parse(&m, &of_nft, copy, strlen(copy), none, NULL,
	    NULL), 0, "%s", text);
	free(copy);
}

Test(doctor_ways, U10_each_form_of_nft)
{
	char text[4096];
	size_t i;

	for (i = 0; i < sizeof(nft_forms) / sizeof(nft_forms[0]); i++) {
		snprintf(text, sizeof(text), "{'nftables':[{'chain':{" OF ","
		    "'name':'dnsfw'}},{'chain':{" OF ",'name':'forward','hook'"
		    ":'forward','prio':0,'policy':'%s]}", nft_forms[i].rules);
		read_nft(text);
		expect(&nft_forms[i]);
		model_free(&m);
	}
}

/* --- what has no end --- */

/* Each port but one is dropped alone: to find the one that is left takes too long. */
Test(doctor_ways, U10_too_many_to_avoid_is_said)
{
	static char text[100000];
	size_t i, len;
	bool all;

	len = (size_t)sprintf(text, "*filter\n:FORWARD DROP [0:0]\n");
	for (i = 1; i <= 1000; i++)
		len += i == 500 ? 0 : (size_t)sprintf(text + len,
		    "-A FORWARD -p tcp -m tcp --dport %zu -j DROP\n", i);
	sprintf(text + len,
	    "-A FORWARD -p tcp -m tcp --dport 1:1000 -j ACCEPT\n");
	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, text);
	(void)find(&all);
	cr_assert_not(all);
}

/* Whatever there is, it ends, and says that there was more. */
Test(doctor_ways, U10_as_many_rules_as_there_can_be)
{
	static char text[MODEL_RULES_MAX * 90];
	size_t i, len;
	bool all;

	len = (size_t)sprintf(text, "*filter\n:FORWARD ACCEPT [0:0]\n");
	for (i = 0; i < MODEL_RULES_MAX; i++)
		len += (size_t)sprintf(text + len, "-A FORWARD -d 9.%zu.%zu.1 "
		    "-p tcp -m tcp --dport %zu -j %s\n", i >> 8 & 255, i & 255,
		    i % 60000 + 1, i % 2 == 0 ? "ACCEPT" : "DROP");
	xt_parse(&m, &of_xt, "iptables", ADDR_V4, NULL, text);
	cr_assert_not(m.full);
	(void)find(&all);
	cr_assert_not(all);
}

/* --- what keeps clients from a program of this host --- */

static const char *
shut_text(const struct guard *g, uint8_t family, const char *iif)
{
	static struct command c;
	struct shut s = { .by = { .iif = iif, .saddr = { .family = family },
	    .proto = IPPROTO_UDP, .dport = 53 }, .n = 2 };

	s.at[0] = s.at[1] = world.client[family == ADDR_V6];
	s.at[1].bytes[3]++;
	c = (struct command){ .len = 0 };
	shut_add(&c, &m, g, &s);
	return (command_text(&c));
}

/* Before all other rules: of a chain that is there, or of one that is made. */
Test(doctor_ways, U10_the_command_that_shuts_a_program_off)
{
	static const struct guard of_ip = { "nftables", "ip filter", "dnsfw" };
	uint32_t i;

	cr_assert_str_eq(shut_text(&of_xt, ADDR_V6, "lan"), "ip6tables -I INPUT "
	    "-i lan -d fd00::,fd00:1:: -p udp --dport 53 -j DROP");
	cr_assert_str_eq(shut_text(&of_nft, ADDR_V4, "lan"), "nft 'add chain "
	    "inet filter input { type filter hook input priority filter; }; "
	    "insert rule inet filter input iifname lan ip daddr "
	    "{ 192.168.1.5, 192.168.1.6 } udp dport 53 drop'");
	/* A table cannot have packets of the other family. */
	cr_assert_str_eq(shut_text(&of_ip, ADDR_V6, "lan"), "");
	cr_assert_str_neq(shut_text(&of_ip, ADDR_V4, "lan"), "");
	i = model_chain(&m, "inet other", "in", MODEL_V4 | MODEL_V6);
	m.chains[i].hook = MODEL_INPUT;
	cr_assert_str_eq(shut_text(&of_ip, ADDR_V6, "lan"), "nft 'insert rule "
	    "inet other in iifname lan ip6 daddr { fd00::, fd00:1:: } udp "
	    "dport 53 drop'");
	cr_assert_str_eq(shut_text(&of_nft, ADDR_V4, ""), "");
	cr_assert_str_eq(shut_text(&of_nft, ADDR_V4, "a b;c"), "");
}
