/*
 * A client that gives dnsfw as much work as it can: many TCP connections, and on
 * each of them one message after the other that takes long to read.
 *
 *	toil NETNS SERVER stairs|labels CONNECTIONS SECONDS
 *
 * stairs: names over 126 pointers each, more than there may be (D21).  labels:
 * one pointer each, as often as may be, to a name of 126 labels.  Ends after so
 * many seconds, and prints how many messages dnsfw has taken.
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

#define CONNECTIONS_MAX	1000
#define SECONDS_MAX	60
#define MESSAGE_MAX	65535
#define RECORD		12		/* a pointer, and no rdata */
#define POINTER		0xc000
#define STAIRS		126
#define STEPS_MAX	4096

/* Length and message; what they lead to is in the first record's rdata. */
static uint8_t frame[2 + MESSAGE_MAX];
static size_t frame_len = 2;

static struct pollfd conns[CONNECTIONS_MAX];
static size_t sent[CONNECTIONS_MAX];	/* of the frame */
static unsigned int nconns, ndone;

static void
put(size_t v, size_t octets)
{
	while (octets-- > 0)
		frame[frame_len++] = (uint8_t)(v >> 8 * octets);
}

static void
put_record(size_t rdlength)
{
	put(65280, 2);
	put(1, 2);
	put(0, 4);
	put(rdlength, 2);
}

/* Pointers, each to the one before; returns where the last one is. */
static size_t
put_stairs(void)
{
	size_t i, at = 0;

	put_record(1 + 2 * STAIRS);
	put(0, 1);
	for (i = 0; i < STAIRS; i++) {
		at = frame_len - 2;
		put(POINTER | (i == 0 ? at - 1 : at - 2), 2);
	}
	return (at);
}

static size_t
put_labels(void)
{
	size_t i, at;

	put_record(2 * STAIRS + 1);
	at = frame_len - 2;
	for (i = 0; i < STAIRS; i++)
		put(0x0161, 2);
	put(0, 1);
	return (at);
}

static void
make_frame(bool stairs)
{
	size_t at, n;

	put(0x1234, 2);
	put(0x0100, 2);
	put(1, 2);
	put(0, 6);			/* the last count comes at the end */
	put(0x0161, 2);
	put(0, 1);
	put(1, 2);
	put(1, 2);
	put(0, 1);
	at = stairs ? put_stairs() : put_labels();
	for (n = 0; sizeof(frame) - frame_len >= RECORD &&
	    (stairs || n < STEPS_MAX); n++) {
		put(POINTER | at, 2);
		put_record(0);
	}
	flood_set_u16(frame, frame_len - 2);
	flood_set_u16(frame + 2 + 10, n + 1);
}

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
	make_frame(strcmp(argv[3], "stairs") == 0);
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
