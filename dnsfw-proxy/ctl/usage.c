/* How dnsfwctl is used. */
#include "usage.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

#include "ctl.h"

#define COLUMNS	79
#define INDENT	8

const struct usage usages[] = {
	{ "check", "[--json] [--client-net NET,...]... FILE...",
	    "look a list over: all errors, and what is odd" },
	{ "explain", "[--json] [--control PATH] [--acl FILE] "
	    "[--client-net NET,...]... CLIENT NAME [TYPE] | -",
	    "what becomes of a question, by which rules, and what is open" },
	{ "why", "[--json] [--control PATH] CLIENT [NAME]",
	    "what a client was refused, or did not get, of late" },
	{ "grants", "[--json] [--control PATH] [CLIENT]",
	    "what is open, and for how long" },
	{ "rules", "[--json] [--control PATH] [--acl FILE] [--unused]",
	    "how often each rule matched, and when last" },
	{ "stats", "[--json] [--control PATH]",
	    "what is served, and how much of it" },
	{ "top", "[--json] [--control PATH] [--acl FILE] [--delay SECONDS] "
	    "[--count NUMBER]",
	    "the same and what is refused, on a live screen" },
	{ "reload", "[--json] [--control PATH]",
	    "read the list anew, and wait for the verdict (root)" },
	{ "revoke", "[--json] [--control PATH] CLIENT",
	    "take out a client's grants (root)" },
	{ "log", "[--json] [-f|--follow] [--client NET] [--name NAME] "
	    "[--kind asked|granted|resolved|refused|static|failed|audited|other,...]... "
	    "[--color auto|always|never] [FILE | -]",
	    "the access log in colour, filtered" },
	{ "metrics", "[--json] [--control PATH]",
	    "numbers for a monitoring system (OpenMetrics)" },
	{ "exporter", "[--json] [--control PATH] --listen ADDRESS:PORT",
	    "serve the same by HTTP, as /metrics" },
	{ "doctor", "[--json] [--config FILE] [--acl FILE] [--control PATH] "
	    "[--firewall none|iptables|nftables] [--table TABLE] [--chain NAME]",
	    "does anything go around dnsfw, and is it set up right" },
	{ "suggest", "[--json] [--control PATH] [--merge FILE] [--wildcards N] "
	    "[--ports PROTOCOL:PORT,...] [FILE]...",
	    "a list of what clients were seen to want" },
};

const size_t usages_count = sizeof(usages) / sizeof(usages[0]);

const char *
usage_element(const char **at, size_t *len)
{
	const char *start = *at, *end;
	/* An option that may not be left out has its value behind a blank. */
	bool is_option = start[0] == '-' && start[1] == '-';
	int depth = 0;

	if (*start == '\0')
		return (NULL);
	for (end = start; *end != '\0' && (depth > 0 || is_option ||
	    *end != ' '); end++) {
		depth += (*end == '[') - (*end == ']');
		is_option &= *end != ' ';
	}
	*len = (size_t)(end - start);
	*at = end + (*end == ' ');
	return (start);
}

void
usage_print(FILE *to)
{
	size_t i;

	fprintf(to, "usage: dnsfwctl COMMAND [ARGUMENT...]\n\n");
	for (i = 0; i < usages_count; i++)
		fprintf(to, "  %-9s %s\n", usages[i].name, usages[i].what);
	fprintf(to, "\n\"dnsfwctl COMMAND --help\" tells its arguments, "
	    "dnsfwctl(1) all.\n"
	    "Exit status: 0 yes, fine; 1 no, errors found; 2 usage.\n");
}

/* Lines of at most COLUMNS. */
static void
print_usage(FILE *to, const struct usage *u)
{
	const char *at = u->arguments, *element;
	int column = fprintf(to, "usage: dnsfwctl %s", u->name);
	size_t len;

	while ((element = usage_element(&at, &len)) != NULL) {
		if (column + 1 + (int)len > COLUMNS)
			column = fprintf(to, "\n%*s", INDENT - 1, "") - 1;
		column += fprintf(to, " %.*s", (int)len, element);
	}
	fprintf(to, "\n    %s\n", u->what);
}

void
usage_command(FILE *to, const char *command)
{
	size_t i;

	for (i = 0; i < usages_count; i++)
		if (strcmp(usages[i].name, command) == 0)
			print_usage(to, &usages[i]);
}

int
usage_wrong(const char *command)
{
	usage_command(stderr, command);
	return (CTL_USAGE);
}

/* It begins with argv[0], which is the command here. */
int
usage_option(int argc, char **argv, const char *letters,
    const struct option *options)
{
	char *command = argv[0];
	int ch;

	argv[0] = program_invocation_short_name;
	ch = getopt_long(argc, argv, letters, options, NULL);
	argv[0] = command;
	return (ch);
}
