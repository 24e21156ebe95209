/*
 * A client that gives dnsfw as much work as it can: many TCP connections, and on
 * each of them one message after the other that takes long to read.
 *
 *	toil NETNS SERVER stairs|labels CONNECTIONS SECONDS
 *
 * The messages are those of tests/bench/worst.h.  Ends after so many seconds, and
 * prints how many messages dnsfw has taken.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flood_io.h"
#include "worst.h"

#define CONNECTIONS_MAX	1000
#define SECONDS_MAX	60

/* Length and message. */
static uint8_t frame[2 + WORST_MAX];
static size_t frame_len;

static struct pollfd conns[CONNECTIONS_MAX];
static size_t sent[CONNECTIONS_MAX];	/* of the frame */
static unsigned int nconns, ndone;

/* As much as goes, and what comes is of no interest. */
static void
serve(unsigned int i)
{
	static uint8_t answers[65536];
	ssize_t n;

	while ((n = recv(conns[i].fd, answers, sizeof(answers), 0)) > 0)
		;
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		errx(1, "dnsfw has closed a connection");
	n = send(conns[i].fd, frame + sent[i], frame_len - sent[i],
	    MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN && errno != EINTR)
		err(1, "send");
	if (n > 0 && (sent[i] += (size_t)n) == frame_len) {
		sent[i] = 0;
		ndone++;
	}
}

static unsigned int
number(const char *text, unsigned int max)
{
	unsigned long n = strtoul(text, NULL, 10);

	if (n == 0 || n > max)
		errx(1, "%s: not between 1 and %u", text, max);
	return ((unsigned int)n);
}

int
main(int argc, char **argv)
{
	long long end;
	unsigned int i;

	if (argc != 6)
		errx(1, "usage: toil NETNS SERVER stairs|labels CONNECTIONS "
		    "SECONDS");
	frame_len = worst_query(frame + 2, strcmp(argv[3], "stairs") == 0 ?
	    WORST_STAIRS : WORST_LABELS);
	flood_set_u16(frame, frame_len);
	frame_len += 2;
	nconns = number(argv[4], CONNECTIONS_MAX);
	flood_enter(argv[1]);
	end = flood_now() + number(argv[5], SECONDS_MAX) * 1000LL;
	for (i = 0; i < nconns; i++)
		conns[i] = (struct pollfd){ .events = POLLIN | POLLOUT,
		    .fd = flood_connected(argv[2], SOCK_STREAM) };
	while (flood_now() < end) {
		if (poll(conns, nconns, 100) == -1)
			err(1, "poll");
		for (i = 0; i < nconns; i++)
			if (conns[i].revents != 0)
				serve(i);
	}
	printf("%u\n", ndone);
	return (0);
}
