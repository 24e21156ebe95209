/* Options: one table, and three places where a value can stand. */
#include "options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "log.h"

#define NAME_MAX_LEN	32
#define SECONDS_MAX	2147483
#define VALUE_SHOWN	200	/* octets of one that is wrong */
#define IPTABLES_CHAIN_MAX 14	/* bytes: names of ipsets begin with it */

struct option_def {
	const char	*name;
	const char	*arg;		/* NULL: a flag, "yes" or "no" */
	value_fn	*type;
	size_t		 place;		/* in struct options, as type wants it */
	struct value_rule bounds;
	const char	*preset;	/* what it is, if nobody sets it */
	const char	*help;
};

#define P(name)		offsetof(struct options, name)
#define USER(role)	P(keep.users[role].name), { 0, KEEPCONF_USER_MAX, NULL }
#define ANY		{ 0, 0, NULL }
#define NO_YES		{ 0, 0, "no yes" }

/* All that there is of an option; --help, the names of variables and the
 * manual's list (a test compares) come from it. */
static const struct option_def defs[] = {
	{ "acl-file", "FILE", value_text, P(keep.acl_path),
	    { 0, KEEPCONF_PATH_MAX, NULL }, NULL, "access control list (required)" },
	{ "upstream", "ADDRESS", value_hosts, P(keep.upstreams),
	    { 0, MSG_UPSTREAMS_MAX, "--upstream-port" }, NULL,
	    "DNS server to ask (required; list)" },
	{ "upstream-port", "PORT", value_number, P(keep.upstream_port),
	    { 1, 65535, NULL }, "53", "its port" },
	{ "upstream-transport", "WAY", value_word, P(worker.upstream_tcp),
	    { 0, 0, "udp tcp" }, "udp", "udp, or tcp for all queries" },
	{ "randomize-case", NULL, value_word, P(worker.randomize_case), NO_YES,
	    NULL, "mix the letter case of what is asked" },
	{ "bind", "ADDRESS", value_hosts, P(keep.binds),
	    { 0, MSG_BINDS_MAX, "--bind-port" }, "127.0.0.53",
	    "address to listen on (list)" },
	{ "bind-port", "PORT", value_number, P(keep.bind_port),
	    { 1, 65535, NULL }, "537", "port to listen on" },
	{ "timeout", "SECONDS", value_number, P(worker.timeout),
	    { 1, 3600, NULL }, "10", "for the upstream and idle clients" },
	{ "min-rule-time", "SECONDS", value_number, P(keep.min_rule_time),
	    { 1, SECONDS_MAX, NULL }, "5", "shortest life of a grant" },
	{ "max-rule-time", "SECONDS", value_number, P(keep.max_rule_time),
	    { 1, SECONDS_MAX, NULL }, "86400", "longest life of a grant" },
	{ "firewall", "BACKEND", value_word, P(keep.firewall),
	    { KEEPCONF_NONE, 0, "none iptables nftables" }, NULL,
	    "none, iptables or nftables (required)" },
	{ "chain", "NAME", value_chain, P(keep.chain), ANY, NULL,
	    "chain for the accept rules" },
	{ "table", "\"FAMILY NAME\"", value_table, P(keep.table), ANY, NULL,
	    "table of the chain (nftables)" },
	{ "client-net", "CIDR", value_nets, P(worker.client_nets),
	    ANY, NULL, "clients that are answered [any] (list)" },
	{ "deny-answer", "CIDR", value_nets, P(worker.deny_nets),
	    ANY, NULL, "destinations never granted (list)" },
	{ "allow-answer", "CIDR", value_nets, P(worker.allow_nets),
	    ANY, NULL, "exceptions from what is never granted (list)" },
	{ "family-mismatch", "WAY", value_word, P(worker.family_filter),
	    { 0, 0, "pass filter" }, "pass",
	    "pass or filter addresses without grant" },
	{ "block-aliases", NULL, value_word, P(worker.block_aliases), NO_YES,
	    NULL, "-| counts for names that an answer leads to" },
	{ "bypass-signals", "WAY", value_word, P(worker.bypass_pass),
	    { 0, 0, "answer pass" }, "answer",
	    "answer or pass what leads around here" },
	{ "hosts", "WAY", value_word, P(keep.neighbours),
	    { 0, 0, "list neighbours" }, "list",
	    "who is one client: by the list, or neighbours" },
	{ "hold-live", NULL, value_word, P(keep.hold_live), NO_YES, NULL,
	    "grants of living connections do not end" },
	{ "kill-connections", NULL, value_word, P(keep.kill_connections),
	    NO_YES, NULL, "end those of grants that are revoked" },
	{ "workers", "N", value_number, P(keep.nworkers),
	    { 1, MSG_WORKERS_MAX, NULL }, "1", "processes that answer queries" },
	{ "max-connections", "N", value_number, P(worker.max_connections),
	    { 1, 1000000, NULL }, "10000", "requests in flight, TCP connections" },
	{ "client-rate", "N", value_number, P(worker.client_rate),
	    { 0, MSG_CLIENT_RATE_MAX, NULL }, "0",
	    "queries a second of a client; 0: any" },
	{ "max-grants", "N", value_number, P(keep.max_grants),
	    { 1, 16777216, NULL }, "65536", "live grants at most" },
	{ "refuse-with", "RCODE", value_word, P(worker.refuse_with),
	    { REFUSE_REFUSED, 0, "refused nxdomain nodata" }, "refused",
	    "refused, nxdomain or nodata" },
	{ "log-format", "FORMAT", value_word, P(worker.log_format),
	    { LOGFORMAT_TEXT, 0, "text json" }, "text",
	    "of the access log: text or json" },
	{ "log-level", "LEVEL", value_word, P(worker.log_level),
	    { LOGLEVEL_ALL, 0, "all refused none" }, "all",
	    "of the access log: all, refused or none" },
	{ "control", "PATH", value_socket, P(keep.control),
	    { 0, KEEPCONF_CONTROL_MAX, NULL }, "/run/dnsfw/control",
	    "socket for dnsfwctl, or none" },
	{ "proxy-user", "USER", value_text, USER(KEEPCONF_PROXY),
	    PROXY_USER, "user of workers and compiler" },
	{ "keeper-user", "USER", value_text, USER(KEEPCONF_KEEPER),
	    KEEPER_USER, "user of the keeper, the main process" },
	{ "priv-user", "USER", value_text, USER(KEEPCONF_HELPER),
	    PRIV_USER, "user of dnsfw-priv" },
	{ "config", "FILE", value_text, P(config),
	    { 0, KEEPCONF_PATH_MAX, NULL }, NULL, "more options, as KEY=value lines" },
	{ "audit", NULL, value_word, P(keep.audit), NO_YES, NULL,
	    "refuse nothing, and tell what would be" },
	{ "check", NULL, value_word, P(keep.check_only), NO_YES, NULL,
	    "only check the options and the list" },
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
	fputs("Try 'dnsfw --help'.\n", stderr);
	_exit(2);
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
	char why[VALUE_WHY_MAX], place[KEEPCONF_PATH_MAX + 16] = "";
	char shown[VALUE_SHOWN + 4];

	if (value[0] == '\0')
		snprintf(why, sizeof(why), "a value");
	else if (def->type((char *)o + def->place, &def->bounds, value, why))
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
	const struct option_def *d;
	char left[64];

	puts("dnsfw " DNSFW_VERSION
	    ": a DNS proxy that opens the firewall for allowed names\n\n"
	    "Usage: dnsfw --acl-file FILE --upstream ADDRESS "
	    "--firewall BACKEND [OPTION]...\n");
	for (d = defs; d < defs + NDEFS; d++) {
		snprintf(left, sizeof(left), "--%s %s", d->name,
		    d->arg == NULL ? "" : d->arg);
		printf("  %-28s %s%s%s%s\n", left, d->help,
		    d->preset == NULL ? "" : " [",
		    d->preset == NULL ? "" : d->preset,
		    d->preset == NULL ? "" : "]");
	}
	puts("  --help                       this text\n"
	    "  --version                    the version\n\n"
	    "Each option can be a variable, in the environment or the file of "
	    "--config:\n--acl-file is ACL_FILE. The command line wins over the "
	    "environment, and that over\nthe file; an empty variable counts as "
	    "not set. Lists repeat or take commas.\n"
	    "See dnsfw(8) and dnsfw.acl(5).");
	_exit(fflush(stdout) == 0 ? 0 : 1);
}

static void
help_or_version(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0)
			help();
		if (strcmp(argv[i], "--version") != 0 &&
		    strcmp(argv[i], "-V") != 0)
			continue;
		puts("dnsfw " DNSFW_VERSION);
		_exit(fflush(stdout) == 0 ? 0 : 1);
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
	if (d == NDEFS || defs[d].place == P(config))
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
from_file(struct options *o, const struct options_file *given)
{
	struct config c = { NULL, 1 };
	struct config_item item;
	const char *why;

	if (given != NULL && given->path != NULL && given->fd != -1 &&
	    strcmp(given->path, o->config) == 0)
		c.at = config_read(given->fd, &why);
	else
		c.at = config_load(o->config, &why);
	if (c.at == NULL) {
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

/* What nobody has set; a word is the first one then. */
static void
from_table(struct options *o)
{
	size_t d;

	for (d = 0; d < NDEFS; d++) {
		if (sources[d].place == UNSET && defs[d].preset != NULL)
			set(o, d, defs[d].preset);
	}
}

/* What no single option can know. */
static void
check(const struct keepconf *k)
{
	if (k->acl_path[0] == '\0')
		report("--acl-file (or ACL_FILE) is required: "
		    "the path of the access control list");
	if (k->upstreams.n == 0)
		report("--upstream (or UPSTREAM) is required: "
		    "the address of a DNS server");
	if (k->firewall == OPTIONS_UNSET)
		report("--firewall (or FIREWALL) is required: "
		    "none, iptables or nftables");
	else if (k->firewall != KEEPCONF_NONE && k->chain[0] == '\0')
		report("--chain (or CHAIN) is required with "
		    "--firewall iptables and nftables");
	if (k->firewall == KEEPCONF_IPTABLES &&
	    strlen(k->chain) > IPTABLES_CHAIN_MAX)
		report("--chain \"%s\": expected at most %d bytes with --firewall "
		    "iptables, as the names of ipsets begin with it", k->chain,
		    IPTABLES_CHAIN_MAX);
	if (k->firewall == KEEPCONF_NFTABLES && k->table.name[0] == '\0')
		report("--table (or TABLE) is required with "
		    "--firewall nftables, for example \"inet filter\"");
	if (k->firewall != KEEPCONF_NFTABLES && k->table.name[0] != '\0')
		report("--table (or TABLE): only with --firewall nftables");
	if (k->firewall == KEEPCONF_NONE && (k->hold_live || k->kill_connections))
		report("--hold-live and --kill-connections: not with "
		    "--firewall none");
	if (k->max_rule_time < k->min_rule_time)
		report("--max-rule-time \"%u\" (a day, if it is not set): "
		    "expected at least --min-rule-time, which is %u",
		    k->max_rule_time, k->min_rule_time);
}

void
options_parse(struct options *o, int argc, char **argv,
    const struct options_file *config)
{
	help_or_version(argc, argv);
	*o = (struct options){ .keep.firewall = OPTIONS_UNSET };
	from_command_line(o, argc, argv);
	from_environment(o);
	if (o->config[0] != '\0')
		from_file(o, config);
	from_table(o);
	if (!failed)
		check(&o->keep);
	if (failed)
		usage_exit();
}
