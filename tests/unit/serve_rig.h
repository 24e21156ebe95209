/*
 * The rooms that a turn of the keeper calls: each notes that it was.  To be
 * included once, by a test program.
 */
#ifndef SERVE_RIG_H
#define SERVE_RIG_H

#include <criterion/criterion.h>

#include <poll.h>
#include <string.h>

#include "keep/alive.h"
#include "keep/asked.h"
#include "keep/children.h"
#include "keep/conf.h"
#include "keep/connections.h"
#include "keep/hits.h"
#include "keep/control.h"
#include "keep/firewall.h"
#include "keep/hold.h"
#include "keep/kernel/backend.h"
#include "keep/machines.h"
#include "keep/neighbours.h"
#include "keep/notify.h"
#include "keep/own.h"
#include "keep/policy.h"
#include "keep/repair.h"
#include "keep/requests.h"
#include "keep/review.h"
#include "keep/serve.h"
#include "keep/signals.h"
#include "keep/status.h"
#include "keepconf.h"

#define CHAN	50		/* of worker 0; the next has the next one */
#define COMPILER 60

static struct keepconf the_conf = { .helper = 1 };
const struct keepconf *conf = &the_conf;
struct firewall firewall;
int signals_stop;
struct child children_compiler = { .chan = COMPILER, .log = -1 };
struct child children_workers[MSG_WORKERS_MAX] = {
	{ .chan = CHAN, .log = -1 }, { .chan = CHAN + 1, .log = -1 } };
size_t children_nworkers = 2;

/* --- what was called, a character each --- */

static char trace[1000];

static void
note(char c)
{
	size_t n = strlen(trace);

	cr_assert_lt(n, sizeof(trace) - 1);
	trace[n] = c;
}

/* --- what a test says --- */

static int readable[8];			/* descriptors, in each turn */
static size_t nreadable;
static bool writable;			/* whoever is asked about */
static unsigned int turns, turn_now, pending;
static int waited;			/* ms, of the last turn */
static struct {
	bool	events, repair, review, control;	/* return it */
	bool	busy, due, soon_done, stuck, lost, asked, neighbours;
	bool	alive;		/* is noted, too */
	bool	reviewing;	/* with something to do */
	enum own_change own;
	enum policy_event policy;
	unsigned int signals;
	int	repair_ms;
	uint8_t	families;
} say;

static bool
is_in(int fd)
{
	size_t i;

	for (i = 0; i < nreadable && readable[i] != fd; i++)
		;
	return (i < nreadable);
}

void
children_poll(struct pollfd *fds, size_t n, int ms)
{
	size_t i;

	waited = ms;
	pending = say.signals;
	note(' ');
	for (i = 0; i < n; i++) {
		fds[i].revents = fds[i].fd < 0 ? 0 :
		    (short)((is_in(fds[i].fd) ? POLLIN : 0) |
		    (writable ? fds[i].events & POLLOUT : 0));
	}
	/* It is the last one, then. */
	if (++turn_now == turns)
		signals_stop = 15;
}

/* --- the rooms --- */

void
children_send_plain(struct child *c, enum msg_type type, int fd)
{
	(void)fd;
	cr_assert_neq(c, &children_compiler);
	if (type == MSG_FORGET)
		note(c == &children_workers[0] ? 'F' : 'G');
}

static unsigned int own_records;

void
children_send(struct child *c, const void *buf, size_t len, int fd)
{
	(void)c;
	(void)buf;
	(void)len;
	(void)fd;
	own_records++;
}

void
children_look(void)
{
	note('l');
}

void
children_logs(void)
{
}

void
children_end(void)
{
}

size_t
children_receive(struct child *c, void *buf, int *fd)
{
	(void)c;
	(void)buf;
	(void)fd;
	return (0);
}

void
children_malformed(const struct child *c, const char *why)
{
	(void)c;
	cr_assert_fail("%s", why);
	abort();
}

void
policy_send(struct child *c, uint8_t f)
{
	(void)c;
	(void)f;
	note('P');
}

uint32_t
policy_rules(void)
{
	return (1);
}

uint16_t
policy_generation(void)
{
	return (0);
}

void
policy_reload(void)
{
	note('R');
}

bool
policy_due(void)
{
	return (say.due);
}

void
policy_ask(void)
{
	note('A');
}

enum policy_event
policy_receive(struct policy_checked *checked)
{
	enum policy_event event = say.policy;

	(void)checked;
	say.policy = POLICY_NOTHING;
	return (event);
}

uint32_t
ledger_count(const struct ledger *l)
{
	(void)l;
	return (0);
}

uint32_t
ledger_max(const struct ledger *l)
{
	(void)l;
	return (0);
}

uint64_t
hold_count(void)
{
	return (0);
}

int
hold_step(void)
{
	note('h');
	return (-1);
}

void
requests_log(void)
{
}

bool
requests_may(unsigned int worker)
{
	(void)worker;
	return (true);
}

void
requests_serve(unsigned int worker)
{
	note((char)('0' + worker));
}

bool
asked_waits(unsigned int worker)
{
	return (say.asked && worker == 1);
}

void
asked_tell(unsigned int worker)
{
	if (asked_waits(worker))
		note('k');
}

unsigned int
machines_count(void)
{
	return (0);
}

int
neighbours_fd(void)
{
	return (say.neighbours ? KEEP_FD_NEIGHBOURS : -1);
}

void
neighbours_read(void)
{
	note('n');
}

int
neighbours_wait(void)
{
	return (-1);
}

bool
neighbours_untold(unsigned int worker)
{
	return (say.neighbours && worker == 0);
}

void
neighbours_tell(unsigned int worker)
{
	if (neighbours_untold(worker))
		note('N');
}

unsigned int
own_count(void)
{
	return (0);
}

int
own_wait(void)
{
	return (-1);
}

size_t
own_set(const struct msg_own **first)
{
	*first = NULL;
	return (0);
}

enum own_change
own_read(void)
{
	note('o');
	return (say.own);
}

unsigned int
signals_take(void)
{
	unsigned int taken = pending;

	pending = 0;
	return (taken);
}

bool
signals_child(void)
{
	return (false);
}

void
review_begin(bool list)
{
	note(list ? 'B' : 'b');
}

void
review_checked(const struct policy_checked *c)
{
	(void)c;
	note('C');
}

bool
review_is_busy(void)
{
	return (say.busy);
}

bool
review_due(void)
{
	return (say.reviewing);
}

bool
review_step(void)
{
	note('v');
	return (say.review && turn_now > 0);
}

int
repair_wait(void)
{
	return (say.repair_ms);
}

bool
repair_soon_done(void)
{
	return (say.soon_done);
}

int
repair_fd(void)
{
	return (-1);
}

bool
repair_events(void)
{
	note('e');
	say.soon_done |= say.lost;
	return (say.events);
}

bool
repair_step(void)
{
	note('r');
	firewall.families = say.families;
	return (say.repair);
}

int
status_wait(void)
{
	return (-1);
}

void
status_step(void)
{
}

int
alive_wait(void)
{
	return (say.alive ? 77 : -1);
}

void
alive_step(void)
{
	if (say.alive)
		note('a');
}

const char *
status_scope(void)
{
	return ("");
}

void
status_tell(const char *state)
{
	(void)state;
}

const char *
status_chain(void)
{
	return ("");
}

int
control_wait(void)
{
	return (-1);
}

void
control_poll(struct pollfd *fds)
{
	size_t i;

	for (i = 0; i < CONTROL_POLLED; i++)
		fds[i].fd = -1;
}

bool
control_step(const struct pollfd *fds)
{
	(void)fds;
	note('c');
	return (say.control);
}

int
connections_wait(void)
{
	return (-1);
}

int
connections_fd(void)
{
	return (-1);
}

void
hits_list(uint64_t at)
{
	(void)at;
}

void
connections_step(void)
{
	note('w');
}

bool
ask_stuck(void)
{
	return (say.stuck);
}

void
ask_look(void)
{
	note('k');
}

bool
notify_wanted(void)
{
	return (false);
}

void
notify_send(const char *a, const char *b)
{
	(void)a;
	(void)b;
}

#endif
