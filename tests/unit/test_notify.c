/* What the service manager hears (O1). */
#include <criterion/criterion.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notify.h"

static int manager;

/* Bind a socket to an abstract name, which needs no directory. */
static void
set_up(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t);
	char name[16];

	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(manager, (struct sockaddr *)&un, len), 0);
	len = sizeof(un);
	cr_assert_eq(getsockname(manager, (struct sockaddr *)&un, &len), 0);
	/* The kernel chose five digits. */
	snprintf(name, sizeof(name), "@%.5s", un.sun_path + 1);
	cr_assert_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
	notify_open();
}

TestSuite(notify, .init = set_up);

/* The next message, or "". */
static const char *
heard(void)
{
	static char text[4096];
	ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

	cr_assert(n >= 0 || errno == EAGAIN);
	text[n > 0 ? n : 0] = '\0';
	return (text);
}

Test(notify, O1_state_and_status)
{
	cr_assert(notify_wanted());
	notify_send(NULL, "waiting");
	cr_assert_str_eq(heard(), "STATUS=waiting");
	notify_send("READY=1", "serving");
	cr_assert_str_eq(heard(), "READY=1\nSTATUS=serving");
}

Test(notify, O1_what_was_told_is_not_told_again)
{
	notify_send("READY=1", "a");
	notify_send("READY=1", "a");
	notify_send("READY=1", "b");
	notify_send("READY=1", "a");
	cr_assert_str_eq(heard(), "READY=1\nSTATUS=a");
	cr_assert_str_eq(heard(), "READY=1\nSTATUS=b");
	cr_assert_str_eq(heard(), "READY=1\nSTATUS=a");
	cr_assert_str_eq(heard(), "");
}

Test(notify, O1_what_was_not_sent_is_sent_later)
{
	char status[16];
	unsigned int i;

	/* More than the manager's queue takes. */
	for (i = 0; i < 10000; i++) {
		snprintf(status, sizeof(status), "%u", i);
		notify_send("READY=1", status);
	}
	while (heard()[0] != '\0')
		;
	notify_send("READY=1", status);
	cr_assert_str_eq(heard(), "READY=1\nSTATUS=9999");
}

Test(no_manager, O1_nobody_is_told)
{
	unsetenv("NOTIFY_SOCKET");
	notify_open();
	cr_assert(!notify_wanted());
	notify_send("READY=1", "nobody hears");
}
