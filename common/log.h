/*
 * The application log: stderr, one line an event.
 *
 * A line is "[LEVEL] text"; under systemd (JOURNAL_STREAM is set) it begins
 * with the priority prefix of sd-daemon(3), too.  A line that cannot be
 * written at once is dropped and counted, and the number is in the next line
 * that can: a reader that stalls stalls nobody.  Bytes outside printable ASCII
 * are written as \DDD, so that no argument can forge a line.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

/*
 * To be called first.  name, if not NULL, stands before each text ("proxy 1:
 * ...") and must stay valid.  Makes descriptor 2 non-blocking without touching
 * the description that others may share (a pipe or terminal is opened anew
 * through /proc; a socket is written with MSG_DONTWAIT).  Only where it cannot
 * be opened anew, the one that others share becomes non-blocking.
 */
void	log_init(const char *name);

void	log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The plural's ending: "" for 1, else "s". */
const char *log_s(uint64_t n);

/*
 * In a child that has not yet run its program: from now on the next two end it
 * by _exit, as what stdio and atexit have is the parent's.
 */
void	log_forked(void);

/* log_error and exit(1).  fatal appends ": " and the text of errno. */
void	fatal(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));
void	fatalx(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2), noreturn));

/* A limiter for one kind of event: at most one line a period. */
struct log_limit {
	uint64_t	next;		/* CLOCK_BOOTTIME ns; starts as 0 */
	uint64_t	suppressed;	/* events since the last line */
};

/*
 * True if the event may be logged now; *count then gets the number of events
 * that this line stands for (1 and those suppressed before).  now is in ns,
 * period in seconds.
 */
bool	log_allowed(struct log_limit *limit, uint64_t now, unsigned int period,
	    uint64_t *count);

/*
 * A descriptor for writing what fd refers to, in a description of its own that
 * is non-blocking; fd itself if it is a file or socket, which a write never
 * waits for (MSG_DONTWAIT), or if it cannot be opened anew: then it is made
 * non-blocking.
 */
int	log_private_fd(int fd);

#endif
