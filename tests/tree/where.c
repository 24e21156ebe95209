/*
 * Instead of dnsfw-priv/start/where.c where tests are built: the other
 * programs are those of the same tree, as in the build folder, or in a copy.
 */
#include "start/where.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

/* The tree's top is above dnsfw-priv/start/dnsfw. */
static const char *
beside(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		fatal("readlink /proc/self/exe");
	self[n] = '\0';
	if (snprintf(path, PATH_MAX, "%s/%s", dirname(dirname(dirname(self))),
	    name) >= PATH_MAX)
		fatalx("the path of this program is too long");
	return (path);
}

const char *
where_proxy(void)
{
	static char path[PATH_MAX];

	return (beside("dnsfw-proxy/dnsfw-proxy", path));
}

const char *
where_helper(void)
{
	static char path[PATH_MAX];

	return (beside(HELPER_NAME, path));
}

const char *
where_stamp(void)
{
	static char path[PATH_MAX];

	return (beside("dnsfw-priv/stamp/dnsfw-stamp", path));
}
