/*
 * Who asks at the control socket (U2): shares, turns, deadlines, and answers that
 * do not fit.  The sockets are real; who connects, the clock and the other rooms
 * are the test's.
 */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <netinet/in.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "controlmsg.h"
#include "hash.h"
#include "keep/conf.h"
#include "keep/counts.h"
#include "keep/control.h"
#include "keep/controlsock.h"
#include "keep/firewall.h"
#include "keep/hits.h"
#include "keep/hold.h"
#include "keep/kernel/ask.h"
#include "keep/own.h"
#include "keep/policy.h"
#include "keep/refusals.h"
#include "keep/requests.h"
#include "keep/review.h"
#include "keep/seen.h"
#include "keep/status.h"

#define GRANTS_MAX	20000
#define USER		1000

/* --- the clock, and who connects --- */

static uint64_t now = 1000 * CLOCK_SECOND;
static struct { int fd; uid_t uid; } waiting[2 * CONTROL_ASKERS];
static size_t nwaiting;
static int accept_error;
static unsigned int accepts;
static uid_t uids[1024];		/* of a descriptor that was accepted */

uint64_t __wrap_clock_now(void);
int	 __wrap_accept4(int, struct sockaddr *, socklen_t *, int);
int	 __wrap_getsockopt(int, int, int, void *, socklen_t *);

uint64_t
__wrap_clock_now(void)
{
	return (now);
}

int
__wrap_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	int accepted = waiting[0].fd;

	cr_assert_eq(fd, KEEP_FD_CONTROL);
	cr_assert(sa == NULL && len == NULL);
	cr_assert_eq(flags, SOCK_NONBLOCK | SOCK_CLOEXEC);
	accepts++;
	if (accept_error != 0 || nwaiting == 0) {
		errno = accept_error != 0 ? accept_error : EAGAIN;
		return (-1);
	}
	uids[accepted] = waiting[0].uid;
	memmove(&waiting[0], &waiting[1], --nwaiting * sizeof(waiting[0]));
	return (accepted);
}

int
__wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	cr_assert(level == SOL_SOCKET && name == SO_PEERCRED);
	cr_assert_eq(*len, sizeof(struct ucred));
	((struct ucred *)value)->uid = uids[fd];
	return (0);
}

/* --- the other rooms --- */

static struct keepconf keepconf = { .control = "/control", .upstreams = {
    .n = 2, .at = { { .addr = { ADDR_V4, { 192, 0, 2, 1 } } },
    { .addr = { ADDR_V6, { 0xfe, 0x80, [15] = 1 } }, .zone = "lan" } } } };
const struct keepconf *conf = &keepconf;
struct firewall firewall;
static bool reloading, busy, read_it, taken, stuck;
static uint16_t list = 3;
static uint32_t sum = 77;		/* of the list's text */
static bool sticks;			/* between poll and step */
static unsigned int reloads;
static size_t refuses;			/* of a revocation: so many stay */

bool
firewall_works(const struct msg_grant *g)
{
	return ((firewall.ready & (g->family == ADDR_V4 ? MSG_FAMILY_V4 :
	    MSG_FAMILY_V6)) != 0);
}

bool
controlsock_open(const char path[], gid_t gid, int backlog)
{
	cr_assert_str_eq(path, "/control");
	cr_assert(gid == 0 && backlog == CONTROL_ASKERS);
	return (true);
}

void
policy_reload(void)
{
	reloads++;
	reloading = true;
}

bool
policy_reloading(void)
{
	return (reloading);
}

bool
policy_was_read(void)
{
	return (read_it);
}

bool
policy_was_taken(void)
{
	return (taken);
}

uint32_t
policy_sum(void)
{
	return (sum);
}

uint32_t
policy_rules(void)
{
	return (7);
}

uint16_t
policy_generation(void)
{
	return (list);
}

bool
review_is_busy(void)
{
	return (busy);
}

bool
ask_stuck(void)
{
	return (stuck);
}

size_t
review_revoke(const struct msg_grant *grants, size_t n)
{
	size_t i;

	cr_assert_leq(n, REVIEW_BATCH);
	for (i = 0; i < n; i++)
		ledger_remove(firewall.ledger, ledger_find(firewall.ledger,
		    &grants[i]));
	return (n - (refuses < n ? refuses : n));
}

unsigned int
own_count(void)
{
	return (2);
}

uint64_t
hold_count(void)
{
	return (5);
}

void
requests_counts(uint64_t out[RESULT_COUNT])
{
	memset(out, 0, RESULT_COUNT * sizeof(out[0]));
	out[RESULT_OK] = 11;
}

const char *
status_scope(void)
{
	return ("here");
}

/* --- askers --- */

/* What poll says of all, and a step. */
static bool
turn(void)
{
	struct pollfd fds[CONTROL_POLLED];
	bool listens;

	control_poll(fds);
	listens = fds[0].fd == KEEP_FD_CONTROL;
	cr_assert(listens || fds[0].fd == -1);
	fds[0].fd = -1;
	cr_assert_neq(poll(fds, CONTROL_POLLED, 0), -1);
	stuck |= sticks;
	fds[0].revents = listens && (nwaiting > 0 || accept_error != 0) ?
	    POLLIN : 0;
	return (control_step(fds));
}

static void
turns(unsigned int n)
{
	while (n-- > 0)
		(void)turn();
}

/* One more of the user connects; its end. */
static int
connects(uid_t uid)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_lt(nwaiting, sizeof(waiting) / sizeof(waiting[0]));
	waiting[nwaiting].fd = ends[1];
	waiting[nwaiting++].uid = uid;
	turns(1);
	return (ends[0]);
}

static void
asks(int fd, enum control_what what, const char *client)
{
	struct control_ask ask = { .version = CONTROL_VERSION,
	    .what = (uint8_t)what };

	if (client != NULL) {
		ask.family = ADDR_V4;
		memcpy(ask.client, client, 4);
	}
	cr_assert_eq(send(fd, &ask, sizeof(ask), MSG_NOSIGNAL), sizeof(ask));
}

/* One record; 0: nothing is there, -1: it was dropped. */
static ssize_t
hears(int fd, void *buf, size_t size)
{
	ssize_t n = recv(fd, buf, size, 0);

	if (n == -1 && errno == EAGAIN)
		return (0);
	return (n <= 0 ? -1 : n);
}

/* The next one, within a few turns. */
static ssize_t
hears_next(int fd, void *buf, size_t size)
{
	unsigned int i;
	ssize_t n;

	for (i = 0; i < 10; i++) {
		if ((n = hears(fd, buf, size)) != 0)
			return (n);
		turns(1);
	}
	return (0);
}

static bool
is_dropped(int fd)
{
	uint8_t byte;

	return (hears(fd, &byte, 1) == -1);
}

/* The END is there, with that. */
static void
ends(int fd, enum control_code code, uint32_t count)
{
	struct control_end end;

	cr_assert_eq(hears(fd, &end, sizeof(end)), sizeof(end));
	cr_assert_eq(end.type, CONTROL_END);
	cr_assert_eq(end.code, code);
	cr_assert_eq(end.count, count);
}

static void
grant(const char *client, uint32_t number)
{
	struct msg_grant g = { .family = ADDR_V4, .proto = IPPROTO_TCP,
	    .port = 443, .label = "a.example" };

	memcpy(g.client, client, 4);
	memcpy(g.dst, &number, sizeof(number));
	cr_assert_not_null(ledger_put(firewall.ledger, &g,
	    now + 100 * CLOCK_SECOND, now, LEDGER_NOBODY));
}

static void
set_up(void)
{
	hash_init();
	firewall.ledger = ledger_new(GRANTS_MAX, 0, 1);
	refusals_open(1);
	hits_open();
	hits_list(now);
	control_open();
}

TestSuite(keep_control, .init = set_up, .timeout = 60);

Test(keep_control, U6_status)
{
	const struct msg_counters m = { .silent = 2, .counters.queries = 5 };
	struct control_status s;
	int fd = connects(USER);

	counts_take(1, &m);
	firewall.kernel = (struct histogram){ .sum = 9, .counts[14] = 1 };
	grant("\12\0\0\1", 1);
	asks(fd, CONTROL_STATS, NULL);
	turns(2);
	cr_assert_eq(hears(fd, &s, sizeof(s)), sizeof(s));
	cr_assert(s.type == CONTROL_STATUS && s.rules == 7 &&
	    s.generation == 3 && s.grants == 1 && s.held == 5 &&
	    s.own_addresses == 2 && s.results[RESULT_OK] == 11);
	cr_assert_str_eq(s.scope, "here");
	cr_assert(s.kernel.sum == 9 && s.kernel.counts[14] == 1);
	cr_assert(s.counters.queries == 5 && s.silent == 2 &&
	    s.nupstreams == 2);
	cr_assert_str_eq(s.upstreams[0], "192.0.2.1");
	cr_assert_str_eq(s.upstreams[1], "fe80::1%lan");
	ends(fd, CONTROL_OK, 0);
	/* What has ended is not live. */
	now += 100 * CLOCK_SECOND;
	fd = connects(USER);
	asks(fd, CONTROL_STATS, NULL);
	turns(2);
	cr_assert_eq(hears(fd, &s, sizeof(s)), sizeof(s));
	cr_assert_eq(s.grants, 0);
}

Test(keep_control, U6_each_grant_once)
{
	struct control_grant g[CONTROL_BATCH_MAX];
	bool seen[300] = { false };
	uint32_t i, number, n = 0;
	int fd = connects(USER);
	ssize_t len;

	for (i = 0; i < 300; i++)
		grant(i % 3 == 0 ? "\12\0\0\2" : "\12\0\0\1", i);
	asks(fd, CONTROL_GRANTS, "\12\0\0\1");
	turns(10);
	while ((len = hears(fd, g, sizeof(g))) > (ssize_t)sizeof(
	    struct control_end)) {
		cr_assert_eq((size_t)len % sizeof(g[0]), 0);
		for (i = 0; i < (size_t)len / sizeof(g[0]); i++, n++) {
			memcpy(&number, g[i].dst, sizeof(number));
			cr_assert(number < 300 && number % 3 != 0 &&
			    !seen[number]);
			seen[number] = true;
			cr_assert_eq(g[i].left, 100);
		}
	}
	cr_assert_eq(n, 200);
}

static void
refused(const char *client, unsigned int number)
{
	struct msg_refusal m = { .type = MSG_REFUSAL, .kind = REFUSAL_LIST,
	    .family = ADDR_V4, .count = 2, .rule = 7, .qtype = 1 };

	memcpy(m.client, client, 4);
	(void)snprintf(m.name, sizeof(m.name), "n%u.example.", number);
	(void)snprintf(m.reason, sizeof(m.reason), "blocked by ACL line 7");
	cr_assert(refusals_take(0, &m, now));
}

Test(keep_control, U5_each_refusal_of_the_client_once_and_in_order)
{
	struct control_refusal r[CONTROL_BATCH_MAX];
	int fd = connects(USER);
	char name[MSG_NAME_SIZE];
	unsigned int i, n = 0;
	ssize_t len;

	for (i = 0; i < 150; i++) {
		refused("\12\0\0\1", i);
		refused("\12\0\0\2", 1000 + i);
	}
	now += 90 * CLOCK_SECOND;
	asks(fd, CONTROL_WHY, "\12\0\0\1");
	turns(2);
	/* What comes meanwhile is told, too. */
	refused("\12\0\0\1", 150);
	turns(10);
	while ((len = hears(fd, r, sizeof(r))) > (ssize_t)sizeof(
	    struct control_end)) {
		cr_assert_eq((size_t)len % sizeof(r[0]), 0);
		for (i = 0; i < (size_t)len / sizeof(r[0]); i++, n++) {
			(void)snprintf(name, sizeof(name), "n%u.example.", n);
			cr_assert_str_eq(r[i].name, name);
			cr_assert(r[i].type == CONTROL_REFUSAL &&
			    r[i].kind == REFUSAL_LIST && r[i].qtype == 1 &&
			    r[i].count == 2 && r[i].rule == 7);
			cr_assert_eq(r[i].last, n < 150 ? 90 : 0);
		}
	}
	cr_assert_eq(n, 151);
	/* Nothing is known of others. */
	asks(fd, CONTROL_WHY, "\12\0\0\3");
	turns(2);
	ends(fd, CONTROL_OK, 0);
}

/* Of all clients: each once, and with whose it is. */
Test(keep_control, U6_refusals_of_all_clients)
{
	struct control_refusal r[CONTROL_BATCH_MAX];
	int fd = connects(USER);
	unsigned int i, n = 0, seen[2] = { 0, 0 };
	ssize_t len;

	for (i = 0; i < 100; i++) {
		refused("\12\0\0\1", i);
		refused("\12\0\0\2", i);
	}
	asks(fd, CONTROL_WHY, NULL);
	while ((len = hears_next(fd, r, sizeof(r))) > (ssize_t)sizeof(
	    struct control_end))
		for (i = 0; i < (size_t)len / sizeof(r[0]); i++, n++) {
			cr_assert(r[i].family == ADDR_V4 && r[i].id == n + 1);
			cr_assert(memcmp(r[i].client, "\12\0\0", 3) == 0);
			seen[r[i].client[3] - 1]++;
		}
	cr_assert_eq(len, sizeof(struct control_end));
	cr_assert(n == 200 && seen[0] == 100 && seen[1] == 100);
}

/* The places are looked at some in a turn, as those of grants are. */
Test(keep_control, U2_one_step_looks_at_so_many_refusals)
{
	struct control_end end;
	int fd = connects(USER);

	cr_assert_eq(refusals_places(), 2 * 2048);
	asks(fd, CONTROL_WHY, NULL);
	turns(2);
	cr_assert_eq(hears(fd, &end, sizeof(end)), 0);
	turns(1);
	ends(fd, CONTROL_OK, 0);
}

/* What does not fit into the socket comes later, and once. */
Test(keep_control, U6_refusals_that_do_not_fit)
{
	struct control_refusal r[CONTROL_BATCH_MAX];
	int fd = connects(USER);
	unsigned int i, n = 0;
	ssize_t len;

	for (i = 0; i < REFUSALS_WORKER; i++) {
		char client[4] = { 10, 1, (char)(i >> 8), (char)i };

		refused(client, i);
	}
	asks(fd, CONTROL_WHY, NULL);
	turns(200);
	while ((len = hears_next(fd, r, sizeof(r))) > (ssize_t)sizeof(
	    struct control_end))
		for (i = 0; i < (size_t)len / sizeof(r[0]); i++)
			cr_assert_eq(r[i].id, ++n);
	cr_assert_eq(len, sizeof(struct control_end));
	cr_assert_eq(n, REFUSALS_WORKER);
}

/* However fast it is refused meanwhile, an answer ends. */
Test(keep_control, U5_the_answer_ends)
{
	struct control_refusal r[CONTROL_BATCH_MAX];
	int fd = connects(USER);
	unsigned int i, k, n = 0;
	ssize_t len;

	asks(fd, CONTROL_WHY, "\12\0\0\1");
	for (i = 0; i < 20; i++) {
		for (k = 0; k < CONTROL_BATCH_MAX; k++)
			refused("\12\0\0\1", i * CONTROL_BATCH_MAX + k);
		turns(1);
	}
	while ((len = hears(fd, r, sizeof(r))) > (ssize_t)sizeof(
	    struct control_end))
		n += (unsigned int)((size_t)len / sizeof(r[0]));
	cr_assert_eq(len, sizeof(struct control_end));
	cr_assert_eq(n, REFUSALS_CLIENT);
}

static void
matched(uint32_t line, uint32_t count)
{
	const struct msg_hits m = { .type = MSG_HITS, .policy = list,
	    .line = line, .count = count };

	hits_take(&m, now);
}

/* Up to the END; returns how many lines were told of, the last of them in *r. */
static unsigned int
told_rules(int fd, struct control_rule *r, struct control_end *end)
{
	struct control_rule batch[CONTROL_BATCH_MAX];
	unsigned int turn_of, i, n = 0;
	ssize_t len;

	r->line = 0;
	for (turn_of = 0; turn_of < 200; turn_of++) {
		turns(1);
		len = hears(fd, batch, sizeof(batch));
		cr_assert_geq(len, 0);
		if (len == sizeof(*end)) {
			memcpy(end, batch, sizeof(*end));
			return (n);
		}
		for (i = 0; i < (size_t)len / sizeof(*r); i++, n++) {
			cr_assert_eq(batch[i].type, CONTROL_RULE);
			cr_assert_gt(batch[i].line, r->line);
			*r = batch[i];
		}
	}
	cr_assert_fail("no END");
	return (0);
}

Test(keep_control, U6_each_line_that_has_hits)
{
	int fd = connects(USER);
	struct control_end end;
	struct control_rule r;
	uint32_t line;

	matched(MSG_LINES_MAX, 5);
	now += 9 * CLOCK_SECOND;
	asks(fd, CONTROL_RULES, NULL);
	cr_assert_eq(told_rules(fd, &r, &end), 1);
	cr_assert(r.line == MSG_LINES_MAX && r.hits == 5 && r.last == 9);
	cr_assert(end.code == CONTROL_OK && end.count == 7);
	for (line = 1; line <= 1000; line++)
		matched(line, 1);
	asks(fd, CONTROL_RULES, NULL);
	cr_assert_eq(told_rules(fd, &r, &end), 1001);
	cr_assert_eq(end.code, CONTROL_OK);
}

Test(keep_control, U6_rules_of_two_lists_are_not_mixed)
{
	int fd = connects(USER);
	struct control_end end;
	struct control_rule r;

	matched(1, 1);
	asks(fd, CONTROL_RULES, NULL);
	turns(3);
	list++;
	sum++;
	hits_list(now);
	(void)told_rules(fd, &r, &end);
	cr_assert_eq(end.code, CONTROL_CHANGED);
	asks(fd, CONTROL_RULES, NULL);
	cr_assert_eq(told_rules(fd, &r, &end), 0);
	cr_assert_eq(end.code, CONTROL_OK);
}

/* The same list, read again, goes on: it is the same rules. */
Test(keep_control, U6_since_when_rules_are_counted)
{
	int fd = connects(0);
	struct control_end end;
	struct control_rule r;

	now += 3 * CLOCK_SECOND;
	list++;
	hits_list(now);
	matched(5, 2);
	list++;
	hits_list(now);
	asks(fd, CONTROL_RULES, NULL);
	cr_assert_eq(told_rules(fd, &r, &end), 1);
	cr_assert(r.line == 5 && r.hits == 2);
	cr_assert(end.counting == 3 && end.running == 3);
	sum++;
	hits_list(now);
	now += CLOCK_SECOND;
	asks(fd, CONTROL_RULES, NULL);
	cr_assert_eq(told_rules(fd, &r, &end), 0);
	cr_assert(end.counting == 1 && end.running == 4);
}

Test(keep_control, U6_grants_that_may_not_be_there)
{
	int fd = connects(USER);
	struct control_grant g;
	struct control_end end;

	grant("\12\0\0\1", 1);
	firewall.families = MSG_FAMILY_V4 | MSG_FAMILY_V6;
	firewall.ready = MSG_FAMILY_V4;
	asks(fd, CONTROL_GRANTS, NULL);
	turns(20);
	cr_assert_eq(hears(fd, &g, sizeof(g)), sizeof(g));
	cr_assert_eq(g.lacking, 0);
	cr_assert_eq(hears(fd, &end, sizeof(end)), sizeof(end));
	cr_assert_eq(end.lacking, MSG_FAMILY_V6);
	firewall.ready = MSG_FAMILY_V6;
	asks(fd, CONTROL_GRANTS, NULL);
	turns(20);
	cr_assert_eq(hears(fd, &g, sizeof(g)), sizeof(g));
	cr_assert_eq(g.lacking, 1);
	cr_assert_eq(hears(fd, &end, sizeof(end)), sizeof(end));
	cr_assert_eq(end.lacking, MSG_FAMILY_V4);
}

/* The answer to a question; how many names there are, and the END. */
static size_t
told_names(int fd, struct control_end *end)
{
	static struct control_seen m[CONTROL_BATCH_MAX];
	size_t n, found = 0;

	for (;;) {
		if ((n = (size_t)hears(fd, m, sizeof(m))) == 0)
			turns(1);
		else if (n == sizeof(*end)) {
			memcpy(end, m, sizeof(*end));
			return (found);
		} else
			found += n / sizeof(m[0]);
	}
}

/* Whoever may read asks; there is nothing without --audit. */
Test(keep_control, U9_names_that_were_seen)
{
	struct msg_seen m = { .type = MSG_SEEN, .family = ADDR_V4, .other = 1 };
	int fd = connects(USER);
	struct control_end end;
	unsigned int i;

	asks(fd, CONTROL_SEEN, NULL);
	turns(2);
	ends(fd, CONTROL_NO_AUDIT, 0);
	keepconf.audit = 1;
	seen_open(1);
	for (i = 0; i < 3 * CONTROL_BATCH_MAX; i++) {
		(void)snprintf(m.name, sizeof(m.name), "n%u.example", i);
		cr_assert(seen_take(0, &m, now));
	}
	asks(fd, CONTROL_SEEN, NULL);
	cr_assert_eq(told_names(fd, &end), 3 * CONTROL_BATCH_MAX);
	cr_assert(end.code == CONTROL_OK && end.count == 0);
	/* What had no room is counted. */
	for (; i <= SEEN_CLIENT; i++) {
		(void)snprintf(m.name, sizeof(m.name), "n%u.example", i);
		(void)seen_take(0, &m, now);
	}
	asks(fd, CONTROL_SEEN, NULL);
	cr_assert_eq(told_names(fd, &end), SEEN_CLIENT);
	cr_assert(end.code == CONTROL_OK && end.count == 1);
}

Test(keep_control, U2_shares)
{
	int fds[CONTROL_ASKERS], i;

	/* Two of each user, and six of all but root. */
	for (i = 0; i < 6; i++) {
		fds[i] = connects(USER + (uid_t)i / 2);
		if (i == 1)
			cr_assert(is_dropped(connects(USER)));
	}
	for (i = 0; i < 6; i++)
		cr_assert(!is_dropped(fds[i]));
	cr_assert(is_dropped(connects(USER)));
	fds[6] = connects(0);
	fds[7] = connects(0);
	cr_assert(!is_dropped(fds[6]) && !is_dropped(fds[7]));
}

/* As long as nobody could get one, who comes waits. */
Test(keep_control, U2_all_places_are_taken_for_good)
{
	int fds[CONTROL_ASKERS], i;

	for (i = 0; i < CONTROL_ASKERS; i++)
		fds[i] = connects(i < 6 ? USER + (uid_t)i : 0);
	for (i = 0; i < CONTROL_ASKERS; i++)
		cr_assert(!is_dropped(fds[i]));
	accepts = 0;
	i = connects(0);
	turns(3);
	cr_assert_eq(accepts, 0);
	close(fds[0]);
	turns(2);
	cr_assert_eq(accepts, 1);
	asks(i, CONTROL_STATS, NULL);
	turns(2);
	cr_assert(!is_dropped(i));
}

/* Nor can they if root has what is for it alone, too. */
Test(keep_control, U2_who_has_two_gives_one_up_if_all_are_taken)
{
	int fds[CONTROL_ASKERS], other, i;

	for (i = 0; i < CONTROL_ASKERS; i++) {
		fds[i] = connects(i < 6 ? USER + (uid_t)i / 2 : 0);
		now += CLOCK_SECOND / 10;
	}
	other = connects(USER + 8);
	cr_assert(!is_dropped(other));
	cr_assert(is_dropped(fds[0]));
	other = connects(0);
	cr_assert(!is_dropped(other));
	cr_assert(is_dropped(fds[2]));
	/* Who has his share is told at once. */
	cr_assert(is_dropped(connects(USER + 2)));
	for (i = 3; i < CONTROL_ASKERS; i++)
		cr_assert(!is_dropped(fds[i]));
}

/* Three users cannot keep out a fourth, nor can he, by that, keep them out. */
Test(keep_control, U2_who_has_two_gives_one_up)
{
	int fds[6], other, i;

	for (i = 0; i < 6; i++) {
		fds[i] = connects(USER + (uid_t)i / 2);
		now += CLOCK_SECOND / 10;
	}
	/* The first one has done something since. */
	asks(fds[0], CONTROL_STATS, NULL);
	turns(2);
	other = connects(USER + 8);
	cr_assert(!is_dropped(other));
	cr_assert(is_dropped(fds[1]));
	for (i = 2; i < 6; i++)
		cr_assert(!is_dropped(fds[i]));
	/* A second one only takes what is free; and so does who had two. */
	cr_assert(is_dropped(connects(USER + 8)));
	cr_assert(is_dropped(connects(USER)));
	cr_assert(!is_dropped(connects(USER + 9)));
	cr_assert(is_dropped(fds[2]) && !is_dropped(other));
	cr_assert(!is_dropped(connects(USER + 10)));
	cr_assert(is_dropped(fds[4]));
	/* Now six users have one each. */
	cr_assert(is_dropped(connects(USER + 11)));
	cr_assert(!is_dropped(connects(0)));
}

/* Whoever looks at all of a large ledger, for nothing, others go on. */
Test(keep_control, U2_the_looking_is_shared_in_turns)
{
	struct control_end end;
	int busy_fds[6], fd, i;
	unsigned int n;

	for (i = 0; i < GRANTS_MAX; i++)
		grant("\12\0\0\1", (uint32_t)i);
	for (i = 0; i < 6; i++) {
		busy_fds[i] = connects(USER + (uid_t)i / 2);
		asks(busy_fds[i], CONTROL_GRANTS, "\12\0\0\2");
	}
	fd = connects(0);
	asks(fd, CONTROL_GRANTS, "\12\0\0\3");
	for (n = 0; hears(fd, &end, sizeof(end)) == 0; n++) {
		cr_assert_lt(n, 200, "it has no turn");
		turns(1);
		now += CLOCK_SECOND / 10;
		for (i = 0; i < 6; i++)
			if (hears(busy_fds[i], &end, sizeof(end)) > 0)
				asks(busy_fds[i], CONTROL_GRANTS,
				    "\12\0\0\2");
	}
	cr_assert(end.type == CONTROL_END && end.code == CONTROL_OK);
}

Test(keep_control, U2_one_step_looks_at_so_many_places)
{
	struct control_end end;
	int fd = connects(USER);
	unsigned int i;

	for (i = 0; i < 2 * 2048; i++)
		grant("\12\0\0\1", i);
	asks(fd, CONTROL_GRANTS, "\12\0\0\2");
	turns(2);
	cr_assert_eq(hears(fd, &end, sizeof(end)), 0);
	turns(1);
	ends(fd, CONTROL_OK, 0);
}

/* It asks until no answer fits; each has its answers and one END for all that. */
Test(keep_control, U2_what_does_not_fit_comes_later_and_once)
{
	struct control_status s;
	unsigned int asked, heard;
	int fd = connects(USER);

	/* What is no question gets an END alone. */
	for (asked = 0; asked < 2000; asked++) {
		struct control_ask ask = { .version = CONTROL_VERSION,
		    .what = asked == 0 ? CONTROL_STATS : 99 };

		if (send(fd, &ask, sizeof(ask), MSG_NOSIGNAL) == -1)
			break;
		turns(2);
	}
	cr_assert_gt(asked, 20);
	for (heard = 0; heard < asked; heard++) {
		turns(2);
		if (heard == 0)
			cr_assert_eq(hears(fd, &s, sizeof(s)), sizeof(s));
		turns(2);
		ends(fd, heard == 0 ? CONTROL_OK : CONTROL_BAD, 0);
	}
	turns(5);
	cr_assert_eq(hears(fd, &s, sizeof(s)), 0);
}

Test(keep_control, U2_who_does_nothing_is_dropped)
{
	int fd = connects(USER), ms = control_wait();

	cr_assert(ms > 4900 && ms <= 5001, "%d", ms);
	now += 5 * CLOCK_SECOND - 1;
	turns(1);
	cr_assert(!is_dropped(fd));
	now++;
	turns(1);
	cr_assert(is_dropped(fd));
	cr_assert_eq(control_wait(), -1);
}

Test(keep_control, U2_only_root_changes)
{
	int fd = connects(USER);

	grant("\12\0\0\1", 1);
	asks(fd, CONTROL_RELOAD, NULL);
	turns(2);
	ends(fd, CONTROL_DENIED, 0);
	asks(fd, CONTROL_REVOKE, "\12\0\0\1");
	turns(2);
	ends(fd, CONTROL_DENIED, 0);
	cr_assert_eq(reloads, 0);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
}

Test(keep_control, U6_a_reload_is_waited_for)
{
	int fd = connects(0);
	struct pollfd fds[CONTROL_POLLED];
	size_t i;

	asks(fd, CONTROL_RELOAD, NULL);
	turns(2);
	cr_assert_eq(reloads, 1);
	/* As long as it takes; and nothing of it makes poll return. */
	now += 100 * CLOCK_SECOND;
	turns(1);
	control_poll(fds);
	for (i = 1; i < CONTROL_POLLED; i++)
		cr_assert(fds[i].fd == -1 || fds[i].events == 0);
	reloading = false;
	busy = true;
	turns(1);
	cr_assert(!is_dropped(fd));
	busy = false;
	taken = true;
	turns(1);
	ends(fd, CONTROL_OK, 7);
	asks(fd, CONTROL_RELOAD, NULL);
	turns(2);
	reloading = taken = false;
	read_it = true;
	turns(1);
	ends(fd, CONTROL_REJECTED, 7);
	asks(fd, CONTROL_RELOAD, NULL);
	turns(2);
	reloading = read_it = false;
	turns(1);
	ends(fd, CONTROL_UNREADABLE, 7);
}

Test(keep_control, U6_revoke_tells_what_is_gone)
{
	int fd = connects(0);
	unsigned int i;

	for (i = 0; i < 100; i++)
		grant("\12\0\0\1", i);
	grant("\12\0\0\2", 1);
	/* Not while the firewall cannot be asked. */
	stuck = true;
	asks(fd, CONTROL_REVOKE, "\12\0\0\1");
	turns(3);
	cr_assert_eq(ledger_count(firewall.ledger), 101);
	/* Nor if it cannot since poll said that there is room for an answer. */
	stuck = false;
	sticks = true;
	cr_assert(!turn());
	cr_assert_eq(ledger_count(firewall.ledger), 101);
	stuck = sticks = false;
	cr_assert(turn());
	turns(2);
	ends(fd, CONTROL_OK, 100);
	cr_assert_eq(ledger_count(firewall.ledger), 1);
	refuses = 1;
	asks(fd, CONTROL_REVOKE, "\12\0\0\2");
	turns(3);
	ends(fd, CONTROL_UNSURE, 0);
	asks(fd, CONTROL_REVOKE, "\12\0\0\2");
	(void)turn();
	cr_assert(!turn());
	ends(fd, CONTROL_OK, 0);
}

/* Without descriptors or memory it is tried again, and not all the time. */
Test(keep_control, U2_an_accept_that_fails)
{
	int ms;

	accept_error = ENFILE;
	turns(10);
	cr_assert_eq(accepts, 1);
	ms = control_wait();
	cr_assert(ms > 90 && ms <= 101, "%d", ms);
	now += CLOCK_SECOND / 10;
	turns(10);
	cr_assert_eq(accepts, 2);
	accept_error = 0;
	now += CLOCK_SECOND / 10;
	cr_assert(!is_dropped(connects(USER)));
}

/* Ten times more than there are places and descriptors. */
Test(keep_control, U2_wear)
{
	struct control_status s;
	unsigned int i;
	int fd;

	for (i = 0; i < 10 * 256; i++) {
		fd = connects(USER);
		cr_assert_lt(fd, 100, "descriptors stay open");
		if (i % 2 == 0)
			asks(fd, CONTROL_STATS, NULL);
		close(fd);
		turns(2);
	}
	fd = connects(USER);
	asks(fd, CONTROL_STATS, NULL);
	turns(2);
	cr_assert_eq(hears(fd, &s, sizeof(s)), sizeof(s));
}
