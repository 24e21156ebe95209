/* $WATCHDOG_USEC, and whose it is (O3). */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "options/watchdog.h"

static uint32_t
watchdog_of(const char *usec, const char *pid)
{
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	if (usec != NULL)
		setenv("WATCHDOG_USEC", usec, 1);
	if (pid != NULL)
		setenv("WATCHDOG_PID", pid, 1);
	return (watchdog_read());
}

Test(watchdog, O3_how_often_the_service_manager_wants_to_hear)
{
	char parent[20], other[20];

	snprintf(parent, sizeof(parent), "%d", (int)getppid());
	snprintf(other, sizeof(other), "%d", (int)getpid());
	cr_expect_eq(watchdog_of(NULL, NULL), 0);
	cr_expect_eq(watchdog_of(NULL, parent), 0);
	cr_expect_eq(watchdog_of("60000000", parent), 60000);
	cr_expect_eq(watchdog_of("60000000", NULL), 60000);
	cr_expect_eq(watchdog_of("60000000", other), 0, "another's");
	cr_expect_eq(watchdog_of("60000000", "x"), 0);
	cr_expect_eq(watchdog_of("100000", parent), 100, "the least");
	cr_expect_eq(watchdog_of("4294967295000", parent), UINT32_MAX, "the most");
}

Test(watchdog, O3_a_number_that_cannot_be)
{
	static const char *const bad[] = { "", "0", "99999", "4294967295001",
	    "-60000000", "60s", "60000000s", "18446744073709551616", "x" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(watchdog_of(bad[i], NULL), 0, "%s", bad[i]);
}
