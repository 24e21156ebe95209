/* How dnsfwctl is used. */
#include "usage.h"

#include <string.h>

#include "ctl.h"

static const struct usage {
	const char	*name, *arguments, *what;
} usages[] = {
	{ "check", "[--json] [--client-net NET]... FILE...",
	    "look a list over: all errors, and what is odd" },
	{ "explain", "[--json] [--acl FILE] CLIENT NAME [TYPE] | -",
	    "what becomes of a question, and by which rules" },
	{ "why", "[--json] [--control PATH] CLIENT [NAME]",
	    "what a client was refused, or did not get, of late" },
	{ "grants", "[--json] [--control PATH] [CLIENT]",
	    "what is open, and for how long" },
	{ "rules", "[--json] [--control PATH] [--acl FILE] [--unused]",
	    "how often each rule matched, and when last" },
	{ "stats", "[--json] [--control PATH]",
	    "what is served, and how much of it" },
	{ "reload", "[--json] [--control PATH]",
	    "read the list anew, and wait for the verdict (root)" },
	{ "revoke", "[--json] [--control PATH] CLIENT",
	    "take out a client's grants (root)" },
	{ "log", "[--json] [-f] [--client NET] [--name NAME] [--kind KIND,...]\n"
	    "           [--color WHEN] [FILE | -]",
	    "the access log in colour, filtered" },
};

#define NUSAGES	(sizeof(usages) / sizeof(usages[0]))

void
usage_print(FILE *to)
{
	size_t i;

	fprintf(to, "usage: dnsfwctl COMMAND [ARGUMENT...]\n\n");
	for (i = 0; i < NUSAGES; i++)
		fprintf(to, "  %-8s %s\n           %s\n", usages[i].name,
		    usages[i].arguments, usages[i].what);
	fprintf(to, "\nExit status: 0 yes, fine; 1 no, errors found; 2 usage.  "
	    "See dnsfwctl(1).\n");
}

void
usage_command(FILE *to, const char *command)
{
	size_t i;

	for (i = 0; i < NUSAGES; i++)
		if (strcmp(usages[i].name, command) == 0)
			fprintf(to, "usage: dnsfwctl %s %s\n", command,
			    usages[i].arguments);
}

int
usage_wrong(const char *command)
{
	usage_command(stderr, command);
	return (CTL_USAGE);
}
