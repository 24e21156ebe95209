/* The application log. */
#include "log.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_LEN	2048	/* bytes; a longer line is cut */
#define SECOND		1000000000ULL	/* ns; clock.c is above this */

struct level {
	const char	*tag;	/* the reference's form */
	const char	*prio;	/* sd-daemon(3) */
};

static const struct level level_info = { "[INFO ] ", "<6>" };
static const struct level level_warn = { "[WARN ] ", "<4>" };
static const struct level level_error = { "[ERROR] ", "<3>" };

static const char *log_name;
static int log_fd = STDERR_FILENO;
static bool log_journal;
static uint64_t log_dropped;
static bool log_in_child;	/* what is buffered is the parent's */

int
log_private_fd(int fd)
{
	char path[32];
	struct stat st;
	int nfd;

	/*
	 * Only a pipe or a terminal needs it: a file never blocks, and
	 * opening it again would lose the shared offset.
	 */
	if (fstat(fd, &st) == -1 || (!S_ISFIFO(st.st_mode) &&
	    !S_ISCHR(st.st_mode)))
		return (fd);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	nfd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (nfd != -1)
		return (nfd);
	/* No /proc, or no right there: others notice, but nobody waits. */
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return (fd);
}

void
log_init(const char *name)
{
	log_name = name;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
	log_fd = log_private_fd(STDERR_FILENO);
}

/* Append text to line, escaping what could forge or hide one. */
static size_t
log_append(char *line, size_t pos, const char *text)
{
	const unsigned char *p;

	for (p = (const unsigned char *)text; *p != '\0'; p++) {
		if (pos + 5 >= LINE_MAX_LEN)	/* \DDD and the newline */
			break;
		if (*p >= 0x20 && *p <= 0x7e)
			line[pos++] = (char)*p;
		else {
			snprintf(line + pos, 5, "\\%03u", *p);
			pos += 4;
		}
	}
	return (pos);
}

static bool
log_put(const char *line, size_t len)
{
	ssize_t n;

	n = send(log_fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno == ENOTSOCK)
		n = write(log_fd, line, len);
	return (n == (ssize_t)len);
}

static size_t
log_begin(const struct level *level, char *line)
{
	size_t pos = 0;

	if (log_journal)
		pos = log_append(line, pos, level->prio);
	pos = log_append(line, pos, level->tag);
	if (log_name != NULL) {
		pos = log_append(line, pos, log_name);
		pos = log_append(line, pos, ": ");
	}
	return (pos);
}

static void
emit(const struct level *level, const char *text, const char *more)
{
	char line[LINE_MAX_LEN], number[64];
	size_t pos;

	if (log_dropped > 0) {
		snprintf(number, sizeof(number), "%llu log line%s dropped",
		    (unsigned long long)log_dropped, log_s(log_dropped));
		pos = log_append(line, log_begin(&level_warn, line), number);
		line[pos++] = '\n';
		if (log_put(line, pos))
			log_dropped = 0;
	}
	pos = log_begin(level, line);
	pos = log_append(line, pos, text);
	if (more != NULL) {
		pos = log_append(line, pos, ": ");
		pos = log_append(line, pos, more);
	}
	line[pos++] = '\n';
	if (!log_put(line, pos))
		log_dropped++;
}

static void __attribute__((format(printf, 3, 0)))
vlog(const struct level *level, const char *more, const char *fmt, va_list ap)
{
	char text[LINE_MAX_LEN];

	vsnprintf(text, sizeof(text), fmt, ap);
	emit(level, text, more);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(&level_info, NULL, fmt, ap);
	va_end(ap);
}

void
log_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(&level_warn, NULL, fmt, ap);
	va_end(ap);
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(&level_error, NULL, fmt, ap);
	va_end(ap);
}

const char *
log_s(uint64_t n)
{
	return (n == 1 ? "" : "s");
}

void
log_forked(void)
{
	log_in_child = true;
}

static void __attribute__((noreturn))
log_end(void)
{
	if (log_in_child)
		_exit(1);
	exit(1);
}

void
fatal(const char *fmt, ...)
{
	const char *reason = strerrordesc_np(errno);
	va_list ap;

	va_start(ap, fmt);
	vlog(&level_error, reason != NULL ? reason : "unknown error", fmt, ap);
	va_end(ap);
	log_end();
}

void
fatalx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(&level_error, NULL, fmt, ap);
	va_end(ap);
	log_end();
}

bool
log_allowed(struct log_limit *limit, uint64_t now, unsigned int period,
    uint64_t *count)
{
	if (now < limit->next) {
		limit->suppressed++;
		return (false);
	}
	*count = limit->suppressed + 1;
	limit->suppressed = 0;
	limit->next = now + period * SECOND;
	return (true);
}
