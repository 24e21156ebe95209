/* A network namespace of the test's own, and commands of the shell in it. */
#ifndef NETNS_H
#define NETNS_H

#include <criterion/criterion.h>

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

/* It is gone with the test's process. */
static inline void
new_netns(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "no network namespace: %s",
	    strerror(errno));
}

static inline void
run(const char *command)
{
	cr_assert_eq(system(command), 0, "%s", command);
}

#endif
