/* The routes of this host, of all tables. */
#include "routes.h"

#include <net/if.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

#define TO_MAX	64

/* One with several ways has a line for each, which begins with a blank. */
static void
read_route(const char *line, char to[TO_MAX], route_fn *fn, void *arg)
{
	const char *dev = strstr(line, " dev ");
	char name[IFNAMSIZ];
	size_t len;

	if (line[0] != ' ' && line[0] != '\t')
		snprintf(to, TO_MAX, "%.*s", (int)strcspn(line, " "), line);
	if (dev == NULL)
		return;
	dev += strlen(" dev ");
	len = strcspn(dev, " ");
	snprintf(name, sizeof(name), "%.*s", (int)(len < IFNAMSIZ ? len :
	    IFNAMSIZ - 1), dev);
	if (strcmp(name, "lo") != 0)
		fn(arg, to, name);
}

static void
read_family(const char *family, route_fn *fn, void *arg)
{
	const char *args[] = { family, "route", "show", "table", "all", NULL };
	char to[TO_MAX] = "", *text, *line, *rest;
	size_t len;

	if (run_program("ip", args, &text, &len) != RUN_DONE)
		return;
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		read_route(line, to, fn, arg);
	free(text);
}

void
routes_each(route_fn *fn, void *arg)
{
	read_family("-4", fn, arg);
	read_family("-6", fn, arg);
}
