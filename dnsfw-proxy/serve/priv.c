/* The channel to the keeper. */
#include "priv.h"

#include <event2/event.h>
#include <stdlib.h>

#include "chan.h"
#include "log.h"
#include "loop.h"


static struct event *channel, *writable;
static priv_take *take_record;
static struct loop_share share;
static bool paused;			/* for the rest of this turn */
static bool started;

void
priv_malformed(enum msg_err err)
{
	fatalx("malformed message from the keeper: %s", msg_strerror(err));
}

/* During the start it has said itself why. */
static void __attribute__((noreturn))
priv_is_gone(void)
{
	if (!started)
		exit(1);
	fatalx("the keeper died: stopping");
}

size_t
priv_receive_first(uint8_t *buf)
{
	ssize_t n = chan_recv(MSG_FD_CHANNEL, buf, NULL, 1);

	if (n <= 0)
		fatalx("no configuration from the keeper");
	return ((size_t)n);
}

static void
priv_on_readable(evutil_socket_t chan, short what, void *arg)
{
	static uint8_t buf[MSG_SIZE_MAX];
	ssize_t n;
	int fd;

	(void)what;
	(void)arg;
	loop_clock();
	while (loop_has_time(&share)) {
		n = chan_recv(chan, buf, &fd, 0);
		if (n == CHAN_AGAIN)
			return;
		if (n == CHAN_EOF)
			priv_is_gone();
		if (n == CHAN_ERROR)
			fatal("cannot receive from the keeper");
		if (n == CHAN_BAD)
			fatalx("malformed message from the keeper: truncated");
		started = true;
		if (!take_record(buf, (size_t)n, fd)) {
			event_base_loopbreak(loop.base);
			return;
		}
	}
	/*
	 * It is before the others in a turn, and may be readable for ever, as it
	 * is at its end.
	 */
	event_del(channel);
	paused = true;
}

/* The turn that this begins ends with a flush. */
static void
priv_on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

void
priv_init(priv_take *take)
{
	take_record = take;
	channel = event_new(loop.base, MSG_FD_CHANNEL, EV_READ | EV_PERSIST,
	    priv_on_readable, NULL);
	writable = event_new(loop.base, MSG_FD_CHANNEL, EV_WRITE,
	    priv_on_writable, NULL);
	/* What it says (FORGET) comes before the answers of a turn. */
	if (channel == NULL || writable == NULL ||
	    event_priority_set(channel, 0) == -1)
		fatalx("event_new");
}

void
priv_start(void)
{
	struct msg_ready ready = { .type = MSG_READY, .version = MSG_VERSION };

	if (!priv_send(&ready, sizeof(ready)))
		priv_is_gone();
	if (event_add(channel, NULL) == -1)
		fatalx("event_add");
}

void
priv_renew(void)
{
	if (!paused)
		return;
	/* It must not be forgotten, if there is no memory now. */
	paused = event_add(channel, NULL) == -1;
	if (paused)
		loop_again();
}

bool
priv_send(const void *buf, size_t len)
{
	ssize_t sent = chan_send(MSG_FD_CHANNEL, buf, len, -1);

	if (sent == CHAN_ERROR)
		fatal("cannot send to the keeper");
	if (sent == CHAN_AGAIN)
		event_add(writable, NULL);
	/* CHAN_EOF: what can be read of the channel says why. */
	return (sent > 0);
}
