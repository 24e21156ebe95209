/* The control socket. */
#include "control.h"

#include <sys/socket.h>

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "clock.h"
#include "conf.h"
#include "controlmsg.h"
#include "controlplaces.h"
#include "controlsock.h"
#include "counts.h"
#include "firewall.h"
#include "hits.h"
#include "hold.h"
#include "host.h"
#include "kernel/ask.h"
#include "own.h"
#include "policy.h"
#include "refusals.h"
#include "requests.h"
#include "review.h"
#include "seen.h"
#include "status.h"

/* Places of the ledger that a turn looks at, for all of them. */
#define LOOKED_AT	2048

#define ACCEPT_AGAIN	(CLOCK_SECOND / 10)	/* when none could be had */

#define ENDING	CONTROL_WHAT_END	/* what: only the END is due */

struct asker {
	int		fd;		/* -1: none */
	uid_t		uid;
	uint8_t		what;		/* under way; 0: it may ask */
	uint8_t		code;		/* enum control_code, of the END */
	struct addr	client;		/* family 0: all */
	uint32_t	cursor;		/* of the ledger's places, and others' */
	uint16_t	list;		/* generation that they are of */
	uint64_t	told;		/* number of the last refusal */
	uint32_t	count;
	uint64_t	deadline;	/* ns: of progress */
};

static struct asker askers[CONTROL_ASKERS];
static bool is_open;
static uint64_t began_at;			/* ns */
static uint64_t accept_at;		/* ns: not before */

void
control_open(void)
{
	size_t i;

	for (i = 0; i < CONTROL_ASKERS; i++)
		askers[i].fd = -1;
	began_at = clock_now();
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

static void
drop_asker(struct asker *a)
{
	close(a->fd);
	*a = (struct asker){ .fd = -1 };
}

static void
progress(struct asker *a)
{
	a->deadline = clock_now() + CONTROL_SECONDS * CLOCK_SECOND;
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
		drop_asker(&askers[i]);
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
	progress(a);
}

/* False: it has to be sent again later, or the asker is gone. */
static bool
tell_asker(struct asker *a, const void *record, size_t len)
{
	ssize_t n = sendto(a->fd, record, len, MSG_NOSIGNAL | MSG_DONTWAIT,
	    NULL, 0);

	if (n == (ssize_t)len) {
		progress(a);
		return (true);
	}
	if (n != -1 || errno != EAGAIN)
		drop_asker(a);
	return (false);
}

static uint32_t
seconds_between(uint64_t then, uint64_t now)
{
	return ((uint32_t)((now - then) / CLOCK_SECOND));
}

static void
end_answers(struct asker *a, uint8_t code)
{
	const uint64_t now = clock_now();
	const struct control_end m = { .type = CONTROL_END,
	    .code = code, .count = a->count,
	    .lacking = firewall.families & (uint8_t)~firewall.ready,
	    .running = seconds_between(began_at, now),
	    .counting = seconds_between(hits_since(), now) };

	a->what = ENDING;
	a->code = code;
	if (tell_asker(a, &m, sizeof(m)))
		a->what = 0;
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
		drop_asker(a);
		return;
	}
	a->count = a->cursor = 0;
	a->told = 0;
	a->list = policy_generation();
	a->code = CONTROL_OK;
	progress(a);
	if (!control_ask_decode(buf, (size_t)n, &ask)) {
		end_answers(a, CONTROL_BAD);
		return;
	}
	if ((ask.what == CONTROL_RELOAD || ask.what == CONTROL_REVOKE) &&
	    a->uid != 0) {
		end_answers(a, CONTROL_DENIED);
		return;
	}
	a->what = ask.what;
	a->client.family = ask.family;
	memcpy(a->client.bytes, ask.client, sizeof(a->client.bytes));
	if (a->what == CONTROL_RELOAD)
		policy_reload();
}

/* --- answers --- */

static void
answer_status(struct asker *a)
{
	static struct control_status m;

	ledger_expire(firewall.ledger, clock_now());
	m = (struct control_status){ .type = CONTROL_STATUS,
	    .reloading = policy_reloading(), .families = firewall.families,
	    .ready = firewall.ready, .audit = conf->audit, .rules = policy_rules(),
	    .generation = policy_generation(),
	    .grants = ledger_count(firewall.ledger),
	    .grants_max = ledger_max(firewall.ledger),
	    .own_addresses = own_count(), .sum = policy_sum(),
	    .transactions = firewall.transactions,
	    .repairs = firewall.repairs, .revoked = firewall.revoked,
	    .taken_over = firewall.taken_over, .held = hold_count(),
	    .kernel = firewall.kernel };
	requests_counts(m.results);
	m.silent = counts_sum(&m.counters);
	for (; m.nupstreams < conf->upstreams.n &&
	    m.nupstreams < MSG_UPSTREAMS_MAX; m.nupstreams++)
		(void)host_print(&conf->upstreams.at[m.nupstreams],
		    m.upstreams[m.nupstreams]);
	static_assert(CONTROL_HOST_MAX >= HOST_TEXT_MAX, "an upstream");
	static_assert(sizeof(m.scope) == STATUS_SCOPE_MAX, "the scope");
	strncpy(m.scope, status_scope(), sizeof(m.scope) - 1);
	if (tell_asker(a, &m, sizeof(m)))
		end_answers(a, CONTROL_OK);
}

static unsigned int places_left;	/* of this turn */
static size_t first;			/* asker of the next turn */

/* Are there places that it has not seen? */
static bool
has_more(const struct asker *a)
{
	return (a->cursor < ledger_places(firewall.ledger));
}

static bool
belongs_to(const struct asker *a, const struct msg_grant *g)
{
	if (a->client.family == 0)
		return (true);
	if (g->local != 0)
		return (addr_is_loopback(&a->client));
	return (g->family == a->client.family &&
	    memcmp(g->client, a->client.bytes, sizeof(g->client)) == 0);
}

/*
 * The next live grants of the client, at most max, in what is left of the turn's
 * places.
 */
static size_t
next_grants(struct asker *a, const struct ledger_entry **out, size_t max)
{
	const struct ledger_entry *e;
	size_t n = 0;

	for (; places_left > 0 && n < max && has_more(a); places_left--) {
		e = ledger_place(firewall.ledger, a->cursor++);
		if (e != NULL && belongs_to(a, &e->grant))
			out[n++] = e;
	}
	return (n);
}

static void
answer_grants(struct asker *a)
{
	static struct control_grant m[CONTROL_BATCH_MAX];
	const struct ledger_entry *e[CONTROL_BATCH_MAX];
	uint64_t now = clock_now();
	uint32_t before = a->cursor;
	size_t i, n;

	ledger_expire(firewall.ledger, now);
	n = next_grants(a, e, CONTROL_BATCH_MAX);
	for (i = 0; i < n; i++) {
		m[i] = (struct control_grant){ .type = CONTROL_GRANT,
		    .family = e[i]->grant.family, .proto = e[i]->grant.proto,
		    .local = e[i]->grant.local, .port = e[i]->grant.port,
		    .left = seconds_between(now, e[i]->expiry),
		    .lacking = !firewall_works(&e[i]->grant) };
		memcpy(m[i].client, e[i]->grant.client, sizeof(m[i].client));
		memcpy(m[i].dst, e[i]->grant.dst, sizeof(m[i].dst));
		memcpy(m[i].label, e[i]->grant.label, sizeof(m[i].label));
	}
	if (n > 0 && !tell_asker(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	a->count += (uint32_t)n;
	if (!has_more(a))
		end_answers(a, CONTROL_OK);
}

/* The next ones of all clients, in what is left of the turn's places. */
static size_t
next_refusals(struct asker *a, const struct refusal **out, size_t max)
{
	size_t n = 0;

	for (; places_left > 0 && n < max && a->cursor < refusals_places();
	    places_left--)
		if ((out[n] = refusals_place(a->cursor++)) != NULL)
			n++;
	return (n);
}

/* What comes while a client's are told is told, too, but not for ever. */
static bool
told_all(const struct asker *a, size_t n)
{
	if (a->client.family == 0)
		return (a->cursor == refusals_places());
	return (n < CONTROL_BATCH_MAX || a->count >= REFUSALS_CLIENT);
}

static void
answer_refusals(struct asker *a)
{
	static struct control_refusal m[CONTROL_BATCH_MAX];
	const struct refusal *r[CONTROL_BATCH_MAX];
	uint64_t now = clock_now();
	uint32_t before = a->cursor;
	size_t i, n;

	if (a->client.family == 0)
		n = next_refusals(a, r, CONTROL_BATCH_MAX);
	else
		n = refusals_next(&a->client, a->told, r, CONTROL_BATCH_MAX);
	for (i = 0; i < n; i++) {
		m[i] = (struct control_refusal){ .type = CONTROL_REFUSAL,
		    .kind = r[i]->told.kind, .qtype = r[i]->told.qtype,
		    .first = seconds_between(r[i]->first, now),
		    .last = seconds_between(r[i]->last, now),
		    .count = r[i]->told.count, .rule = r[i]->told.rule,
		    .family = r[i]->told.family, .id = r[i]->id };
		memcpy(m[i].client, r[i]->told.client, sizeof(m[i].client));
		memcpy(m[i].name, r[i]->told.name, sizeof(m[i].name));
		memcpy(m[i].reason, r[i]->told.reason, sizeof(m[i].reason));
	}
	if (n > 0 && !tell_asker(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	if (n > 0)
		a->told = r[n - 1]->number;
	a->count += (uint32_t)n;
	if (told_all(a, n))
		end_answers(a, CONTROL_OK);
}

/* The next lines that have hits, in what is left of the turn's places. */
static size_t
next_rules(struct asker *a, struct control_rule *out, size_t max)
{
	uint64_t now = clock_now();
	const struct hits *h;
	size_t n = 0;

	for (; places_left > 0 && n < max && a->cursor < MSG_LINES_MAX;
	    places_left--) {
		h = hits_of(++a->cursor);
		if (h->count > 0)
			out[n++] = (struct control_rule){
			    .type = CONTROL_RULE, .line = a->cursor,
			    .last = seconds_between(h->last, now),
			    .sum = policy_sum(), .hits = h->count };
	}
	return (n);
}

static void
answer_rules(struct asker *a)
{
	static struct control_rule m[CONTROL_BATCH_MAX];
	uint32_t before = a->cursor;
	size_t n;

	if (a->list != policy_generation()) {
		end_answers(a, CONTROL_CHANGED);
		return;
	}
	n = next_rules(a, m, CONTROL_BATCH_MAX);
	if (n > 0 && !tell_asker(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	a->count = policy_rules();
	if (a->cursor == MSG_LINES_MAX)
		end_answers(a, CONTROL_OK);
}

static void
answer_seen(struct asker *a)
{
	static struct control_seen m[CONTROL_BATCH_MAX];
	uint32_t before = a->cursor;
	size_t n;

	if (conf->audit == 0) {
		end_answers(a, CONTROL_NO_AUDIT);
		return;
	}
	n = seen_next(&a->cursor, &places_left, m, CONTROL_BATCH_MAX);
	if (n > 0 && !tell_asker(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	a->count = seen_lost();
	if (a->cursor == seen_places())
		end_answers(a, CONTROL_OK);
}

/* Returns true if there were any. */
static bool
revoke_some(struct asker *a)
{
	const struct ledger_entry *e[REVIEW_BATCH];
	struct msg_grant grants[REVIEW_BATCH];
	size_t i, n, gone;

	if (ask_stuck())
		return (false);
	ledger_expire(firewall.ledger, clock_now());
	n = next_grants(a, e, REVIEW_BATCH);
	for (i = 0; i < n; i++)
		grants[i] = e[i]->grant;
	gone = review_revoke(grants, n);
	a->count += (uint32_t)gone;
	if (gone < n)
		a->code = CONTROL_UNSURE;
	if (!has_more(a))
		end_answers(a, a->code);
	return (n > 0);
}

static bool
is_reloading(void)
{
	return (policy_reloading() || review_is_busy());
}

static void
await_reload(struct asker *a)
{
	if (is_reloading()) {
		progress(a);
		return;
	}
	a->count = policy_rules();
	end_answers(a, policy_was_taken() ? CONTROL_OK : policy_was_read() ?
	    CONTROL_REJECTED : CONTROL_UNREADABLE);
}

/* What is under way.  Returns true if grants were revoked. */
static bool
control_answer(struct asker *a)
{
	switch (a->what) {
	case CONTROL_STATS:
		answer_status(a);
		break;
	case CONTROL_GRANTS:
		answer_grants(a);
		break;
	case CONTROL_WHY:
		answer_refusals(a);
		break;
	case CONTROL_RULES:
		answer_rules(a);
		break;
	case CONTROL_SEEN:
		answer_seen(a);
		break;
	case CONTROL_RELOAD:
		await_reload(a);
		break;
	case CONTROL_REVOKE:
		return (revoke_some(a));
	case ENDING:
		end_answers(a, a->code);
		break;
	}
	return (false);
}

/* --- a turn --- */

/* What has to come before the next step; 0: something else than the asker. */
static short
awaited(const struct asker *a)
{
	if (a->what == 0)
		return (POLLIN);
	if ((a->what == CONTROL_RELOAD && is_reloading()) ||
	    (a->what == CONTROL_REVOKE && ask_stuck()))
		return (0);
	return (POLLOUT);
}

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
		    .events = awaited(&askers[i]) };
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
		drop_asker(a);
	else if (a->what == CONTROL_RELOAD || revents != 0)
		return (control_answer(a));
	else if (clock_now() >= a->deadline)
		drop_asker(a);
	return (false);
}

bool
control_step(const struct pollfd *fds)
{
	bool revoked = false;
	size_t i, at;

	places_left = LOOKED_AT;
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
