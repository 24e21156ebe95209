/* The application log, as its reader sees it. */
#include <criterion/criterion.h>

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

#define LONGEST	2048		/* bytes of a line */

static int reader = -1;
static int saved_stderr = -1;
static char text[1 << 20];

/* From here on descriptor 2 is a pipe that the test reads. */
static void
start_log(const char *name, const char *journal)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	saved_stderr = dup(STDERR_FILENO);
	cr_assert_neq(dup2(fds[1], STDERR_FILENO), -1);
	close(fds[1]);
	reader = fds[0];
	cr_assert_neq(fcntl(reader, F_SETFL, O_NONBLOCK), -1);
	if (journal != NULL)
		setenv("JOURNAL_STREAM", journal, 1);
	else
		unsetenv("JOURNAL_STREAM");
	log_init(name);
}

/* All that is there now. */
static const char *
logged(void)
{
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && (n = read(reader, text + len,
	    sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return (text);
}

Test(log, levels)
{
	start_log(NULL, NULL);
	log_info("one %d", 1);
	log_warn("two %s", "2");
	log_error("three");
	cr_assert_str_eq(logged(),
	    "[INFO ] one 1\n[WARN ] two 2\n[ERROR] three\n");
}

Test(log, name_and_priority_prefix)
{
	start_log("proxy 1", "8:12345");
	log_info("a");
	log_warn("b");
	log_error("c");
	cr_assert_str_eq(logged(), "<6>[INFO ] proxy 1: a\n"
	    "<4>[WARN ] proxy 1: b\n<3>[ERROR] proxy 1: c\n");
}

/* Every byte that an argument can have. */
Test(log, no_byte_forges_a_line)
{
	char one[2] = { 0, 0 }, want[64];
	unsigned int c;

	start_log(NULL, NULL);
	for (c = 1; c < 256; c++) {
		one[0] = (char)c;
		log_info("<%s>", one);
		if (c >= 0x20 && c <= 0x7e)
			snprintf(want, sizeof(want), "[INFO ] <%c>\n", (int)c);
		else
			snprintf(want, sizeof(want), "[INFO ] <\\%03u>\n", c);
		cr_assert_str_eq(logged(), want);
	}
	log_info("a\n[ERROR] forged\x1b[2J");
	cr_assert_str_eq(logged(),
	    "[INFO ] a\\010[ERROR] forged\\027[2J\n");
}

/* Long lines are cut, by whole escapes, and stay one line each. */
Test(log, long_lines_are_cut)
{
	static char longer[3 * LONGEST];
	static const char *const units[] = { "x", "\t", "xy\n" };
	size_t u, i, len;
	const char *line;

	start_log(NULL, NULL);
	for (u = 0; u < 3; u++) {
		for (i = 0; i < sizeof(longer) - 1; i++)
			longer[i] = units[u][i % strlen(units[u])];
		log_info("%s", longer);
		line = logged();
		len = strlen(line);
		cr_assert_leq(len, LONGEST);
		cr_assert_gt(len, LONGEST - 8);
		cr_assert_eq(strchr(line, '\n'), line + len - 1);
		/* No escape lacks its digits. */
		for (i = 0; i < len; i++)
			cr_assert(line[i] != '\\' || strspn(line + i + 1,
			    "0123456789") >= 3);
	}
	log_info("next");
	cr_assert_str_eq(logged(), "[INFO ] next\n");
}

Test(log, others_description_stays_blocking)
{
	start_log(NULL, NULL);
	cr_assert_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	log_info("x");
	cr_assert_eq(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

Test(log, private_description_of_a_pipe_only)
{
	char path[] = "/tmp/dnsfw-test.XXXXXX";
	int fds[2], file, own;

	cr_assert_eq(pipe(fds), 0);
	own = log_private_fd(fds[1]);
	cr_assert_neq(own, fds[1]);
	cr_assert(fcntl(own, F_GETFL) & O_NONBLOCK);
	cr_assert(fcntl(own, F_GETFD) & FD_CLOEXEC);
	cr_assert_eq(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	cr_assert_neq(file = mkstemp(path), -1);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(log_private_fd(file), file);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_eq(log_private_fd(fds[0]), fds[0]);
	cr_assert_eq(log_private_fd(-1), -1);
}

/* What cannot be opened anew becomes non-blocking itself, and stays as it is. */
Test(log, pipe_where_proc_is_missing, .timeout = 10)
{
	char path[] = "/tmp/dnsfw-test.XXXXXX";
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_neq(fcntl(fds[1], F_SETFL, O_APPEND), -1);
	cr_assert_neq(mkdtemp(path), NULL);
	cr_assert_eq(chdir(path), 0);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(chroot("."), 0);
	cr_assert_eq(log_private_fd(fds[1]), fds[1]);
	cr_assert_eq(fcntl(fds[1], F_GETFL), O_WRONLY | O_APPEND | O_NONBLOCK);
	while (write(fds[1], path, sizeof(path)) != -1)
		;
	cr_assert_eq(errno, EAGAIN);
}

static unsigned int
count_lines(const char *what)
{
	const char *line;
	unsigned int n = 0;

	for (line = what; (line = strchr(line, '\n')) != NULL; line++)
		n++;
	return (n);
}

/* A reader that stalls: nobody waits, and each lost line is counted. */
Test(log, stalled_reader_loses_lines_that_are_counted, .timeout = 10)
{
	unsigned int i, arrived;
	char want[128];

	start_log("x", "8:1");
	cr_assert_neq(fcntl(reader, F_SETPIPE_SZ, 4096), -1);
	for (i = 0; i < 1000; i++)
		log_info("line %u", i);
	arrived = count_lines(logged());
	cr_assert_gt(arrived, 0);
	cr_assert_lt(arrived, 1000);
	log_error("after");
	snprintf(want, sizeof(want), "<4>[WARN ] x: %u log lines dropped\n"
	    "<3>[ERROR] x: after\n", 1000 - arrived);
	cr_assert_str_eq(logged(), want);
	log_info("again");
	cr_assert_str_eq(logged(), "<6>[INFO ] x: again\n");
}

/* A socket, as systemd has it; it stays without O_NONBLOCK. */
Test(log, stalled_socket_loses_lines_that_are_counted, .timeout = 10)
{
	unsigned int i, arrived;
	char want[128];
	int pair[2];

	start_log(NULL, NULL);
	close(reader);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_neq(dup2(pair[1], STDERR_FILENO), -1);
	close(pair[1]);
	reader = pair[0];
	cr_assert_neq(fcntl(reader, F_SETFL, O_NONBLOCK), -1);
	log_init(NULL);
	for (i = 0; i < 20000; i++)
		log_info("line %u", i);
	arrived = count_lines(logged());
	cr_assert_gt(arrived, 0);
	cr_assert_lt(arrived, 20000);
	log_info("after");
	snprintf(want, sizeof(want), "[WARN ] %u log lines dropped\n"
	    "[INFO ] after\n", 20000 - arrived);
	cr_assert_str_eq(logged(), want);
}

Test(log, reader_that_is_gone_ends_nobody)
{
	int fds[2];

	start_log(NULL, NULL);
	close(reader);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	cr_assert_neq(dup2(fds[1], STDERR_FILENO), -1);
	close(fds[0]);
	close(fds[1]);
	log_init(NULL);
	log_info("into the void");	/* no SIGPIPE */
}

/*
 * A child ends by fatal() or fatalx(), after this line.  A sanitizer may have
 * something to say behind it.
 */
static void
check_fatal(int error, const char *line)
{
	int status;
	pid_t pid;

	cr_assert_neq(pid = fork(), -1);
	if (pid == 0) {
		errno = error;
		if (error == 0)
			fatalx("%s", "bad\nthing");
		fatal("open %s", "/x");
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 1);
	cr_assert_eq(strncmp(logged(), line, strlen(line)), 0, "%s", text);
}

Test(log, fatal_ends_with_status_1)
{
	start_log(NULL, NULL);
	check_fatal(0, "[ERROR] bad\\010thing\n");
	check_fatal(ENOENT, "[ERROR] open /x: No such file or directory\n");
	check_fatal(99999, "[ERROR] open /x: unknown error\n");
}

Test(log, limiter_counts_what_it_holds_back)
{
	struct log_limit limit = { 0, 0 };
	const uint64_t start = 5 * CLOCK_SECOND, period = 60 * CLOCK_SECOND;
	uint64_t count = 99;
	unsigned int i;

	cr_assert(log_allowed(&limit, start, 60, &count));
	cr_assert_eq(count, 1);
	for (i = 0; i < 10; i++) {
		count = 99;
		cr_assert_not(log_allowed(&limit, start + i, 60, &count));
		cr_assert_eq(count, 99);
	}
	cr_assert_not(log_allowed(&limit, start + period - 1, 60, &count));
	cr_assert(log_allowed(&limit, start + period, 60, &count));
	cr_assert_eq(count, 12);
	cr_assert(log_allowed(&limit, start + 2 * period, 60, &count));
	cr_assert_eq(count, 1);
}

static void
end_of_the_parent(void)
{
	_exit(7);
}

/* What is registered for the parent's end is not done at the child's. */
Test(log, fatal_of_a_child_that_was_forked)
{
	int status, i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		cr_assert_neq(pid = fork(), -1);
		if (pid == 0) {
			close(STDERR_FILENO);
			cr_assert_eq(atexit(end_of_the_parent), 0);
			if (i == 1)
				log_forked();
			fatalx("x");
		}
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFEXITED(status));
		cr_assert_eq(WEXITSTATUS(status), i == 0 ? 7 : 1);
	}
}
