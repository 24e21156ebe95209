/* Serving the children. */
#include "serve.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "bounds.h"
#include "chan.h"
#include "clock.h"
#include "forbidden.h"
#include "ledger.h"
#include "log.h"

#define START_TIMEOUT	60	/* seconds for a child to do its first part */
#define DEATH_TIMEOUT	500	/* ms from a closed channel to the exit status */
#define REFUSED_PERIOD	60	/* seconds between log lines */

/*
 * Transactions with the kernel: at most so many a second (P7).  An honest
 * worker that is asked for more has larger batches instead.
 */
#define TRANSACTIONS	20000ULL
#define TRANSACTIONS_BURST 1000ULL

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static struct bounds *bounds;
static struct ledger *ledger;
static const struct backend *backend;
static const struct options *options;
static uint8_t families;

static struct log_limit refused_limit, full_limit;
static uint64_t tokens, tokens_time;
static volatile sig_atomic_t stop_signal;

/* One turn: what was asked, and what goes back. */
static struct msg_grant grants[BACKEND_BATCH_MAX];
static struct msg_result results[BACKEND_BATCH_MAX];
static uint64_t before[BACKEND_BATCH_MAX];	/* the ledger's expiry */
static struct backend_add adds[BACKEND_BATCH_MAX];
static size_t add_index[BACKEND_BATCH_MAX];

static void
on_stop(int sig)
{
	stop_signal = sig;
}

static void
on_child(int sig)
{
	(void)sig;	/* only to wake ppoll */
}

void
serve_signals(void)
{
	static const int stops[] = { SIGTERM, SIGINT, SIGQUIT };
	struct sigaction sa = { .sa_handler = on_stop };
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		sigaddset(&set, stops[i]);
		sigaction(stops[i], &sa, NULL);
	}
	sa.sa_handler = on_child;
	sigaddset(&set, SIGCHLD);
	sigaction(SIGCHLD, &sa, NULL);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == -1)
		fatal("sigprocmask");
	sa.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &sa, NULL);
	/* A terminal that goes away is a stop, too, but not its HUP (A9). */
	sigaction(SIGHUP, &sa, NULL);
}

void
serve_init(const struct options *o)
{
	options = o;
	bounds = bounds_new();
	ledger = ledger_new(o->max_grants);
}

/* Wait for input or a signal; ms < 0: for ever.  Returns ppoll's result. */
static int
wait_for(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct timespec ts = { .tv_sec = ms / 1000,
	    .tv_nsec = ms % 1000 * 1000000L };
	sigset_t none;
	int n;

	sigemptyset(&none);
	n = ppoll(&pfd, 1, ms < 0 ? NULL : &ts, &none);
	if (n == -1 && errno != EINTR)
		fatal("ppoll");
	return (n);
}

/*
 * The exit status of a child whose channel is closed.  Returns false if it
 * does not come in time.
 */
static bool
reap(const struct child *c, siginfo_t *info)
{
	uint64_t deadline = clock_now() + DEATH_TIMEOUT * (CLOCK_SECOND / 1000);

	for (;;) {
		memset(info, 0, sizeof(*info));
		if (waitid(P_PID, (id_t)c->pid, info, WEXITED | WNOHANG) == -1)
			fatal("waitid");
		if (info->si_pid == c->pid)
			return (true);
		if (clock_now() >= deadline)
			return (false);
		wait_for(-1, 10);
	}
}

/* P4: one process dead means all stop. */
static void __attribute__((noreturn))
died(const struct child *c)
{
	siginfo_t info;

	if (!reap(c, &info))
		fatalx("dnsfw-proxy (%s) closed its channel: stopping",
		    c->name);
	if (info.si_code == CLD_EXITED)
		fatalx("dnsfw-proxy (%s) died: exit status %d; stopping",
		    c->name, info.si_status);
	fatalx("dnsfw-proxy (%s) died: killed by signal %d (%s)%s; stopping",
	    c->name, info.si_status, sigabbrev_np(info.si_status),
	    info.si_status == SIGSYS ?
	    ", a system call outside of its allow-list" : "");
}

static void __attribute__((noreturn))
malformed(const struct child *c, const char *why)
{
	fatalx("malformed message from dnsfw-proxy (%s): %s; stopping",
	    c->name, why);
}

/*
 * One record if there is one.  Returns its length, or 0 for none now; a peer
 * that is gone or misbehaves ends the program.
 */
static size_t
receive(struct child *c, void *buf, int *fd)
{
	ssize_t n = chan_recv(c->chan, buf, fd, 0);

	switch (n) {
	case CHAN_AGAIN:
		return (0);
	case CHAN_EOF:
		died(c);
	case CHAN_BAD:
		malformed(c, "truncated, or with a descriptor");
	case CHAN_ERROR:
		fatal("recvmsg from dnsfw-proxy (%s)", c->name);
	default:
		return ((size_t)n);
	}
}

/* As receive, but waits, and only so long. */
static size_t
receive_wait(struct child *c, void *buf, int *fd)
{
	uint64_t deadline = clock_now() + START_TIMEOUT * CLOCK_SECOND;
	size_t n;

	while ((n = receive(c, buf, fd)) == 0) {
		if (stop_signal != 0)
			fatalx("stopped by signal %d during the start",
			    (int)stop_signal);
		if (clock_now() >= deadline)
			fatalx("dnsfw-proxy (%s) is silent", c->name);
		wait_for(c->chan, 1000);
	}
	return (n);
}

void
serve_wait_ready(struct child *c)
{
	uint8_t buf[MSG_SIZE_MAX];
	struct msg_ready ready;
	enum msg_err err;
	size_t n;

	n = receive_wait(c, buf, NULL);
	if ((err = msg_ready_decode(buf, n, &ready)) != MSG_OK)
		malformed(c, msg_strerror(err));
	c->ready = true;
}

/* Nobody can change the image any more, and it is as long as was said. */
static void
check_image(const struct child *c, int fd, const struct msg_sealed *sealed)
{
	struct stat st;

	if (fd == -1)
		malformed(c, "SEALED without a descriptor");
	if (fcntl(fd, F_GET_SEALS) == -1 ||
	    (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS)
		malformed(c, "the image is not sealed");
	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size != sealed->size)
		malformed(c, "the image does not have the size that was said");
}

/* One BOUND or SEALED; returns true after the latter. */
static bool
compiler_message(struct child *c, struct msg_sealed *sealed, int *image)
{
	uint8_t buf[MSG_SIZE_MAX];
	struct msg_bound bound;
	enum msg_err err;
	int fd;
	size_t n;

	n = receive_wait(c, buf, &fd);
	if (buf[0] == MSG_SEALED) {
		if ((err = msg_sealed_decode(buf, n, sealed)) != MSG_OK)
			malformed(c, msg_strerror(err));
		check_image(c, fd, sealed);
		*image = fd;
		return (true);
	}
	if (fd != -1)
		malformed(c, "a descriptor where none belongs");
	if ((err = msg_bound_decode(buf, n, &bound)) != MSG_OK)
		malformed(c, msg_strerror(err));
	if (bounds_add(bounds, &bound) == -1)
		malformed(c, "too many bounds");
	return (false);
}

int
serve_policy(struct child *c, struct msg_sealed *sealed)
{
	siginfo_t info;
	int image;

	serve_wait_ready(c);
	while (!compiler_message(c, sealed, &image))
		;
	if (!reap(c, &info) || info.si_code != CLD_EXITED ||
	    info.si_status != 0)
		fatalx("dnsfw-proxy (%s) did not end as it should", c->name);
	close(c->chan);
	c->chan = -1;
	return (image);
}

/* P7: what root and the policy allow, whatever a proxy says. */
static enum msg_result_code
permitted(const struct msg_grant *g)
{
	struct addr client = { .family = g->family };
	struct addr dst = { .family = g->family };
	size_t i;

	memcpy(client.bytes, g->client, sizeof(client.bytes));
	memcpy(dst.bytes, g->dst, sizeof(dst.bytes));
	if (forbidden_destination(&dst))
		return (RESULT_FORBIDDEN);
	if ((families & (g->family == ADDR_V4 ?
	    MSG_FAMILY_V4 : MSG_FAMILY_V6)) == 0 || !bounds_cover(bounds, g))
		return (RESULT_OUTSIDE);
	if (options->nclient_nets == 0 || g->local)
		return (RESULT_OK);
	for (i = 0; i < options->nclient_nets; i++) {
		if (addr_in_net(&client, &options->client_nets[i]))
			return (RESULT_OK);
	}
	return (RESULT_OUTSIDE);
}

static void
log_refused(enum msg_result_code code, uint64_t now)
{
	struct log_limit *limit = code == RESULT_FULL ?
	    &full_limit : &refused_limit;
	uint64_t count;

	if (!log_allowed(limit, now, REFUSED_PERIOD, &count))
		return;
	if (code == RESULT_FULL)
		log_warn("%llu grants refused: %u are live, and --max-grants "
		    "is %u", (unsigned long long)count, ledger_count(ledger),
		    ledger_max(ledger));
	else
		log_warn("%llu grants refused: %s", (unsigned long long)count,
		    msg_result_text(code));
}

/*
 * Decide on grants[i].  Returns true if the kernel has to be asked; then the
 * grant is in the ledger already, so that another one of this turn neither
 * shortens it nor takes its room.  Else results[i] is complete.
 */
static bool
decide(size_t i, uint64_t now)
{
	const struct msg_grant *g = &grants[i];
	struct msg_result *r = &results[i];
	uint64_t lifetime, grace;

	r->code = (uint8_t)permitted(g);
	lifetime = msg_lifetime(g->ttl, options->min_rule_time,
	    options->max_rule_time);
	grace = options->max_rule_time - lifetime;
	if (grace > GRANT_GRACE)
		grace = GRANT_GRACE;
	before[i] = ledger_expiry(ledger, g);
	if (r->code == RESULT_OK &&
	    before[i] >= now + lifetime * CLOCK_SECOND) {
		r->expiry = before[i];
		return (false);
	}
	/* Never shortened (G2): what was known is less than the lifetime. */
	r->expiry = now + (lifetime + grace) * CLOCK_SECOND;
	if (r->code == RESULT_OK &&
	    ledger_put(ledger, g, r->expiry) == -1)
		r->code = RESULT_FULL;
	if (r->code == RESULT_OK)
		return (true);
	r->expiry = 0;
	log_refused(r->code, now);
	return (false);
}

/* What the kernel refused goes out of the ledger, the latest first. */
static void
take_back(size_t nadds, size_t n)
{
	size_t a, i;
	bool any = false;

	for (a = nadds; a-- > 0;) {
		i = add_index[a];
		if (adds[a].code == RESULT_OK)
			continue;
		results[i].code = adds[a].code;
		results[i].expiry = 0;
		ledger_restore(ledger, &grants[i], before[i]);
		any = true;
	}
	/* One of them may be what another relied on. */
	for (i = 0; any && i < n; i++) {
		if (results[i].code == RESULT_OK &&
		    ledger_expiry(ledger, &grants[i]) < results[i].expiry) {
			results[i].code = RESULT_FAILED;
			results[i].expiry = 0;
		}
	}
}

/* n grants of one turn: check, one transaction, results. */
static void
program(struct child *c, size_t n)
{
	uint64_t now = clock_now();
	size_t i, nadds = 0;

	ledger_expire(ledger, now);
	for (i = 0; i < n; i++) {
		memset(&results[i], 0, sizeof(results[i]));
		results[i].type = MSG_RESULT;
		results[i].seq = grants[i].seq;
		if (!decide(i, now))
			continue;
		adds[nadds].grant = &grants[i];
		/* Rounded up: 0 would be for ever. */
		adds[nadds].timeout = (uint32_t)((results[i].expiry - now +
		    CLOCK_SECOND - 1) / CLOCK_SECOND);
		add_index[nadds++] = i;
	}
	if (nadds > 0) {
		backend->add(adds, nadds);
		tokens -= tokens > 0;
		take_back(nadds, n);
	}
	for (i = 0; i < n; i++) {
		if (chan_send(c->chan, &results[i], sizeof(results[i]), -1) !=
		    sizeof(results[i]))
			malformed(c, "it does not take its results");
	}
}

/* Everything that the worker has to say now, at most one batch of it. */
static void
serve_turn(struct child *c)
{
	uint8_t buf[MSG_SIZE_MAX];
	enum msg_err err;
	size_t len, n = 0;

	while (n < BACKEND_BATCH_MAX && (len = receive(c, buf, NULL)) > 0) {
		err = msg_grant_decode(buf, len, &grants[n]);
		if (err != MSG_OK)
			malformed(c, msg_strerror(err));
		n++;
	}
	if (n > 0)
		program(c, n);
}

/* True if a transaction may be made now. */
static bool
refill(void)
{
	uint64_t now = clock_now(), more;

	more = (now - tokens_time) / (CLOCK_SECOND / TRANSACTIONS);
	if (more > 0) {
		tokens = tokens + more > TRANSACTIONS_BURST ?
		    TRANSACTIONS_BURST : tokens + more;
		tokens_time = now;
	}
	return (tokens > 0);
}

static void
send_policy(struct child *c, int image, const struct msg_sealed *sealed)
{
	struct msg_policy policy = { .type = MSG_POLICY,
	    .families = families, .size = sealed->size };

	if (chan_send(c->chan, &policy, sizeof(policy), image) !=
	    sizeof(policy))
		died(c);
	close(image);
}

void
serve_worker(struct child *c, const struct backend *b,
    uint8_t fams, int image, const struct msg_sealed *sealed)
{
	struct msg_stop stop = { .type = MSG_STOP };
	siginfo_t info;

	backend = b;
	families = fams;
	tokens = TRANSACTIONS_BURST;
	tokens_time = clock_now();
	send_policy(c, image, sealed);
	log_info("Server started: %u rules", sealed->rules);
	while (stop_signal == 0) {
		if (!refill())
			wait_for(-1, 1);
		else if (wait_for(c->chan, -1) > 0)
			serve_turn(c);
	}
	log_info("stopping (signal %d)", (int)stop_signal);
	/* A worker that does not end by itself is ended by our end (P4). */
	if (chan_send(c->chan, &stop, sizeof(stop), -1) == sizeof(stop))
		(void)reap(c, &info);
}
