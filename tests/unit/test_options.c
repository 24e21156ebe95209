/* Options: the table's defaults, and which place wins (section 6). */
#include <criterion/criterion.h>

#include <linux/netfilter.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "options/options.h"

#define ARGS_MAX 20

static struct options o;

static void
clean(void)
{
	clearenv();
}

TestSuite(options, .init = clean, .timeout = 30);

/* Blanks divide the arguments, which go on to live. */
static void
parse(const char *arguments)
{
	char *copy = strdup(arguments), *argv[ARGS_MAX];
	int argc = 0;

	argv[argc++] = strdup("dnsfw");
	while (argc < ARGS_MAX - 1 && (argv[argc] = strsep(&copy, " ")) != NULL)
		argc++;
	options_parse(&o, argc, argv, NULL);
}

#define NEEDED	"--acl-file=/a --upstream=192.0.2.1 --firewall=none"

static void
expect_host(const struct host *h, const char *want)
{
	char text[HOST_TEXT_MAX];

	cr_expect_str_eq(host_print(h, text), want);
}

Test(options, what_nobody_sets)
{
	parse(NEEDED);
	cr_expect_str_eq(o.keep.acl_path, "/a");
	cr_expect_eq(o.keep.upstreams.n, 1);
	cr_expect_eq(o.keep.upstream_port, 53);
	cr_expect_eq(o.keep.binds.n, 1);
	expect_host(&o.keep.binds.at[0], "127.0.0.53");
	cr_expect_eq(o.keep.bind_port, 537);
	cr_expect_eq(o.worker.timeout, 10);
	cr_expect_eq(o.keep.min_rule_time, 5);
	cr_expect_eq(o.keep.max_rule_time, 86400);
	cr_expect_eq(o.worker.max_connections, 10000);
	cr_expect_eq(o.worker.client_rate, 0);
	cr_expect_eq(o.keep.max_grants, 65536);
	cr_expect_eq(o.keep.nworkers, 1);
	cr_expect_eq(o.keep.firewall, KEEPCONF_NONE);
	cr_expect_str_eq(o.keep.users[KEEPCONF_PROXY].name, "dnsfw-proxy");
	cr_expect_str_eq(o.keep.users[KEEPCONF_KEEPER].name, "dnsfw-keeper");
	cr_expect_str_eq(o.keep.users[KEEPCONF_HELPER].name, "dnsfw-priv");
	cr_expect_str_eq(o.keep.chain, "");
	cr_expect_str_eq(o.keep.table.name, "");
	cr_expect_eq(o.worker.refuse_with | o.worker.log_format | o.worker.log_level |
	    o.keep.kill_connections | o.keep.check_only | o.keep.hold_live |
	    o.worker.randomize_case | o.worker.upstream_tcp | o.worker.family_filter |
	    o.worker.block_aliases | o.worker.bypass_pass, 0);
	cr_expect_eq(o.worker.client_nets.n + o.worker.deny_nets.n + o.worker.allow_nets.n, 0);
}

/* With nftables a table is needed. */
Test(options, what_no_single_option_can_know, .exit_code = 2)
{
	parse("--acl-file=/a --upstream=192.0.2.1 --firewall=nftables "
	    "--chain=c");
}

Test(options, bounds_are_those_of_the_table, .exit_code = 2)
{
	parse(NEEDED " --workers=33");
}

Test(options, words_numbers_and_lists)
{
	setenv("TABLE", "inet filter", 1);
	setenv("CLIENT_NET", "10.0.0.0/8, 2001:db8::/32", 1);
	setenv("CLIENT_RATE", "1000000", 1);
	parse("--acl-file=/a --upstream=192.0.2.1 --firewall=nftables "
	    "--chain=c --max-rule-time=99 --min-rule-time=9 --workers=32 "
	    "--kill-connections --bind=::1,fe80::1%lo --refuse-with=NODATA "
	    "--log-level=none --log-format=json --check=no "
	    "--bypass-signals=pass");
	cr_expect_eq(o.keep.firewall, KEEPCONF_NFTABLES);
	cr_expect_eq(o.keep.table.family, NFPROTO_INET);
	cr_expect_str_eq(o.keep.table.name, "filter");
	cr_expect_eq(o.keep.min_rule_time, 9);
	cr_expect_eq(o.keep.max_rule_time, 99);
	cr_expect_eq(o.keep.nworkers, 32);
	cr_expect_eq(o.keep.kill_connections, 1);
	cr_expect_eq(o.keep.check_only, 0);
	cr_expect_eq(o.worker.refuse_with, REFUSE_NODATA);
	cr_expect_eq(o.worker.log_level, LOGLEVEL_NONE);
	cr_expect_eq(o.worker.log_format, LOGFORMAT_JSON);
	cr_expect_eq(o.worker.bypass_pass, 1);
	cr_expect_eq(o.worker.client_rate, 1000000);
	cr_expect_eq(o.worker.client_nets.n, 2);
	cr_expect_eq(o.worker.client_nets.at[1].prefix, 32);
	cr_assert_eq(o.keep.binds.n, 2);
	expect_host(&o.keep.binds.at[0], "::1");
	expect_host(&o.keep.binds.at[1], "fe80::1%lo");
}

/* The command line over the environment, that over the file, that over us. */
Test(options, places_in_their_order)
{
	char path[] = "/tmp/test-options.XXXXXX", arguments[256];
	FILE *f = fdopen(mkstemp(path), "w");

	cr_assert_not_null(f);
	fputs("TIMEOUT=1\nWORKERS=2\nBIND_PORT=3\nMAX_GRANTS=\n", f);
	fclose(f);
	setenv("TIMEOUT", "10", 1);
	setenv("WORKERS", "20", 1);
	setenv("MAX_CONNECTIONS", "", 1);
	snprintf(arguments, sizeof(arguments), NEEDED
	    " --timeout 100 --config %s", path);
	parse(arguments);
	unlink(path);
	cr_expect_eq(o.worker.timeout, 100);
	cr_expect_eq(o.keep.nworkers, 20);
	cr_expect_eq(o.keep.bind_port, 3);
	cr_expect_eq(o.keep.max_grants, 65536);
	cr_expect_eq(o.worker.max_connections, 10000);
}

/* They accumulate in one place, and another place does not add to it. */
Test(options, lists_repeat)
{
	setenv("UPSTREAM", "198.51.100.1", 1);
	parse("--acl-file=/a --firewall=none --upstream=192.0.2.1 "
	    "--upstream 192.0.2.2,192.0.2.3");
	cr_expect_eq(o.keep.upstreams.n, 3);
	expect_host(&o.keep.upstreams.at[2], "192.0.2.3");
}
