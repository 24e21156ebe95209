/* A question to the keeper. */
#include "ask.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

struct ask_manner ask_manner = { .seconds = ASK_SECONDS };
char ask_said[ASK_SAID_SIZE];

/* error 0: there is none to tell of. */
static void __attribute__((format(printf, 2, 3)))
complain(int error, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(ask_said, sizeof(ask_said), format, ap);
	va_end(ap);
	if (error != 0 && n >= 0 && (size_t)n < sizeof(ask_said))
		(void)snprintf(ask_said + n, sizeof(ask_said) - (size_t)n,
		    ": %s", strerror(error));
	if (!ask_manner.quiet)
		warnx("%s", ask_said);
}

static int
open_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = ask_manner.seconds };
	int fd;

	if (strlen(path) >= sizeof(sun.sun_path)) {
		complain(0, "--control \"%s\": longer than %zu octets", path,
		    sizeof(sun.sun_path) - 1);
		return (-1);
	}
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* Whoever has all places, or stands still, is not waited for. */
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience)) == -1 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO,
	    &patience, sizeof(patience)) == -1) {
		complain(errno, "cannot ask dnsfw");
		if (fd != -1)
			close(fd);
		return (-1);
	}
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return (fd);
	if (errno == EACCES)
		complain(0, "only root and members of the group dnsfw may ask "
		    "at \"%s\"", path);
	else
		complain(errno, "no dnsfw answers at \"%s\"", path);
	close(fd);
	return (-1);
}

/* The size of an answer of that type; 0: there is none. */
static size_t
answer_size(uint8_t type)
{
	switch (type) {
	case CONTROL_END:
		return (sizeof(struct control_end));
	case CONTROL_GRANT:
		return (sizeof(struct control_grant));
	case CONTROL_STATUS:
		return (sizeof(struct control_status));
	case CONTROL_REFUSAL:
		return (sizeof(struct control_refusal));
	case CONTROL_RULE:
		return (sizeof(struct control_rule));
	case CONTROL_SEEN_NAME:
		return (sizeof(struct control_seen));
	default:
		return (0);
	}
}

/* ns; when the whole of an answer is to be there. */
static uint64_t
last_moment(void)
{
	return (ask_manner.whole ? clock_now() +
	    ask_manner.seconds * CLOCK_SECOND : UINT64_MAX);
}

/* Records up to the END. */
static int
receive(int fd, enum control_type type, ask_answer *fn, void *arg,
    struct control_end *end)
{
	static _Alignas(8) uint8_t buf[CONTROL_BATCH_MAX *
	    sizeof(struct control_seen)];
	const uint64_t end_at = last_moment();
	ssize_t n;
	size_t at, size;

	for (;;) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n <= 0 || clock_now() >= end_at) {
			complain(0, "dnsfw does not go on answering");
			return (-1);
		}
		size = answer_size(buf[0]);
		if (size == 0 || (size_t)n % size != 0 ||
		    (buf[0] != CONTROL_END && buf[0] != type)) {
			complain(0, "the running dnsfw is of another version");
			return (-1);
		}
		if (buf[0] == CONTROL_END) {
			memcpy(end, buf, sizeof(*end));
			return (0);
		}
		for (at = 0; at < (size_t)n; at += size)
			fn(arg, buf + at);
	}
}

int
ask(const char *path, enum control_what what, const struct addr *client,
    enum control_type type, ask_answer *fn, void *arg,
    struct control_end *end)
{
	struct control_ask question = { .version = CONTROL_VERSION,
	    .what = (uint8_t)what };
	int fd = open_socket(path), rc = -1;

	if (fd == -1)
		return (-1);
	if (client != NULL) {
		question.family = client->family;
		memcpy(question.client, client->bytes,
		    sizeof(question.client));
	}
	if (send(fd, &question, sizeof(question), MSG_NOSIGNAL) == -1)
		complain(errno, "cannot ask dnsfw");
	else
		rc = receive(fd, type, fn, arg, end);
	close(fd);
	return (rc);
}

const char *
ask_strcode(uint8_t code)
{
	static const char *const texts[] = {
		[CONTROL_BAD] = "the running dnsfw is of another version",
		[CONTROL_DENIED] = "only root may do that",
		[CONTROL_REJECTED] = "the list has errors: the old one stays; "
		    "dnsfwctl check and the log tell them",
		[CONTROL_UNREADABLE] = "the list cannot be opened: the old "
		    "one stays; the log says why",
		[CONTROL_UNSURE] = "the firewall may still have some: dnsfw "
		    "goes on taking them out",
		[CONTROL_CHANGED] = "the list was reloaded meanwhile: ask again",
		[CONTROL_NO_AUDIT] = "the running dnsfw observes nothing: it "
		    "has to be started with --audit"
	};

	return (code != CONTROL_OK && code < CONTROL_CODE_END ? texts[code] :
	    "the running dnsfw is of another version");
}
