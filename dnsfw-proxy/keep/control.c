/* The control socket. */
#include "control.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "asker.h"
#include "clock.h"
#include "conf.h"
#include "controlmsg.h"
#include "controlplaces.h"
#include "controlsock.h"
#include "policy.h"

#define ACCEPT_AGAIN	(CLOCK_SECOND / 10)	/* when none could be had */

static struct asker askers[CONTROL_ASKERS];
static bool is_open;
static uint64_t accept_at;		/* ns: not before */

void
control_open(void)
{
	size_t i;

	for (i = 0; i < CONTROL_ASKERS; i++)
		askers[i].fd = -1;
	asker_begin();
	is_open = conf->control[0] != '\0' &&
	    controlsock_open(conf->control, conf->control_gid, CONTROL_ASKERS);
}

/* --- askers --- */

static void
list_places(struct controlplace places[CONTROL_ASKERS])
{
	size_t i;

	for (i = 0; i < CONTROL_ASKERS; i++)
		places[i] = (struct controlplace){
		    .taken = askers[i].fd != -1, .uid = askers[i].uid,
		    .deadline = askers[i].deadline };
}

/* A place for one more of that user, whoever has it until now; or NULL. */
static struct asker *
give_place(uid_t uid)
{
	struct controlplace places[CONTROL_ASKERS];
	size_t i;

	list_places(places);
	i = controlplaces_for(places, CONTROL_ASKERS, uid);
	if (i == CONTROL_ASKERS)
		return (NULL);
	if (askers[i].fd != -1)
		asker_drop(&askers[i]);
	return (&askers[i]);
}

static void
take_asker(void)
{
	struct asker *a = NULL;
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd;

	fd = accept4(KEEP_FD_CONTROL, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno != EAGAIN && errno != ECONNABORTED)
			accept_at = clock_now() + ACCEPT_AGAIN;
		return;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		a = give_place(cred.uid);
	if (a == NULL) {
		close(fd);
		return;
	}
	*a = (struct asker){ .fd = fd, .uid = cred.uid };
	asker_progress(a);
}

/* --- questions --- */

static void
take_question(struct asker *a)
{
	uint8_t buf[sizeof(struct control_ask) + 1];
	struct control_ask ask;
	ssize_t n = recv(a->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n == -1 && errno == EAGAIN)
		return;
	if (n <= 0) {
		asker_drop(a);
		return;
	}
	a->count = a->cursor = 0;
	a->told = 0;
	a->list = policy_generation();
	a->code = CONTROL_OK;
	asker_progress(a);
	if (!control_ask_decode(buf, (size_t)n, &ask)) {
		asker_end(a, CONTROL_BAD);
		return;
	}
	if ((ask.what == CONTROL_RELOAD || ask.what == CONTROL_REVOKE) &&
	    a->uid != 0) {
		asker_end(a, CONTROL_DENIED);
		return;
	}
	a->what = ask.what;
	a->client.family = ask.family;
	memcpy(a->client.bytes, ask.client, sizeof(a->client.bytes));
	if (a->what == CONTROL_RELOAD)
		policy_reload();
}

/* --- a turn --- */

void
control_poll(struct pollfd *fds)
{
	struct controlplace places[CONTROL_ASKERS];
	size_t i;

	list_places(places);
	fds[0] = (struct pollfd){ .events = POLLIN,
	    .fd = is_open && controlplaces_left(places, CONTROL_ASKERS) &&
	    clock_now() >= accept_at ? KEEP_FD_CONTROL : -1 };
	for (i = 0; i < CONTROL_ASKERS; i++)
		fds[1 + i] = (struct pollfd){ .fd = askers[i].fd,
		    .events = asker_awaits(&askers[i]) };
}

int
control_wait(void)
{
	uint64_t now = clock_now(), soonest = UINT64_MAX;
	size_t i;

	if (accept_at > now)
		soonest = accept_at;
	for (i = 0; i < CONTROL_ASKERS; i++)
		if (askers[i].fd != -1 && askers[i].deadline < soonest)
			soonest = askers[i].deadline;
	if (soonest == UINT64_MAX)
		return (-1);
	return (soonest <= now ? 0 :
	    (int)((soonest - now) / (CLOCK_SECOND / 1000)) + 1);
}

/* Returns true if grants were revoked. */
static bool
asker_step(struct asker *a, short revents)
{
	if (a->fd == -1)
		return (false);
	if (a->what == 0 && revents != 0)
		take_question(a);
	else if ((revents & (POLLERR | POLLHUP)) != 0)
		asker_drop(a);
	else if (a->what == CONTROL_RELOAD || revents != 0)
		return (asker_answer(a));
	else if (clock_now() >= a->deadline)
		asker_drop(a);
	return (false);
}

static size_t first;			/* asker of the next turn */

bool
control_step(const struct pollfd *fds)
{
	bool revoked = false;
	size_t i, at;

	asker_turn();
	/* Each in turn is the first who may use them up. */
	for (i = 0; i < CONTROL_ASKERS; i++) {
		at = (first + i) % CONTROL_ASKERS;
		revoked |= asker_step(&askers[at], fds[1 + at].revents);
	}
	first = (first + 1) % CONTROL_ASKERS;
	if (fds[0].revents != 0)
		take_asker();
	return (revoked);
}
