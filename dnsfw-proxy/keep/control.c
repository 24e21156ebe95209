/* The control socket. */
#include "control.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "clock.h"
#include "conf.h"
#include "controlmsg.h"
#include "firewall.h"
#include "hold.h"
#include "kernel/ask.h"
#include "log.h"
#include "own.h"
#include "policy.h"
#include "requests.h"
#include "review.h"
#include "status.h"

#define LOOKED_AT	4096	/* grants of the ledger, for one record */

struct asker {
	int		fd;		/* -1: none */
	bool		is_root;
	uint8_t		what;		/* under way; 0: it may ask */
	struct addr	client;		/* family 0: all */
	uint32_t	cursor;		/* of the ledger */
	uint32_t	count;
	uint64_t	deadline;	/* ns: of progress */
};

static struct asker askers[CONTROL_ASKERS];
static bool is_open;

/* --- the socket --- */

/* Does somebody serve there, or is it left over? */
static bool
is_served(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0);
	bool served;

	if (fd == -1)
		fatal("socket");
	/* Who has no place for another asker serves, too. */
	served = connect(fd, (const struct sockaddr *)sun,
	    sizeof(*sun)) == 0 || errno == EAGAIN;
	close(fd);
	return (served);
}

static void
remove_socket(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		(void)unlink(path);	/* bind says why if it could not */
}

/* Made with the group whose members may ask, so that no moment is without it. */
static int
bind_it(int fd, const struct sockaddr_un *sun)
{
	gid_t own = getegid();
	bool has_group = conf->control_gid != 0 &&
	    setegid(conf->control_gid) == 0;
	mode_t mask = umask(has_group ? 0117 : 0177);
	int rc;

	rc = bind(fd, (const struct sockaddr *)sun, sizeof(*sun));
	if (has_group && setegid(own) == -1)
		fatal("setegid");
	umask(mask);
	return (rc);
}

/* The directory, too, if it is the last one that lacks. */
static void
make_directory(const char *path)
{
	char dir[sizeof(conf->control)];
	char *slash;
	mode_t mask;

	memcpy(dir, path, sizeof(dir));
	slash = strrchr(dir, '/');
	if (slash == NULL || slash == dir)
		return;
	*slash = '\0';
	mask = umask(0022);
	(void)mkdir(dir, 0755);		/* bind says why if it lacks */
	umask(mask);
}

/* Bound, or why not. */
static const char *
bind_anyhow(int fd, const struct sockaddr_un *sun)
{
	if (bind_it(fd, sun) == 0)
		return (NULL);
	if (errno == EADDRINUSE && is_served(sun))
		return ("another process serves there");
	/* Nobody has it: it is left over. */
	remove_socket(sun->sun_path);
	return (bind_it(fd, sun) == 0 ? NULL : strerrordesc_np(errno));
}

void
control_open(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const char *why;
	size_t i;
	int fd;

	for (i = 0; i < CONTROL_ASKERS; i++)
		askers[i].fd = -1;
	if (conf->control[0] == '\0')
		return;
	static_assert(sizeof(conf->control) == sizeof(sun.sun_path), "a path");
	memcpy(sun.sun_path, conf->control, sizeof(sun.sun_path));
	make_directory(conf->control);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		fatal("socket");
	if ((why = bind_anyhow(fd, &sun)) != NULL) {
		log_warn("no control socket \"%s\" (--control): %s; dnsfwctl "
		    "cannot ask this dnsfw", conf->control, why);
		close(fd);
		return;
	}
	if (listen(fd, CONTROL_ASKERS) == -1)
		fatal("listen");
	if (dup3(fd, KEEP_FD_CONTROL, O_CLOEXEC) == -1)
		fatal("dup3");
	close(fd);
	is_open = true;
}

/* --- askers --- */

static struct asker *
free_place(void)
{
	size_t i;

	for (i = 0; i < CONTROL_ASKERS; i++)
		if (askers[i].fd == -1)
			return (&askers[i]);
	return (NULL);
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

static void
take_asker(void)
{
	struct asker *a = free_place();
	struct ucred cred;
	socklen_t len = sizeof(cred);
	int fd;

	if (a == NULL)
		return;
	fd = accept4(KEEP_FD_CONTROL, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1)
		return;
	*a = (struct asker){ .fd = fd };
	a->is_root = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred,
	    &len) == 0 && cred.uid == 0;
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

static void
end_answers(struct asker *a, enum control_code code)
{
	const struct control_end m = { .type = CONTROL_END,
	    .code = (uint8_t)code, .count = a->count };

	if (tell_asker(a, &m, sizeof(m)))
		a->what = 0;
}

/* --- questions --- */

/* Copies the question and checks each of its fields. */
static bool
decode(const uint8_t *buf, size_t len, struct control_ask *ask)
{
	static const uint8_t zero[16];
	size_t used;

	if (len != sizeof(*ask))
		return (false);
	memcpy(ask, buf, sizeof(*ask));
	used = addr_len(ask->family);
	return (ask->version == CONTROL_VERSION && ask->what != 0 &&
	    ask->what < CONTROL_WHAT_END &&
	    (ask->family == 0 || used > 0) &&
	    memcmp(ask->pad, zero, sizeof(ask->pad)) == 0 &&
	    memcmp(ask->client + used, zero, sizeof(zero) - used) == 0 &&
	    (ask->what != CONTROL_REVOKE || ask->family != 0));
}

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
	progress(a);
	if (!decode(buf, (size_t)n, &ask)) {
		end_answers(a, CONTROL_BAD);
		return;
	}
	if (ask.what >= CONTROL_RELOAD && !a->is_root) {
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

	m = (struct control_status){ .type = CONTROL_STATUS,
	    .reloading = policy_reloading(), .families = firewall.families,
	    .ready = firewall.ready, .rules = policy_rules(),
	    .generation = policy_generation(),
	    .grants = ledger_count(firewall.ledger),
	    .grants_max = ledger_max(firewall.ledger),
	    .own_addresses = own_count(),
	    .transactions = firewall.transactions,
	    .repairs = firewall.repairs, .revoked = firewall.revoked,
	    .taken_over = firewall.taken_over, .held = hold_count() };
	requests_counts(m.results);
	static_assert(sizeof(m.scope) == STATUS_SCOPE_MAX, "the scope");
	strncpy(m.scope, status_scope(), sizeof(m.scope) - 1);
	if (tell_asker(a, &m, sizeof(m)))
		end_answers(a, CONTROL_OK);
}

static bool
belongs_to(const struct asker *a, const struct msg_grant *g)
{
	static const uint8_t zero[16];

	if (a->client.family == 0)
		return (true);
	if (g->local != 0)
		return (addr_is_loopback(&a->client));
	return (g->family == a->client.family &&
	    memcmp(g->client, a->client.bytes, sizeof(zero)) == 0);
}

/* The next live grants of the client, at most max; *more: there may be others. */
static size_t
next_grants(struct asker *a, const struct ledger_entry **out, size_t max,
    bool *more)
{
	const struct ledger_entry *e;
	unsigned int i;
	size_t n = 0;

	*more = true;
	for (i = 0; i < LOOKED_AT && n < max; i++) {
		e = ledger_next(firewall.ledger, &a->cursor);
		if (e == NULL) {
			*more = false;
			break;
		}
		if (belongs_to(a, &e->grant))
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
	bool more;

	ledger_expire(firewall.ledger, now);
	n = next_grants(a, e, CONTROL_BATCH_MAX, &more);
	for (i = 0; i < n; i++) {
		m[i] = (struct control_grant){ .type = CONTROL_GRANT,
		    .family = e[i]->grant.family, .proto = e[i]->grant.proto,
		    .local = e[i]->grant.local, .port = e[i]->grant.port,
		    .left = (uint32_t)((e[i]->expiry - now) / CLOCK_SECOND) };
		memcpy(m[i].client, e[i]->grant.client, sizeof(m[i].client));
		memcpy(m[i].dst, e[i]->grant.dst, sizeof(m[i].dst));
		memcpy(m[i].label, e[i]->grant.label, sizeof(m[i].label));
	}
	if (n > 0 && !tell_asker(a, m, n * sizeof(m[0]))) {
		a->cursor = before;
		return;
	}
	a->count += (uint32_t)n;
	if (!more)
		end_answers(a, CONTROL_OK);
}

/* Returns true if there were any. */
static bool
revoke_some(struct asker *a)
{
	const struct ledger_entry *e[REVIEW_BATCH];
	struct msg_grant grants[REVIEW_BATCH];
	size_t i, n;
	bool more;

	if (ask_stuck())
		return (false);
	n = next_grants(a, e, REVIEW_BATCH, &more);
	for (i = 0; i < n; i++)
		grants[i] = e[i]->grant;
	review_revoke(grants, n);
	a->count += (uint32_t)n;
	if (!more)
		end_answers(a, CONTROL_OK);
	return (n > 0);
}

static void
await_reload(struct asker *a)
{
	progress(a);
	if (policy_reloading() || review_is_busy())
		return;
	a->count = policy_rules();
	end_answers(a, policy_was_taken() ? CONTROL_OK : CONTROL_REJECTED);
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
	case CONTROL_RELOAD:
		await_reload(a);
		break;
	case CONTROL_REVOKE:
		return (revoke_some(a));
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
	if (a->what == CONTROL_RELOAD ||
	    (a->what == CONTROL_REVOKE && ask_stuck()))
		return (0);
	return (POLLOUT);
}

void
control_poll(struct pollfd *fds)
{
	size_t i;

	fds[0] = (struct pollfd){ .events = POLLIN,
	    .fd = is_open && free_place() != NULL ? KEEP_FD_CONTROL : -1 };
	for (i = 0; i < CONTROL_ASKERS; i++)
		fds[1 + i] = (struct pollfd){ .fd = askers[i].fd,
		    .events = awaited(&askers[i]) };
}

int
control_wait(void)
{
	uint64_t now = clock_now(), soonest = UINT64_MAX;
	size_t i;

	for (i = 0; i < CONTROL_ASKERS; i++)
		if (askers[i].fd != -1 && askers[i].deadline < soonest)
			soonest = askers[i].deadline;
	if (soonest == UINT64_MAX)
		return (-1);
	return (soonest <= now ? 0 :
	    (int)((soonest - now) / (CLOCK_SECOND / 1000)) + 1);
}

bool
control_step(const struct pollfd *fds)
{
	uint64_t now = clock_now();
	bool revoked = false;
	struct asker *a;
	size_t i;

	for (i = 0; i < CONTROL_ASKERS; i++) {
		a = &askers[i];
		if (a->fd == -1)
			continue;
		if (a->what == 0 && fds[1 + i].revents != 0)
			take_question(a);
		else if ((fds[1 + i].revents & (POLLERR | POLLHUP)) != 0)
			drop_asker(a);
		else if (a->what == CONTROL_RELOAD ||
		    fds[1 + i].revents != 0)
			revoked |= control_answer(a);
		else if (now >= a->deadline)
			drop_asker(a);
	}
	if (fds[0].revents != 0)
		take_asker();
	return (revoked);
}
