/* Options: one table, and three places where a value can stand. */
#include "options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "config.h"
#include "log.h"

#define NAME_MAX_LEN	32
#define SECONDS_MAX	2147483
#define NO_YES		"no yes"
#define VALUE_SHOWN	200		/* octets of one that is wrong */

struct option_def {
	const char	*name;
	const char	*arg;		/* NULL: a flag, "yes" or "no" */
	const char	*help;
	value_fn	*set;
	size_t		 field;		/* of struct options, as set wants it */
	struct value_rule rule;
};

#define FIELD(name)	offsetof(struct options, name)

static const struct option_def defs[] = {
	{ "acl-file", "FILE", "access control list (required)",
	    value_string, FIELD(acl_file), { 0, 0, NULL } },
	{ "upstream", "ADDRESS", "DNS server to ask (required; list)",
	    value_hosts, FIELD(upstreams),
	    { 0, MSG_UPSTREAMS_MAX, "--upstream-port" } },
	{ "upstream-port", "PORT", "its port [53]",
	    value_number, FIELD(upstream_port), { 1, 65535, NULL } },
	{ "upstream-transport", "WAY", "udp, or tcp for all queries [udp]",
	    value_flag, FIELD(upstream_tcp), { 0, 0, "udp tcp" } },
	{ "randomize-case", NULL, "mix the letter case of what is asked",
	    value_flag, FIELD(randomize_case), { 0, 0, NO_YES } },
	{ "bind", "ADDRESS", "address to listen on [127.0.0.53] (list)",
	    value_hosts, FIELD(binds), { 0, MSG_BINDS_MAX, "--bind-port" } },
	{ "bind-port", "PORT", "port to listen on [537]",
	    value_number, FIELD(bind_port), { 1, 65535, NULL } },
	{ "timeout", "SECONDS", "for the upstream and idle clients [10]",
	    value_number, FIELD(timeout), { 1, 3600, NULL } },
	{ "min-rule-time", "SECONDS", "shortest life of a grant [5]",
	    value_number, FIELD(min_rule_time), { 1, SECONDS_MAX, NULL } },
	{ "max-rule-time", "SECONDS", "longest life of a grant [none]",
	    value_number, FIELD(max_rule_time), { 1, SECONDS_MAX, NULL } },
	{ "firewall", "BACKEND", "none, iptables or nftables (required)",
	    value_word, FIELD(firewall),
	    { FIREWALL_NONE, 0, "none iptables nftables" } },
	{ "chain", "NAME", "chain for the accept rules",
	    value_chain, FIELD(chain), { 0, 0, NULL } },
	{ "table", "\"FAMILY NAME\"", "table of the chain (nftables)",
	    value_table, FIELD(table), { 0, 0, NULL } },
	{ "client-net", "CIDR", "clients that are answered [any] (list)",
	    value_nets, FIELD(client_nets), { 0, MSG_NETS_MAX, NULL } },
	{ "deny-answer", "CIDR", "destinations never granted (list)",
	    value_nets, FIELD(deny_nets), { 0, MSG_NETS_MAX, NULL } },
	{ "allow-answer", "CIDR", "exceptions from what is never granted (list)",
	    value_nets, FIELD(allow_nets), { 0, MSG_NETS_MAX, NULL } },
	{ "family-mismatch", "WAY", "pass or filter addresses without grant [pass]",
	    value_flag, FIELD(family_filter), { 0, 0, "pass filter" } },
	{ "block-aliases", NULL, "-| counts for names that an answer leads to",
	    value_flag, FIELD(block_aliases), { 0, 0, NO_YES } },
	{ "bypass-signals", "WAY", "answer or pass what leads around here [answer]",
	    value_flag, FIELD(bypass_pass), { 0, 0, "answer pass" } },
	{ "hold-live", NULL, "grants of living connections do not end",
	    value_flag, FIELD(hold_live), { 0, 0, NO_YES } },
	{ "kill-connections", NULL, "end those of grants that are revoked",
	    value_flag, FIELD(kill_connections), { 0, 0, NO_YES } },
	{ "workers", "N", "processes that answer queries [1]",
	    value_number, FIELD(workers), { 1, MSG_WORKERS_MAX, NULL } },
	{ "max-connections", "N", "requests in flight, TCP connections [10000]",
	    value_number, FIELD(max_connections), { 1, 1000000, NULL } },
	{ "max-grants", "N", "live grants at most [65536]",
	    value_number, FIELD(max_grants), { 1, 16777216, NULL } },
	{ "refuse-with", "RCODE", "refused, nxdomain or nodata [refused]",
	    value_word, FIELD(refuse_with),
	    { REFUSE_REFUSED, 0, "refused nxdomain nodata" } },
	{ "log-format", "FORMAT", "of the access log: text or json [text]",
	    value_word, FIELD(log_format), { LOGFORMAT_TEXT, 0, "text json" } },
	{ "log-level", "LEVEL", "of the access log: all, refused or none [all]",
	    value_word, FIELD(log_level),
	    { LOGLEVEL_ALL, 0, "all refused none" } },
	{ "proxy-user", "USER", "user of dnsfw-proxy [" PROXY_USER "]",
	    value_string, FIELD(proxy_user), { 0, 0, NULL } },
	{ "priv-user", "USER", "user of dnsfw-priv [" PRIV_USER "]",
	    value_string, FIELD(priv_user), { 0, 0, NULL } },
	{ "config", "FILE", "more options, as KEY=value lines",
	    value_string, FIELD(config), { 0, 0, NULL } },
	{ "check", NULL, "only check the options and the list",
	    value_flag, FIELD(check_only), { 0, 0, NO_YES } },
};
#define NDEFS	(sizeof(defs) / sizeof(defs[0]))

/* Where a value came from; it stays for what a later place says. */
struct source {
	enum { UNSET = 0, COMMAND_LINE, ENVIRONMENT, CONFIG_FILE } place;
	unsigned int	 line;		/* of the file */
};

static struct source sources[NDEFS];
static bool failed;

/* Errors are reported as they are found, and end the program after the last. */
static void __attribute__((format(printf, 1, 2)))
report(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_error("%s", text);
	failed = true;
}

static void __attribute__((noreturn))
usage_exit(void)
{
	fputs("Try 'dnsfw-priv --help'.\n", stderr);
	exit(2);
}

/* --upstream-port is UPSTREAM_PORT in the environment. */
static const char *
variable(const char *name)
{
	static char out[NAME_MAX_LEN];
	size_t i;

	for (i = 0; name[i] != '\0' && i < sizeof(out) - 1; i++)
		out[i] = name[i] == '-' ? '_' : (char)toupper(name[i]);
	out[i] = '\0';
	return (out);
}

static void
set(struct options *o, size_t d, const char *value)
{
	const struct option_def *def = &defs[d];
	char why[VALUE_WHY_MAX], place[300] = "", shown[VALUE_SHOWN + 4];

	if (value[0] == '\0')
		snprintf(why, sizeof(why), "a value");
	else if (def->set((char *)o + def->field, &def->rule, value, why))
		return;
	if (sources[d].place == CONFIG_FILE)
		snprintf(place, sizeof(place), "%s:%u: ", o->config,
		    sources[d].line);
	snprintf(shown, sizeof(shown), "%.*s%s", VALUE_SHOWN, value,
	    strlen(value) > VALUE_SHOWN ? "..." : "");
	if (sources[d].place == COMMAND_LINE)
		report("--%s \"%s\": expected %s", def->name, shown, why);
	else
		report("%s%s=\"%s\" (option --%s): expected %s", place,
		    variable(def->name), shown, def->name, why);
}

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
	    "Each option can be a variable, in the environment or the file of "
	    "--config:\n--acl-file is ACL_FILE. The command line wins over the "
	    "environment, and that over\nthe file; an empty variable counts as "
	    "not set. Lists repeat or take commas.\n"
	    "See dnsfw-priv(8) and dnsfw.acl(5).");
	exit(fflush(stdout) == 0 ? 0 : 1);
}

static void
help_or_version(int argc, char **argv)
{
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
}

/* The option that arg names; *value is what stands behind a '=', or NULL. */
static size_t
find(const char *arg, const char **value)
{
	size_t i, len;

	if (strncmp(arg, "--", 2) != 0) {
		report("unexpected argument \"%s\"", arg);
		usage_exit();
	}
	arg += 2;
	len = strcspn(arg, "=");
	*value = arg[len] == '=' ? arg + len + 1 : NULL;
	for (i = 0; i < NDEFS; i++) {
		if (strlen(defs[i].name) == len &&
		    strncmp(defs[i].name, arg, len) == 0)
			return (i);
	}
	report("unknown option \"--%.*s\"", (int)len, arg);
	usage_exit();
}

static void
from_command_line(struct options *o, int argc, char **argv)
{
	const char *value;
	size_t d;
	int i;

	for (i = 1; i < argc; i++) {
		d = find(argv[i], &value);
		if (value == NULL && defs[d].arg == NULL)
			value = "yes";
		if (value == NULL && ++i == argc) {
			report("--%s needs a value", defs[d].name);
			usage_exit();
		}
		sources[d].place = COMMAND_LINE;
		set(o, d, value == NULL ? argv[i] : value);
	}
}

/* What the command line has set is not looked at. */
static void
from_environment(struct options *o)
{
	const char *value;
	size_t d;

	for (d = 0; d < NDEFS; d++) {
		value = getenv(variable(defs[d].name));
		if (sources[d].place != UNSET || value == NULL ||
		    value[0] == '\0')
			continue;
		sources[d].place = ENVIRONMENT;
		set(o, d, value);
	}
}

static void
from_item(struct options *o, const struct config_item *item)
{
	size_t d = 0;

	while (d < NDEFS && strcmp(variable(defs[d].name), item->key) != 0)
		d++;
	if (d == NDEFS || defs[d].field == FIELD(config))
		report("%s:%u: unknown variable \"%s\"", o->config,
		    item->line, item->key);
	else if (item->value[0] == '\0')
		return;
	else if (sources[d].place == CONFIG_FILE)
		report("%s:%u: %s is in line %u already", o->config,
		    item->line, item->key, sources[d].line);
	else if (sources[d].place == UNSET) {
		sources[d] = (struct source){ CONFIG_FILE, item->line };
		set(o, d, item->value);
	}
}

static void
from_file(struct options *o)
{
	struct config c = { NULL, 1 };
	struct config_item item;
	const char *why;

	if ((c.at = config_load(o->config, &why)) == NULL) {
		report("cannot read \"%s\" (--config): %s", o->config, why);
		return;
	}
	while (config_next(&c, &item)) {
		if (item.key == NULL)
			report("%s:%u: %s", o->config, item.line, item.wrong);
		else
			from_item(o, &item);
	}
}

/* What no single option can know. */
static void
check(const struct options *o)
{
	if (o->acl_file == NULL)
		report("--acl-file (or ACL_FILE) is required: "
		    "the path of the access control list");
	if (o->upstreams.n == 0)
		report("--upstream (or UPSTREAM) is required: "
		    "the address of a DNS server");
	if (o->firewall == FIREWALL_UNSET)
		report("--firewall (or FIREWALL) is required: "
		    "none, iptables or nftables");
	if (o->firewall > FIREWALL_NONE && o->chain == NULL)
		report("--chain (or CHAIN) is required with "
		    "--firewall iptables and nftables");
	if (o->firewall == FIREWALL_IPTABLES && o->chain != NULL &&
	    strlen(o->chain) > BACKEND_IPTABLES_CHAIN_MAX)
		report("--chain \"%s\": expected at most %d bytes with "
		    "--firewall iptables, as the names of ipsets begin with "
		    "it", o->chain, BACKEND_IPTABLES_CHAIN_MAX);
	if (o->firewall == FIREWALL_NFTABLES && o->table.name[0] == '\0')
		report("--table (or TABLE) is required with "
		    "--firewall nftables, for example \"inet filter\"");
	if (o->firewall != FIREWALL_NFTABLES && o->table.name[0] != '\0')
		report("--table (or TABLE): only with --firewall nftables");
	if (o->firewall == FIREWALL_NONE &&
	    (o->hold_live || o->kill_connections))
		report("--hold-live and --kill-connections: not with "
		    "--firewall none");
	if (o->max_rule_time < o->min_rule_time)
		report("--max-rule-time \"%u\": expected at least "
		    "--min-rule-time, which is %u", o->max_rule_time,
		    o->min_rule_time);
}

void
options_parse(struct options *o, int argc, char **argv)
{
	static const struct host loopback = {
		.addr = { .family = ADDR_V4, .bytes = { 127, 0, 0, 53 } }
	};

	help_or_version(argc, argv);
	*o = (struct options){
		.upstream_port = 53, .bind_port = 537, .timeout = 10,
		.min_rule_time = 5, .max_rule_time = SECONDS_MAX,
		.max_connections = 10000, .max_grants = 65536, .workers = 1,
		.proxy_user = PROXY_USER, .priv_user = PRIV_USER
	};
	from_command_line(o, argc, argv);
	from_environment(o);
	if (o->config != NULL)
		from_file(o);
	if (o->binds.n == 0)
		o->binds.at[o->binds.n++] = loopback;
	if (!failed)
		check(o);
	if (failed)
		usage_exit();
}
