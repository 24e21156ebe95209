/*
 * dnsfwctl: what an operator asks about dnsfw.  It needs no privilege, and for
 * what files can tell no running dnsfw.
 */
#include <err.h>
#include <stdbool.h>
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
	{ "why", why_main },
	{ "grants", grants_main },
	{ "rules", rules_main },
	{ "stats", stats_main },
	{ "top", top_main },
	{ "reload", reload_main },
	{ "revoke", revoke_main },
	{ "log", log_main },
	{ "metrics", metrics_main },
	{ "exporter", exporter_main },
	{ "doctor", doctor_main },
	{ "suggest", suggest_main },
};

static bool
is_help(const char *arg)
{
	return (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0);
}

static int
run(const struct command *c, int argc, char **argv)
{
	if (argc > 1 && is_help(argv[1])) {
		usage_command(stdout, c->name);
		return (CTL_YES);
	}
	return (c->main(argc, argv));
}

int
main(int argc, char **argv)
{
	int status = -1;
	size_t i;

	if (argc < 2) {
		usage_print(stderr);
		return (CTL_USAGE);
	}
	if (is_help(argv[1])) {
		usage_print(stdout);
		status = CTL_YES;
	} else if (strcmp(argv[1], "--version") == 0) {
		printf("dnsfwctl %s\n", DNSFW_VERSION);
		status = CTL_YES;
	}
	for (i = 0; status == -1 && i < sizeof(commands) / sizeof(commands[0]);
	    i++)
		if (strcmp(commands[i].name, argv[1]) == 0)
			status = run(&commands[i], argc - 1, argv + 1);
	if (status == -1) {
		warnx("no such command: \"%s\" (dnsfwctl --help)", argv[1]);
		return (CTL_USAGE);
	}
	if (fflush(stdout) == EOF || ferror(stdout))
		err(CTL_NO, "cannot write to standard output");
	return (status);
}
