/* Messages to the service manager. */
#include "notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "syscalls.h"

#define MESSAGE_MAX	2048	/* bytes; systemd takes 4096 */

static bool connected;
static char last[MESSAGE_MAX];	/* that was sent */

/* Returns -1 with errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || len >= sizeof(un.sun_path)) {
		errno = EAFNOSUPPORT;
		return (-1);
	}
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')	/* an abstract name */
		un.sun_path[0] = '\0';
	/* Nobody waits for a manager that is stuck. */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return (-1);
	if (connect(fd, (struct sockaddr *)&un,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

void
notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	int fd;

	if (path == NULL || path[0] == '\0')
		return;
	if ((fd = connect_to(path)) == -1) {
		log_warn("NOTIFY_SOCKET=\"%s\": %s; the service manager is "
		    "told nothing", path, strerrordesc_np(errno));
		return;
	}
	if (dup3(fd, FD_NOTIFY, O_CLOEXEC) == -1)
		fatal("dup3");
	close(fd);
	connected = true;
}

bool
notify_wanted(void)
{
	return (connected);
}

/*
 * write, as it can name no destination: no row of the filter lets this
 * descriptor reach anybody but the one that root connected it to.
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
	    write(FD_NOTIFY, text, len) == (ssize_t)len)
		memcpy(last, text, len + 1);
}
