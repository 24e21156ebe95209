/* The access log, as its reader sees it; the lines' text is in tests/e2e. */
#include <criterion/criterion.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "serve/accesslog.h"
#include "serve/loop.h"
#include "serve/policy.h"
#include "serve/settings.h"
#include "serve/upstream.h"

#define MS		(CLOCK_SECOND / 1000)
#define BUFFER		(64 * 1024)	/* bytes that are kept for a reader */
#define SMALLEST	4608		/* bytes of a socket's buffer */

struct loop loop;
struct settings settings;
struct policy policy;

static int reader = -1, warnings = -1;
static unsigned int lines_written;
static char text[1 << 22];

void
loop_clock(void)
{
	loop.now = clock_now();
}

const char *
upstream_name(size_t i)
{
	(void)i;
	return ("192.0.2.53");
}

/* Descriptor 1 is out from here on, and 2 a pipe that the test reads. */
static void
start(int in, int out)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_neq(dup2(fds[1], STDERR_FILENO), -1);
	warnings = fds[0];
	cr_assert_neq(fcntl(warnings, F_SETFL, O_NONBLOCK), -1);
	unsetenv("JOURNAL_STREAM");
	log_init(NULL);
	cr_assert_neq(dup2(out, STDOUT_FILENO), -1);
	reader = in;
	if (reader != -1)
		cr_assert_neq(fcntl(reader, F_SETFL, O_NONBLOCK), -1);
	loop.base = event_base_new();
	loop.now = 1000 * CLOCK_SECOND;
	access_init();
}

static void
start_pipe(int capacity)
{
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	cr_assert_neq(fcntl(fds[1], F_SETPIPE_SZ, capacity), -1);
	start(fds[0], fds[1]);
}

static void
start_socket(int size)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	cr_assert_eq(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)), 0);
	start(pair[0], pair[1]);
}

/* All that is there now. */
static size_t
take(int fd)
{
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && (n = read(fd, text + len,
	    sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	return (len);
}

static unsigned int
count_lines(void)
{
	const char *line;
	unsigned int n = 0;

	for (line = text; (line = strchr(line, '\n')) != NULL; line++)
		n++;
	return (n);
}

/* A line with a number; extra makes its length vary, and some very long. */
static void
add_line(unsigned int extra)
{
	static char reason[4000];
	const struct request r = {
		.client = { .family = ADDR_V4, .bytes = { 10, 66, 1, 2 } },
		.dns = { .id = (uint16_t)lines_written },
		.since = loop.now,
		.upstream = REQUEST_NOBODY
	};

	memset(reason, 'x', sizeof(reason) - 1);
	snprintf(reason, sizeof(reason), "%u ", lines_written++);
	reason[strlen(reason)] = 'x';
	reason[20 + extra] = '\0';
	access_bad_query(&r, ACCESS_NONE, reason);
}

static void
turn(uint64_t later)
{
	loop.now += later;
	access_turn();
}

/* --- hosts (U11) --- */

/* Who may connect is the client; who asked for that is told beside it. */
Test(accesslog, U11_a_grant_to_another_address_of_the_host)
{
	const struct request r = {
		.client = { .family = ADDR_V4, .bytes = { 10, 66, 1, 2 } },
		.dns = { .id = 7 }, .since = loop.now,
		.upstream = REQUEST_NOBODY
	};
	const struct addr other = { .family = ADDR_V6,
	    .bytes = { 0xfd, [15] = 2 } };
	const struct acl_port port = { .proto = IPPROTO_TCP, .port = 443 };

	settings.config.log_format = LOGFORMAT_JSON;
	start_pipe(4096);
	access_grant(&r, &other, &other, &port, 60);
	access_grant(&r, &r.client, &other, &port, 60);
	access_flush();
	take(reader);
	cr_assert_not_null(strstr(text, "\"event\":\"grant\",\"client\":"
	    "\"fd00::2\",\"id\":7"));
	cr_assert_not_null(strstr(text, ",\"asked_by\":\"10.66.1.2\","
	    "\"address\":\"fd00::2\""));
	cr_assert_not_null(strstr(text, "\"client\":\"10.66.1.2\""));
	cr_assert_eq(strstr(strstr(text, "asked_by") + 1, "asked_by"), NULL);
}

/* --- when lines are written --- */

Test(accesslog, lines_of_a_millisecond_are_written_together)
{
	unsigned int i;

	start_pipe(4096);
	for (i = 0; i < 10; i++) {
		add_line(0);
		turn(MS / 10 - 1);
		cr_assert_eq(take(reader), 0, "%u", i);
	}
	turn(MS - (10 * (MS / 10 - 1) - (MS / 10 - 1)) - 1);
	cr_assert_eq(take(reader), 0);
	turn(1);
	take(reader);
	cr_assert_eq(count_lines(), 10);
	/* And the next one begins anew. */
	add_line(0);
	turn(5 * MS);
	cr_assert_eq(take(reader), 0);
	turn(MS);
	take(reader);
	cr_assert_eq(count_lines(), 1);
}

/*
 * Within a tenth of a second, but a tick of the kernel (most often HZ is 250 or
 * more) comes first.  Events have times of the wall clock.
 */
static int
is_soon(const struct event_base *base, const struct event *event, void *arg)
{
	static const struct timeval tenth = { .tv_usec = 100000 },
	    tick = { .tv_usec = 4000 };
	struct timeval now, due, since = *(struct timeval *)arg;

	(void)base;
	gettimeofday(&now, NULL);
	evutil_timeradd(&now, &tenth, &now);
	evutil_timeradd(&since, &tick, &since);
	return (event_pending(event, EV_TIMEOUT, &due) == EV_TIMEOUT &&
	    evutil_timercmp(&due, &now, <) && evutil_timercmp(&due, &since, >));
}

Test(accesslog, an_idle_loop_writes_soon, .timeout = 60)
{
	struct timeval since;

	start_pipe(4096);
	loop_clock();
	gettimeofday(&since, NULL);
	add_line(0);
	access_turn();
	cr_assert(event_base_foreach_event(loop.base, is_soon, &since));
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 0);
	take(reader);
	cr_assert_eq(count_lines(), 1);
	/* Nothing is left to be done. */
	cr_assert_eq(event_base_get_num_events(loop.base,
	    EVENT_BASE_COUNT_ADDED), 0);
}

Test(accesslog, a_flush_writes_at_once_and_ends_the_wait)
{
	start_pipe(4096);
	add_line(0);
	access_turn();
	cr_assert_eq(take(reader), 0);
	access_flush();
	take(reader);
	cr_assert_eq(count_lines(), 1);
	cr_assert_eq(event_base_get_num_events(loop.base,
	    EVENT_BASE_COUNT_ADDED), 0);
}

Test(accesslog, a_full_buffer_is_written_within_the_turn)
{
	unsigned int i;

	start_pipe(1 << 20);
	for (i = 0; i < 10000; i++)
		add_line(0);
	access_flush();
	take(reader);
	cr_assert_eq(count_lines(), 10000);
	cr_assert_eq(take(warnings), 0);
}

/* Once it took nothing, a reader that stalls costs no call a turn. */
Test(accesslog, a_stalled_reader_is_tried_once_a_millisecond)
{
	unsigned int i, had;

	start_pipe(4096);
	for (i = 0; i < 400; i++)
		add_line(0);
	access_flush();
	/* No timer: only a reader that takes something, or another turn. */
	cr_assert_eq(event_base_get_num_events(loop.base,
	    EVENT_BASE_COUNT_ADDED), 1);
	take(reader);
	had = count_lines();
	turn(MS - 1);
	cr_assert_eq(take(reader), 0);
	turn(1);
	take(reader);
	cr_assert_gt(count_lines(), 0);
	cr_assert_lt(had + count_lines(), 400);
	cr_assert_eq(event_base_get_num_events(loop.base,
	    EVENT_BASE_COUNT_ADDED), 1);
	/* The loop says that there is room, at any time. */
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 0);
	cr_assert_gt(take(reader), 0);
}

Test(accesslog, the_time_is_that_of_the_turn)
{
	const char *first, *second;
	uint64_t now;

	settings.config.log_format = LOGFORMAT_JSON;
	start_pipe(4096);
	add_line(0);
	access_turn();
	for (now = clock_now(); clock_now() < now + 2 * MS;)
		;
	add_line(0);
	access_flush();
	take(reader);
	first = strstr(text, "\"time\"");
	second = strstr(first + 1, "\"time\"");
	cr_assert_neq(strncmp(first, second, strlen(
	    "\"time\":\"2026-11-28T09:05:07.042Z\"")), 0);
}

/* --- lines stay whole --- */

/* What a reader finds that is slow is whole lines, at any time. */
static void
check_whole_lines(void)
{
	unsigned int i, arrived = 0, next = 0, number;
	char *line, *end;
	size_t len;

	for (i = 0; i < 10000; i++) {
		/* Up to the longest that there are. */
		add_line(i % 7 == 0 ? 3900 : i * 37 % 300);
		if (i % 50 != 49)
			continue;
		access_flush();
		if (i % 1000 != 999)
			continue;
		len = take(reader);
		cr_assert(len == 0 || text[len - 1] == '\n', "%u", i);
		for (line = text; line < text + len; line = end + 1) {
			end = strchr(line, '\n');
			cr_assert_eq(sscanf(line, "10.66.1.2 !> [%*u] %u x",
			    &number), 1);
			cr_assert_geq(number, next);
			next = number + 1;
			arrived++;
		}
	}
	cr_assert_gt(arrived, 100);
	cr_assert_lt(arrived, 10000);
}

Test(accesslog, a_pipe_takes_whole_lines)
{
	start_pipe(1 << 16);
	check_whole_lines();
}

/* systemd has one for all workers. */
Test(accesslog, a_socket_takes_whole_lines)
{
	start_socket(1 << 16);
	check_whole_lines();
}

/* Of which the kernel gives a single line in two parts. */
Test(accesslog, a_socket_with_the_smallest_buffer_takes_whole_lines)
{
	int size;
	socklen_t len = sizeof(size);

	start_socket(1);
	cr_assert_eq(getsockopt(STDOUT_FILENO, SOL_SOCKET, SO_SNDBUF, &size,
	    &len), 0);
	cr_assert_gt(size, SMALLEST);
	check_whole_lines();
}

Test(accesslog, a_large_buffer_of_a_socket_stays)
{
	int before, size;
	socklen_t len = sizeof(size);

	start_socket(1 << 16);
	cr_assert_eq(getsockopt(STDOUT_FILENO, SOL_SOCKET, SO_SNDBUF, &before,
	    &len), 0);
	cr_assert_eq(before, 1 << 17);
}

/* --- lines that are lost --- */

/* How many lines a warning says were dropped; 0: there is none. */
static unsigned int
said(void)
{
	unsigned int n = 0;

	take(warnings);
	if (text[0] != '\0')
		cr_assert_eq(sscanf(text, "[WARN ] %u line", &n), 1);
	cr_assert_leq(count_lines(), 1);
	return (n);
}

Test(accesslog, each_lost_line_is_told_once)
{
	unsigned int i, arrived = 0, lost;

	start_pipe(4096);
	for (i = 0; i < 5000; i++)
		add_line(0);
	access_flush();
	cr_assert_eq(lost = said(), 1);
	for (; take(reader) > 0; access_flush())
		arrived += count_lines();
	/* The others at the end of the period, and never again. */
	turn(60 * CLOCK_SECOND - 1);
	cr_assert_eq(said(), 0);
	turn(1);
	cr_assert_gt(lost += said(), 1);
	cr_assert_eq(arrived + lost, 5000);
	turn(60 * CLOCK_SECOND);
	turn(60 * CLOCK_SECOND);
	cr_assert_eq(said(), 0);
}

Test(accesslog, one_lost_line_is_one)
{
	unsigned int i;

	start_pipe(4096);
	for (i = 0; said() == 0; i++) {
		add_line(0);
		turn(MS);
	}
	cr_assert_neq(strstr(text, "1 line of the access log dropped"), NULL);
}

/* The buffer holds 64 KiB, and a last line as long as any is. */
Test(accesslog, the_buffer_ends_before_its_end)
{
	unsigned int i;
	size_t len, all = 0;

	start_pipe(4096);
	for (i = 0; i < 5000; i++)
		add_line(i * 37 % 3900);
	access_flush();
	while ((len = take(reader)) > 0) {
		all += len;
		access_flush();
	}
	cr_assert_leq(all, BUFFER + 4096);
	cr_assert_geq(all, BUFFER - 4096);
}

Test(accesslog, a_reader_that_is_gone_loses_all)
{
	start_socket(1 << 16);
	close(reader);
	add_line(0);
	add_line(0);
	add_line(0);
	access_flush();
	cr_assert_eq(said(), 3);
	turn(120 * CLOCK_SECOND);
	cr_assert_eq(said(), 0);
}

Test(accesslog, a_full_disk_loses_all)
{
	int full = open("/dev/full", O_WRONLY);

	cr_assert_neq(full, -1);
	start(-1, full);
	add_line(0);
	add_line(0);
	access_flush();
	cr_assert_eq(said(), 2);
}

/* --- a write never waits --- */

/* From here on /proc is not there. */
static void
enter_empty_root(void)
{
	char path[] = "/tmp/dnsfw-test.XXXXXX";

	cr_assert_neq(mkdtemp(path), NULL);
	cr_assert_eq(chdir(path), 0);
	cr_assert_eq(rmdir(path), 0);
	cr_assert_eq(chroot("."), 0);
}

Test(accesslog, a_pipe_never_waits_where_proc_is_missing, .timeout = 10)
{
	unsigned int i;
	int fds[2];

	cr_assert_eq(pipe(fds), 0);
	enter_empty_root();
	start(fds[0], fds[1]);
	for (i = 0; i < 10000; i++)
		add_line(0);
	access_flush();
	cr_assert_gt(said(), 0);
}
