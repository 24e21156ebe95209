/* The real helper, in a network namespace of the test's own. */
#include "helper_rig.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <linux/netlink.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include "addrtext.h"
#include "drop.h"
#include "landlock.h"
#include "netns.h"
#include "never.h"
#include "report.h"
#include "start/given.h"
#include "start/spawn.h"
#include "stamp/filter.h"
#include "stamp/make.h"

#define AT(fd)		((fd) - SPAWN_FD_FIRST)
#define FDS		(AT(HELPER_FD_LANDLOCK) + 1)
#define FREE_FD		32	/* above all descriptors of a helper */
#define USER		64123
#define PATIENCE	10000	/* ms */
#define OUTPUT_MAX	(4 << 20)

static struct stamps stamps;

struct stamps *
rig_stamps(const struct stamps_wish *wish)
{
	memset(&stamps, 0, sizeof(stamps));
	stamps.version = ORDER_VERSION;
	stamps.size = sizeof(stamps);
	stamps.uid = stamps.gid = USER;
	stamps.limits.left_max = 3600 * 1000;
	stamps.limits.rate = 1000000;
	stamps.limits.burst = 1000000;
	stamps.limits.local = 1;
	never_fill(&stamps.limits);
	stamps_make(wish, &stamps);
	filter_make(&stamps);
	return (&stamps);
}

static void
wait_for(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	cr_assert_eq(poll(&p, 1, PATIENCE), 1, "nothing to read");
}

/* Where the helper's descriptors are to be, there is nothing else. */
static void
take_low_ones(void)
{
	while (open("/dev/null", O_RDWR | O_CLOEXEC) < FREE_FD)
		;
}

static void
start_with(struct rig *r, int stamps_fd)
{
	const struct keepconf_user user = { .uid = USER, .gid = USER };
	int fds[FDS], keeper[2], compiler[2], life[2];
	const char *why;

	take_low_ones();
	drop_directory();
	spawn_channel(keeper);
	spawn_channel(compiler);
	memset(fds, -1, sizeof(fds));
	fds[AT(HELPER_FD_KEEPER)] = keeper[1];
	fds[AT(HELPER_FD_COMPILER)] = compiler[1];
	fds[AT(HELPER_FD_ACT)] = r->act = given_netlink(0);
	fds[AT(HELPER_FD_LIST)] = r->list = given_netlink(0);
	fds[AT(HELPER_FD_FLOWS)] = r->flows = given_netlink(0);
	fds[AT(HELPER_FD_OWN)] = given_netlink(0);
	fds[AT(HELPER_FD_STAMPS)] = stamps_fd;
	fds[AT(HELPER_FD_LANDLOCK)] = landlock_ruleset(NULL, 0, -1, &why);
	/* Our end stays open as long as this process lives. */
	cr_assert_eq(pipe2(life, O_CLOEXEC), 0);
	r->pid = spawn_helper(&user, life[0], fds, FDS);
	close(life[0]);
	/* It has been removed, which the shell would not like. */
	cr_assert_eq(chdir("/"), 0);
	r->keeper = keeper[0];
	r->compiler = compiler[0];
	r->seq = 1000;
	close(keeper[1]);
	close(compiler[1]);
	close(fds[AT(HELPER_FD_OWN)]);
}

int
rig_start_fails(int stamps_fd)
{
	struct rig r;
	int status;

	start_with(&r, stamps_fd);
	/* One that starts all the same ends with its keeper. */
	close(r.keeper);
	cr_assert_eq(waitpid(r.pid, &status, 0), r.pid);
	cr_assert(WIFEXITED(status), "status %#x", status);
	return (WEXITSTATUS(status));
}

void
rig_start_unbound(struct rig *r)
{
	struct order_ready ready;
	ssize_t n;

	take_low_ones();
	start_with(r, given_memory("stamps", &stamps, sizeof(stamps)));
	wait_for(r->keeper);
	n = recv(r->keeper, &ready, sizeof(ready), 0);
	cr_assert(n > 0 && report_ready_decode(&ready, (size_t)n, &ready) ==
	    ORDER_OK && ready.version == ORDER_VERSION, "not ready");
}

void
rig_start(struct rig *r)
{
	const struct order_bound all[] = {
		{ .type = ORDER_BOUND },
		{ .type = ORDER_BOUND, .family = ADDR_V4 },
		{ .type = ORDER_BOUND, .family = ADDR_V6 }
	};

	rig_start_unbound(r);
	rig_commit(r, all, 3);
}

void
rig_commit(struct rig *r, const struct order_bound *bounds, size_t n)
{
	const struct order_commit commit = { .type = ORDER_COMMIT,
	    .bounds = (uint32_t)n };
	size_t i, now;

	for (i = 0; i < n; i += now) {
		now = n - i < ORDER_BATCH_MAX ? n - i : ORDER_BATCH_MAX;
		cr_assert(send(r->compiler, bounds + i,
		    now * sizeof(bounds[0]), MSG_NOSIGNAL) > 0);
	}
	cr_assert(send(r->compiler, &commit, sizeof(commit), MSG_NOSIGNAL) > 0);
}

void
rig_tell(struct rig *r, const void *record, size_t len)
{
	cr_assert_eq(send(r->keeper, record, len, MSG_NOSIGNAL), (ssize_t)len,
	    "send: %s", strerror(errno));
}

/* The place of seq in all types of orders that have one. */
static void
set_seq(void *order, uint32_t seq)
{
	memcpy((char *)order + offsetof(struct order_grant, seq), &seq, 4);
}

static_assert(offsetof(struct order_grant, seq) ==
    offsetof(struct order_read, seq) && offsetof(struct order_grant, seq) ==
    offsetof(struct order_make, seq) && offsetof(struct order_grant, seq) ==
    offsetof(struct order_flow, seq), "seq has one place");

/* State of a transaction: what is known of seqs first .. first + n - 1. */
struct wait {
	uint32_t	first;
	uint32_t	beyond;		/* seqs of the last order besides its own */
	size_t		n, nrefused;
	struct rig_answer *answers;
	int		whole;		/* error of the batch itself */
	bool		done;
	int		data;		/* messages */
};

static void
hear_refusals(struct rig *r, struct wait *w)
{
	struct order_refused refused[ORDER_BATCH_MAX], one;
	ssize_t i, n = recv(r->keeper, refused, sizeof(refused), MSG_DONTWAIT);

	cr_assert(n > 0 && n % (ssize_t)sizeof(one) == 0, "helper is gone");
	for (i = 0; i < n / (ssize_t)sizeof(one); i++) {
		cr_assert_eq(report_refused_decode(&refused[i], sizeof(one),
		    &one), ORDER_OK);
		cr_assert_lt(one.seq - w->first, w->n);
		w->answers[one.seq - w->first].refused = true;
		w->answers[one.seq - w->first].code = one.code;
		w->nrefused++;
	}
}

/* Has the answer with this seq to be the last one? */
static bool
is_last(const struct wait *w, uint32_t seq)
{
	size_t i = w->n;

	while (i > 0 && w->answers[i - 1].refused)
		i--;
	return (seq == w->first - 1 || (i > 0 && seq - (w->first + (uint32_t)i -
	    1) <= w->beyond));
}

static void
hear_error(struct wait *w, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	uint32_t i = nlh->nlmsg_seq - w->first;

	if (nlh->nlmsg_seq == w->first - 1)
		w->whole = -e->error;
	else if (i < w->n && w->answers[i].error == 0)
		w->answers[i].error = -e->error;
	else if (i < w->n + w->beyond && w->answers[w->n - 1].error == 0)
		w->answers[w->n - 1].error = -e->error;
	w->done |= is_last(w, nlh->nlmsg_seq);
}

static void
hear_kernel(int fd, struct wait *w)
{
	static char in[1 << 16] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	int len;

	while ((len = (int)recv(fd, in, sizeof(in), MSG_DONTWAIT)) > 0) {
		for (nlh = (const struct nlmsghdr *)in; mnl_nlmsg_ok(nlh, len);
		    nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_type == NLMSG_ERROR)
				hear_error(w, nlh);
			else if (nlh->nlmsg_type == NLMSG_DONE)
				w->done = true;
			else
				w->data++;
		}
	}
}

static void
hear(struct rig *r, int fd, struct wait *w)
{
	struct pollfd p[] = { { .fd = r->keeper, .events = POLLIN },
	    { .fd = fd, .events = POLLIN } };

	while (!w->done && w->nrefused < w->n) {
		cr_assert_gt(poll(p, 2, PATIENCE), 0, "no answer");
		if (p[0].revents != 0)
			hear_refusals(r, w);
		if (p[1].revents != 0)
			hear_kernel(fd, w);
	}
}

/* What is before the record's own seqs may be that of a batch. */
static void
run_orders(struct rig *r, void *orders, size_t size, int fd, struct wait *w)
{
	size_t i;

	w->first = ++r->seq;
	for (i = 0; i < w->n; i++)
		set_seq((char *)orders + i * size, r->seq++);
	r->seq += 4;
	memset(w->answers, 0, w->n * sizeof(w->answers[0]));
	rig_tell(r, orders, size * w->n);
	hear(r, fd, w);
	for (i = 0; i < w->n && w->whole != 0; i++) {
		if (!w->answers[i].refused && w->answers[i].error == 0)
			w->answers[i].error = w->whole;
	}
}

void
rig_orders(struct rig *r, void *orders, size_t size, size_t n,
    struct rig_answer *answers)
{
	/* A rule of each kind has a seq of its own. */
	struct wait w = { .n = n, .answers = answers,
	    .beyond = size == sizeof(struct order_make) ? 3 : 0 };

	run_orders(r, orders, size, r->act, &w);
}

struct rig_answer
rig_order(struct rig *r, void *order, size_t size)
{
	struct rig_answer answer;

	rig_orders(r, order, size, 1, &answer);
	return (answer);
}

int
rig_read(struct rig *r, enum stamps_id what, uint8_t sub, const char *name,
    struct rig_answer *answer)
{
	struct order_read o = { .type = ORDER_READ, .what = (uint8_t)what,
	    .sub = sub };
	struct wait w = { .n = 1, .answers = answer };

	strcpy(o.name, name);
	run_orders(r, &o, sizeof(o), what == STAMP_FLOWS ? r->flows : r->list,
	    &w);
	return (answer->refused || answer->error != 0 ? -1 : w.data);
}

struct order_error
rig_end(struct rig *r, int *status)
{
	struct order_error error = { .type = ORDER_ERROR };
	ssize_t n;

	cr_assert_eq(waitpid(r->pid, status, 0), r->pid);
	/* What was refused before is of no interest. */
	do {
		n = recv(r->keeper, &error, sizeof(error), MSG_DONTWAIT);
	} while (n > 0 && error.type != ORDER_ERROR);
	return (error);
}

struct order_grant
rig_grant(enum order_type type, const char *client, const char *dst,
    uint32_t left)
{
	struct order_grant g = { .type = (uint8_t)type, .proto = IPPROTO_TCP,
	    .port = 443, .left = left };
	struct addr a;

	cr_assert_eq(addr_parse(dst, strlen(dst), &a), 0);
	g.family = a.family;
	memcpy(g.dst, a.bytes, 16);
	g.local = client[0] == '\0';
	if (g.local == 0) {
		cr_assert_eq(addr_parse(client, strlen(client), &a), 0);
		memcpy(g.client, a.bytes, 16);
	}
	if (type == ORDER_ADD)
		strcpy(g.label, "www.example.com");
	return (g);
}

const char *
rig_output(const char *command)
{
	static char output[OUTPUT_MAX];
	FILE *f = popen(command, "r");
	size_t n;

	cr_assert_not_null(f, "%s", command);
	n = fread(output, 1, sizeof(output) - 1, f);
	output[n] = '\0';
	pclose(f);
	return (output);
}

bool
rig_shows(const char *command, const char *text)
{
	return (strstr(rig_output(command), text) != NULL);
}
