/* Options: one table, one setter a kind of value. */
#include "options.h"

#include <linux/netfilter.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_LEN	32

/* Where a value came from, for the error text. */
struct source {
	const char	*option;	/* without the dashes */
	bool		 env;
};

struct option_def {
	const char	*name;
	const char	*arg;		/* NULL: a flag, "yes" or "no" */
	const char	*help;
	void		(*set)(struct options *, const struct source *,
			    const char *value);
};

static void __attribute__((format(printf, 1, 2), noreturn))
usage_error(const char *fmt, ...)
{
	va_list ap;

	fputs("[ERROR] ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("\nTry 'dnsfw-priv --help'.\n", stderr);
	exit(2);
}

/* --upstream-port is UPSTREAM_PORT in the environment. */
static void
env_name(const char *name, char out[NAME_MAX_LEN])
{
	size_t i;

	for (i = 0; name[i] != '\0' && i < NAME_MAX_LEN - 1; i++)
		out[i] = name[i] == '-' ? '_' : (char)toupper(name[i]);
	out[i] = '\0';
}

static void __attribute__((noreturn))
bad_value(const struct source *src, const char *value, const char *expected)
{
	char env[NAME_MAX_LEN];

	env_name(src->option, env);
	if (src->env)
		usage_error("%s=\"%s\" (option --%s): expected %s", env, value,
		    src->option, expected);
	usage_error("--%s \"%s\": expected %s", src->option, value, expected);
}

static uint32_t
number(const struct source *src, const char *value, uint32_t min, uint32_t max)
{
	char expected[64];
	uint64_t v = 0;
	size_t i;

	for (i = 0; isdigit((unsigned char)value[i]) && i < 10; i++)
		v = v * 10 + (uint64_t)(value[i] - '0');
	if (i == 0 || value[i] != '\0' || v < min || v > max) {
		snprintf(expected, sizeof(expected),
		    "a number from %u to %u", min, max);
		bad_value(src, value, expected);
	}
	return ((uint32_t)v);
}

/* The next element of a comma-separated list; *list is NULL after the last. */
static size_t
next_element(const char **list, const char **element)
{
	size_t len = strcspn(*list, ",");

	*element = *list;
	*list = (*list)[len] == ',' ? *list + len + 1 : NULL;
	return (len);
}

static void
addresses(const struct source *src, const char *value, struct addr *out,
    size_t *n, size_t max)
{
	const char *rest = value, *element;
	size_t len;

	do {
		len = next_element(&rest, &element);
		if (*n == max)
			usage_error("--%s: at most %zu addresses", src->option,
			    max);
		if (addr_parse(element, len, &out[*n]) == -1)
			bad_value(src, value,
			    "IPv4 or IPv6 addresses, separated by commas");
		(*n)++;
	} while (rest != NULL);
}

static void
set_acl_file(struct options *o, const struct source *src, const char *value)
{
	(void)src;
	o->acl_file = value;
}

static void
set_upstream(struct options *o, const struct source *src, const char *value)
{
	addresses(src, value, o->upstreams, &o->nupstreams, MSG_UPSTREAMS_MAX);
}

static void
set_upstream_port(struct options *o, const struct source *src,
    const char *value)
{
	o->upstream_port = number(src, value, 1, 65535);
}

static void
set_bind(struct options *o, const struct source *src, const char *value)
{
	addresses(src, value, o->binds, &o->nbinds, MSG_BINDS_MAX);
}

static void
set_bind_port(struct options *o, const struct source *src, const char *value)
{
	o->bind_port = number(src, value, 1, 65535);
}

static void
set_timeout(struct options *o, const struct source *src, const char *value)
{
	o->timeout = number(src, value, 1, 3600);
}

static void
set_min_rule_time(struct options *o, const struct source *src,
    const char *value)
{
	o->min_rule_time = number(src, value, 1, 2147483);
}

static void
set_max_rule_time(struct options *o, const struct source *src,
    const char *value)
{
	o->max_rule_time = number(src, value, 1, 2147483);
}

static void
set_firewall(struct options *o, const struct source *src, const char *value)
{
	if (strcasecmp(value, "none") == 0)
		o->firewall = FIREWALL_NONE;
	else if (strcasecmp(value, "iptables") == 0)
		o->firewall = FIREWALL_IPTABLES;
	else if (strcasecmp(value, "nftables") == 0)
		o->firewall = FIREWALL_NFTABLES;
	else
		bad_value(src, value, "none, iptables or nftables");
}

/* What both iptables and nft take as a name. */
static bool
is_name(const char *s, size_t max)
{
	size_t n = strlen(s);

	return (n > 0 && n < max && strspn(s, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == n && s[0] != '-');
}

static void
set_chain(struct options *o, const struct source *src, const char *value)
{
	if (!is_name(value, TABLE_NAME_MAX))
		bad_value(src, value,
		    "the name of a chain (letters, digits, '_', '.', '-')");
	o->chain = value;
}

static void
set_table(struct options *o, const struct source *src, const char *value)
{
	static const struct {
		const char *prefix;
		uint8_t family;
	} families[] = {
		{ "inet ", NFPROTO_INET }, { "ip ", NFPROTO_IPV4 },
		{ "ip6 ", NFPROTO_IPV6 }
	};
	const char *name;
	size_t i, len;

	for (i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		len = strlen(families[i].prefix);
		name = value + len;
		if (strncmp(value, families[i].prefix, len) != 0 ||
		    !is_name(name, TABLE_NAME_MAX))
			continue;
		o->table_family = families[i].family;
		memcpy(o->table, name, strlen(name) + 1);
		return;
	}
	bad_value(src, value,
	    "\"inet NAME\", \"ip NAME\" or \"ip6 NAME\"");
}

static void
set_max_connections(struct options *o, const struct source *src,
    const char *value)
{
	o->max_connections = number(src, value, 1, 1000000);
}

static void
set_max_grants(struct options *o, const struct source *src, const char *value)
{
	o->max_grants = number(src, value, 1, 16777216);
}

static void
set_refuse_with(struct options *o, const struct source *src, const char *value)
{
	if (strcasecmp(value, "refused") == 0)
		o->refuse_with = REFUSE_REFUSED;
	else if (strcasecmp(value, "nxdomain") == 0)
		o->refuse_with = REFUSE_NXDOMAIN;
	else if (strcasecmp(value, "nodata") == 0)
		o->refuse_with = REFUSE_NODATA;
	else
		bad_value(src, value, "refused, nxdomain or nodata");
}

static void
networks(const struct source *src, const char *value, struct addr_net *out,
    size_t *n)
{
	const char *rest = value, *element;
	size_t len;

	do {
		len = next_element(&rest, &element);
		if (*n == MSG_NETS_MAX)
			usage_error("--%s: at most %d networks", src->option,
			    MSG_NETS_MAX);
		if (addr_net_parse(element, len, &out[*n]) == -1)
			bad_value(src, value,
			    "ADDRESS or ADDRESS/PREFIX, separated by commas");
		(*n)++;
	} while (rest != NULL);
}

static void
set_client_net(struct options *o, const struct source *src, const char *value)
{
	networks(src, value, o->client_nets, &o->nclient_nets);
}

static void
set_deny_answer(struct options *o, const struct source *src,
    const char *value)
{
	networks(src, value, o->deny_nets, &o->ndeny_nets);
}

static void
set_allow_answer(struct options *o, const struct source *src,
    const char *value)
{
	networks(src, value, o->allow_nets, &o->nallow_nets);
}

/* One of two words; true for the second. */
static bool
choice(const struct source *src, const char *value, const char *first,
    const char *second)
{
	char expected[64];

	snprintf(expected, sizeof(expected), "%s or %s", first, second);
	if (strcasecmp(value, first) != 0 && strcasecmp(value, second) != 0)
		bad_value(src, value, expected);
	return (strcasecmp(value, second) == 0);
}

/* A flag stands alone on the command line; a variable needs a value. */
static bool
yes_no(const struct source *src, const char *value)
{
	return (choice(src, value, "no", "yes"));
}

static void
set_kill_connections(struct options *o, const struct source *src,
    const char *value)
{
	o->kill_connections = yes_no(src, value);
}

static void
set_hold_live(struct options *o, const struct source *src, const char *value)
{
	o->hold_live = yes_no(src, value);
}

static void
set_check(struct options *o, const struct source *src, const char *value)
{
	o->check_only = yes_no(src, value);
}

static void
set_randomize_case(struct options *o, const struct source *src,
    const char *value)
{
	o->randomize_case = yes_no(src, value);
}

static void
set_upstream_transport(struct options *o, const struct source *src,
    const char *value)
{
	o->upstream_tcp = choice(src, value, "udp", "tcp");
}

static void
set_family_mismatch(struct options *o, const struct source *src,
    const char *value)
{
	o->family_filter = choice(src, value, "pass", "filter");
}

static void
set_workers(struct options *o, const struct source *src, const char *value)
{
	o->workers = number(src, value, 1, MSG_WORKERS_MAX);
}

static void
set_proxy_user(struct options *o, const struct source *src, const char *value)
{
	(void)src;
	o->proxy_user = value;
}

static void
set_priv_user(struct options *o, const struct source *src, const char *value)
{
	(void)src;
	o->priv_user = value;
}

static void
set_log_format(struct options *o, const struct source *src, const char *value)
{
	o->log_format = choice(src, value, "text", "json") ?
	    LOGFORMAT_JSON : LOGFORMAT_TEXT;
}

static const struct option_def defs[] = {
	{ "acl-file", "FILE", "access control list (required)", set_acl_file },
	{ "upstream", "ADDRESS", "DNS server to ask (required; list)",
	    set_upstream },
	{ "upstream-port", "PORT", "its port [53]", set_upstream_port },
	{ "upstream-transport", "WAY", "udp, or tcp for all queries [udp]",
	    set_upstream_transport },
	{ "randomize-case", NULL, "mix the letter case of what is asked",
	    set_randomize_case },
	{ "bind", "ADDRESS", "address to listen on [127.0.0.53] (list)",
	    set_bind },
	{ "bind-port", "PORT", "port to listen on [537]", set_bind_port },
	{ "timeout", "SECONDS", "for the upstream and idle clients [10]",
	    set_timeout },
	{ "min-rule-time", "SECONDS", "shortest life of a grant [5]",
	    set_min_rule_time },
	{ "max-rule-time", "SECONDS", "longest life of a grant [none]",
	    set_max_rule_time },
	{ "firewall", "BACKEND", "none, iptables or nftables (required)",
	    set_firewall },
	{ "chain", "NAME", "chain for the accept rules", set_chain },
	{ "table", "\"FAMILY NAME\"", "table of the chain (nftables)",
	    set_table },
	{ "client-net", "CIDR", "clients that are answered [any] (list)",
	    set_client_net },
	{ "deny-answer", "CIDR", "destinations never granted (list)",
	    set_deny_answer },
	{ "allow-answer", "CIDR", "exceptions from what is never granted (list)",
	    set_allow_answer },
	{ "family-mismatch", "WAY", "pass or filter addresses without grant [pass]",
	    set_family_mismatch },
	{ "hold-live", NULL, "grants of living connections do not end",
	    set_hold_live },
	{ "kill-connections", NULL, "end those of grants that are revoked",
	    set_kill_connections },
	{ "workers", "N", "processes that answer queries [1]", set_workers },
	{ "max-connections", "N", "requests in flight, TCP connections [10000]",
	    set_max_connections },
	{ "max-grants", "N", "live grants at most [65536]", set_max_grants },
	{ "refuse-with", "RCODE", "refused, nxdomain or nodata [refused]",
	    set_refuse_with },
	{ "log-format", "FORMAT", "of the access log: text or json [text]",
	    set_log_format },
	{ "proxy-user", "USER", "user of dnsfw-proxy [" PROXY_USER "]",
	    set_proxy_user },
	{ "priv-user", "USER", "user of dnsfw-priv [" PRIV_USER "]",
	    set_priv_user },
	{ "check", NULL, "only check the options and the list", set_check },
};
#define NDEFS	(sizeof(defs) / sizeof(defs[0]))

static void __attribute__((noreturn))
help(void)
{
	char left[64];
	size_t i;

	puts("dnsfw-priv " DNSFW_VERSION
	    ": a DNS proxy that opens the firewall for allowed names\n\n"
	    "Usage: dnsfw-priv --acl-file FILE --upstream ADDRESS "
	    "--firewall BACKEND [OPTION]...\n");
	for (i = 0; i < NDEFS; i++) {
		snprintf(left, sizeof(left), "--%s %s", defs[i].name,
		    defs[i].arg == NULL ? "" : defs[i].arg);
		printf("  %-28s %s\n", left, defs[i].help);
	}
	puts("  --help                       this text\n"
	    "  --version                    the version\n\n"
	    "Each option can be an environment variable: --acl-file is "
	    "ACL_FILE. The command\nline wins; an empty variable counts as "
	    "not set. Lists repeat or take commas.\n"
	    "See dnsfw-priv(8) and dnsfw.acl(5).");
	exit(fflush(stdout) == 0 ? 0 : 1);
}

/* The option that arg names; *value is what stands behind a '=', or NULL. */
static size_t
find(const char *arg, const char **value)
{
	size_t i, len;

	if (strncmp(arg, "--", 2) != 0)
		usage_error("unexpected argument \"%s\"", arg);
	arg += 2;
	len = strcspn(arg, "=");
	*value = arg[len] == '=' ? arg + len + 1 : NULL;
	for (i = 0; i < NDEFS; i++) {
		if (strlen(defs[i].name) == len &&
		    strncmp(defs[i].name, arg, len) == 0)
			return (i);
	}
	usage_error("unknown option \"--%.*s\"", (int)len, arg);
}

static void
from_command_line(struct options *o, int argc, char **argv, bool seen[NDEFS])
{
	struct source src = { NULL, false };
	const char *value;
	size_t d;
	int i;

	for (i = 1; i < argc; i++) {
		d = find(argv[i], &value);
		src.option = defs[d].name;
		if (value == NULL && defs[d].arg == NULL)
			value = "yes";
		if (value == NULL && ++i == argc)
			usage_error("--%s needs a value", src.option);
		if (value == NULL)
			value = argv[i];
		if (value[0] == '\0')
			bad_value(&src, value, "a value");
		seen[d] = true;
		defs[d].set(o, &src, value);
	}
}

/* The command line wins: what it has set is not looked at. */
static void
from_environment(struct options *o, const bool seen[NDEFS])
{
	char env[NAME_MAX_LEN];
	struct source src = { NULL, true };
	const char *value;
	size_t i;

	for (i = 0; i < NDEFS; i++) {
		env_name(defs[i].name, env);
		value = getenv(env);
		if (seen[i] || value == NULL || value[0] == '\0')
			continue;
		src.option = defs[i].name;
		defs[i].set(o, &src, value);
	}
}

/* What no single option can know. */
static void
check(const struct options *o)
{
	if (o->acl_file == NULL)
		usage_error("--acl-file (or ACL_FILE) is required: "
		    "the path of the access control list");
	if (o->nupstreams == 0)
		usage_error("--upstream (or UPSTREAM) is required: "
		    "the address of a DNS server");
	if (o->firewall == FIREWALL_UNSET)
		usage_error("--firewall (or FIREWALL) is required: "
		    "none, iptables or nftables");
	if (o->firewall != FIREWALL_NONE && o->chain == NULL)
		usage_error("--chain (or CHAIN) is required with "
		    "--firewall iptables and nftables");
	if (o->firewall == FIREWALL_NFTABLES && o->table[0] == '\0')
		usage_error("--table (or TABLE) is required with "
		    "--firewall nftables, for example \"inet filter\"");
	if (o->firewall != FIREWALL_NFTABLES && o->table[0] != '\0')
		usage_error("--table (or TABLE): only with "
		    "--firewall nftables");
	if (o->firewall == FIREWALL_NONE &&
	    (o->hold_live || o->kill_connections))
		usage_error("--hold-live and --kill-connections: not with "
		    "--firewall none");
	if (o->max_rule_time < o->min_rule_time)
		usage_error("--max-rule-time \"%u\": expected at least "
		    "--min-rule-time, which is %u", o->max_rule_time,
		    o->min_rule_time);
}

void
options_parse(struct options *o, int argc, char **argv)
{
	static const char loopback[] = "127.0.0.53";
	bool seen[NDEFS] = { false };
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			help();
		if (strcmp(argv[i], "--version") == 0 ||
		    strcmp(argv[i], "-V") == 0) {
			puts("dnsfw-priv " DNSFW_VERSION);
			exit(fflush(stdout) == 0 ? 0 : 1);
		}
	}
	*o = (struct options){
		.upstream_port = 53, .bind_port = 537, .timeout = 10,
		.min_rule_time = 5, .max_rule_time = 2147483,
		.max_connections = 10000, .max_grants = 65536, .workers = 1,
		.proxy_user = PROXY_USER, .priv_user = PRIV_USER
	};
	from_command_line(o, argc, argv, seen);
	from_environment(o, seen);
	if (o->nbinds == 0)
		(void)addr_parse(loopback, strlen(loopback),
		    &o->binds[o->nbinds++]);
	check(o);
	/* Beside one that serves: its ports are not touched. */
	if (o->check_only)
		o->workers = 0;
}
