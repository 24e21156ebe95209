/* The backend of ipset and iptables, against the kernel. */
#include "backend_rig.h"

Test(backend, F1_rules_look_ordinary)
{
	start_iptables();
	cr_assert_str_eq(listing("iptables -S DNSFW 2>/dev/null"),
	    "-N DNSFW\n"
	    "-A DNSFW -m set --match-set DNSFW-ipv4-allow src,dst,dst "
	    "-j ACCEPT\n"
	    "-A DNSFW -m addrtype --src-type LOCAL "
	    "-m set --match-set DNSFW-ipv4-allow-local dst,dst -j ACCEPT\n");
	cr_assert_str_eq(listing("ip6tables -S DNSFW 2>/dev/null"),
	    "-N DNSFW\n"
	    "-A DNSFW -m set --match-set DNSFW-ipv6-allow src,dst,dst "
	    "-j ACCEPT\n"
	    "-A DNSFW -m addrtype --src-type LOCAL "
	    "-m set --match-set DNSFW-ipv6-allow-local dst,dst -j ACCEPT\n");
	run("iptables -C DNSFW -m set --match-set DNSFW-ipv4-allow "
	    "src,dst,dst -j ACCEPT");
	run("iptables-save | iptables-restore");
	cr_assert_eq(lines("iptables -S DNSFW 2>/dev/null"), 3);
}

Test(backend, F1_sets_have_type_timeout_comment_and_size)
{
	start_iptables();
	cr_assert_str_eq(listing("ipset save"),
	    "create DNSFW-ipv4-allow hash:ip,port,ip family inet "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n"
	    "create DNSFW-ipv4-allow-local hash:ip,port family inet "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n"
	    "create DNSFW-ipv6-allow hash:ip,port,ip family inet6 "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n"
	    "create DNSFW-ipv6-allow-local hash:ip,port family inet6 "
	    "hashsize 1024 maxelem 1000 timeout 60 comment\n");
}

Test(backend, F1_elements_of_all_kinds)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	ipset.add(adds, four_grants(g, adds));
	cr_assert_eq(count_code(adds, 4, BACKEND_OK), 4);
	cr_assert_str_eq(listing("ipset save | grep ^add | "
	    "sed 's/timeout 5[89][0-9]/timeout T/'"),
	    "add DNSFW-ipv4-allow 10.0.0.8,tcp:443,192.0.2.1 "
	    "timeout T comment \"a.example.\"\n"
	    "add DNSFW-ipv4-allow-local 192.0.2.2,udp:123 "
	    "timeout T comment \"*.example.\"\n"
	    "add DNSFW-ipv6-allow fd00::8,udp:53,2001:db8::1 "
	    "timeout T comment \"b.example.\"\n"
	    "add DNSFW-ipv6-allow-local 2001:db8::2,tcp:80 timeout T "
	    "comment \"d.example.\"\n");
}

Test(backend, F1_refresh_replaces_timeout_and_comment)
{
	struct msg_grant g;

	start_iptables();
	g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "a.example.");
	cr_assert_eq(add_one(&ipset, &g, 30), BACKEND_OK);
	g = grant("10.0.0.8", IPPROTO_TCP, 443, "192.0.2.1", "b.example.");
	cr_assert_eq(add_one(&ipset, &g, 900), BACKEND_OK);
	cr_assert_eq(lines("ipset save | grep ^add"), 1);
	cr_assert(shows("ipset save | grep -E 'timeout (900|89.) '",
	    "\"b.example.\""));
}

Test(backend, F1_G9_start_flushes_the_chain_and_keeps_entries)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	run("iptables -A DNSFW -p tcp --dport 22 -j ACCEPT");
	ipset.add(adds, four_grants(g, adds));
	cr_assert_eq(ipset.prepare(check(&ipset), refill), 0);
	cr_assert_eq(lines("iptables -S DNSFW 2>/dev/null"), 3);
	cr_assert_eq(lines("ipset save | grep ^add"), 4);
	cr_assert_eq(lines("ipset save | grep -E 'timeout (590|58.)'"), 4);
}

Test(backend, G9_ipset_with_another_size_is_replaced_by_a_full_one)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	ipset.add(adds, four_grants(g, adds));
	config.max_grants = 5000;
	refill_grants = g;
	nrefill = 4;
	cr_assert_eq(ipset.prepare(check(&ipset), refill), 0);
	cr_assert_eq(lines("ipset save | grep 'hashsize 8192 maxelem 5000 '"),
	    4);
	cr_assert_eq(lines("ipset save | grep -E 'timeout (500|49.)'"), 4);
	cr_assert(shows("iptables -S DNSFW 2>&1", "DNSFW-ipv4-allow-local"));
	cr_assert_eq(lines("ipset list -n"), 4);
}

Test(backend, G9_ipset_that_has_more_than_the_limit_stays)
{
	start_iptables();
	many(batch_grants, batch, 100);
	ipset.add(batch, 100);
	config.max_grants = 99;
	cr_assert_eq(ipset.prepare(check(&ipset), refill), 0);
	cr_assert_eq(lines("ipset save | grep ^add"), 100);
	cr_assert_eq(lines("ipset save | grep ' maxelem 1000 '"), 1);
	cr_assert_eq(lines("ipset save | grep ' maxelem 99 '"), 3);
}

Test(backend, F1_set_of_another_kind_is_refused)
{
	static const struct {
		const char *create;
		const char *text;
	} cases[] = {
		{ "hash:ip timeout 60 comment", "is hash:ip family inet" },
		{ "hash:ip,port,ip timeout 60", "no comment" },
		{ "hash:ip,port,ip comment", "no timeout" },
		{ "hash:ip,port,ip family inet6 timeout 60 comment",
		    "family inet6 timeout comment, but must be "
		    "hash:ip,port,ip family inet " },
	};
	char command[128], log[1024];
	uint8_t families;
	size_t i;

	new_netns();
	run("iptables -N DNSFW && ip6tables -N DNSFW");
	ipset.open();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(command, sizeof(command),
		    "ipset create DNSFW-ipv4-allow %s", cases[i].create);
		run(command);
		cr_assert_eq(check_logs(&ipset, &families, log,
		    sizeof(log)), -1);
		cr_assert(strstr(log, cases[i].text) != NULL, "%s", log);
		cr_assert(strstr(log, "ipset destroy DNSFW-ipv4-allow)") !=
		    NULL, "%s", log);
		run("ipset destroy DNSFW-ipv4-allow");
	}
	cr_assert_eq(ipset.check(&families), 0);
}

/* One that somebody makes later, in the place of ours, is not used either. */
Test(backend, F1_G10_set_of_another_kind_is_refused_later)
{
	start_iptables();
	run("iptables -F DNSFW && ipset destroy DNSFW-ipv4-allow && "
	    "ipset create DNSFW-ipv4-allow hash:ip,port,ip timeout 60");
	cr_assert_eq(ipset.prepare(MSG_FAMILY_V4 | MSG_FAMILY_V6,
	    refill), -1);
	cr_assert_eq(lines("iptables -S DNSFW 2>/dev/null"), 1);
}

/* Nor is a set touched that is not ours. */
Test(backend, F1_other_sets_are_let_alone)
{
	start_iptables();
	run("ipset create DNSFW-new hash:ip");
	cr_assert_eq(ipset.prepare(MSG_FAMILY_V4 | MSG_FAMILY_V6,
	    refill), 0);
	cr_assert_eq(lines("ipset list -n"), 5);
}

Test(backend, F1_missing_chain)
{
	char log[1024];
	uint8_t families;

	new_netns();
	ipset.open();
	cr_assert_eq(check_logs(&ipset, &families, log, sizeof(log)),
	    -1);
	cr_assert(strstr(log, "iptables -N DNSFW") != NULL, "%s", log);
	run("ip6tables -N DNSFW");
	cr_assert_eq(check_logs(&ipset, &families, log, sizeof(log)),
	    0);
	cr_assert_eq(families, MSG_FAMILY_V6);
	cr_assert(strstr(log, "[WARN ] iptables: there is no chain DNSFW") !=
	    NULL, "%s", log);
	cr_assert_eq(ipset.prepare(families, refill), 0);
	cr_assert_eq(lines("ipset save"), 2);
}

Test(backend, F1_longest_names_and_label)
{
	struct msg_grant g;
	char label[MSG_LABEL_SIZE];

	new_netns();
	config.chain = "FOURTEENLETTER";
	run("iptables -N FOURTEENLETTER");
	start(&ipset);
	memset(label, 'x', sizeof(label) - 1);
	label[sizeof(label) - 1] = '\0';
	g = grant(NULL, IPPROTO_TCP, 443, "192.0.2.1", label);
	cr_assert_eq(add_one(&ipset, &g, 60), BACKEND_OK);
	cr_assert(shows("ipset save FOURTEENLETTER-ipv4-allow-local", label));
}

Test(backend, G11_ipset_full)
{
	new_netns();
	run("iptables -N DNSFW");
	config.max_grants = 100;
	start(&ipset);
	many(batch_grants, batch, MANY);
	ipset.add(batch, MANY);
	cr_assert_eq(count_code(batch, MANY, BACKEND_OK), 100);
	cr_assert_eq(count_code(batch, MANY, BACKEND_FULL),
	    MANY - 100);
	cr_assert_eq(lines("ipset save | grep ^add"), 100);
}

Test(backend, F1_set_gone_fails_but_returns)
{
	struct backend_add adds[4];
	struct msg_grant g[4];

	start_iptables();
	run("ip6tables -F DNSFW && ipset destroy DNSFW-ipv6-allow");
	ipset.add(adds, four_grants(g, adds));
	cr_assert_eq(adds[0].code, BACKEND_OK);
	cr_assert_eq(adds[1].code, BACKEND_FAILED);
	cr_assert_eq(adds[2].code, BACKEND_OK);
	cr_assert_eq(adds[3].code, BACKEND_OK);
}
