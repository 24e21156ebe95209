/*
 * dnsfwctl: what an operator asks about dnsfw.  It needs no privilege, and for
 * what files can tell no running dnsfw.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "usage.h"

static const struct command {
	const char	*name;
	ctl_command	*main;
} commands[] = {
	{ "check", check_main },
	{ "explain", explain_main },
	{ "grants", grants_main },
	{ "stats", stats_main },
	{ "reload", reload_main },
	{ "revoke", revoke_main },
};

int
main(int argc, char **argv)
{
	int status = -1;
	size_t i;

	if (argc < 2) {
		usage_print(stderr);
		return (CTL_USAGE);
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		usage_print(stdout);
		status = CTL_YES;
	} else if (strcmp(argv[1], "--version") == 0) {
		printf("dnsfwctl %s\n", DNSFW_VERSION);
		status = CTL_YES;
	}
	for (i = 0; status == -1 && i < sizeof(commands) / sizeof(commands[0]);
	    i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			status = commands[i].main(argc - 1, argv + 1);
	if (status == -1) {
		warnx("no such command: \"%s\" (dnsfwctl --help)", argv[1]);
		return (CTL_USAGE);
	}
	if (fflush(stdout) == EOF || ferror(stdout))
		err(CTL_NO, "cannot write to standard output");
	return (status);
}
