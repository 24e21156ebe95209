/* Messages to the service manager. */
#include "notify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "keepconf.h"

#define MESSAGE_MAX	2048	/* bytes; systemd takes 4096 */

static bool connected;
static char last[MESSAGE_MAX];	/* that was sent */

void
notify_open(void)
{
	connected = fcntl(KEEP_FD_NOTIFY, F_GETFD) != -1;
}

bool
notify_wanted(void)
{
	return (connected);
}

/* What a manager that is slow does not take is told again at the next time. */
void
notify_alive(void)
{
	static const char text[] = "WATCHDOG=1";

	if (connected)
		(void)!write(KEEP_FD_NOTIFY, text, sizeof(text) - 1);
}

/*
 * write, as it can name no destination: no row of the filter lets this
 * descriptor reach anybody but the one that dnsfw connected it to.
 */
void
notify_send(const char *state, const char *status)
{
	char text[MESSAGE_MAX];
	size_t len;

	snprintf(text, sizeof(text), "%s%sSTATUS=%s", state == NULL ? "" :
	    state, state == NULL ? "" : "\n", status);
	len = strlen(text);
	if (connected && strcmp(text, last) != 0 &&
	    write(KEEP_FD_NOTIFY, text, len) == (ssize_t)len)
		memcpy(last, text, len + 1);
}
