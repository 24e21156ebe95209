/* What the keeper asks of the helper, and what becomes of it. */
#include "ask.h"

#include <sys/socket.h>

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netlink.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "keepconf.h"
#include "log.h"
#include "patience.h"
#include "report.h"

#define RECORDS_MAX	1000	/* of one descriptor in one go */

/* The largest: an error of the kernel may repeat what it is about. */
#define RECORD_MAX	(ORDER_BATCH_MAX * sizeof(struct order_refused))
#define DATAGRAM_MAX	8192

/* MAKE of rules has a seq for each kind, and one before for the batch. */
#define MAKE_SEQS	STAMPS_SUBS

/* Orders that went out as one record, and what has come of it. */
struct transaction {
	uint32_t	first;		/* seq; the batch has the one before */
	size_t		n;
	bool		as_one;		/* what is refused is all of it */
	bool		lost;		/* answers were */
	bool		begin_answered;
	int		begin_error;
	bool		answered[ORDER_BATCH_MAX];
	int		errors[ORDER_BATCH_MAX];
	enum order_code	codes[ORDER_BATCH_MAX];
};

/* A listing is under way on each of two sockets, at most; and what is none. */
enum { LIST_READ, FLOWS_READ, PING_READ, NREADS };

struct read {
	uint32_t	seq;
	enum order_code	code;
};

/*
 * The helper.  The transaction outlives who waited for it, if he waited in
 * vain; nobody else needs more than this file's functions tell.
 */
static struct helper {
	uint32_t	portid;		/* of KEEP_FD_ACT */
	uint32_t	next_seq;
	bool		stuck;
	bool		ended;
	struct order_error why;
	struct read	reads[NREADS];
	struct transaction t;
} helper = { .next_seq = 1 };

static void
take_refused(struct transaction *t, const struct order_refused *r)
{
	uint32_t i = r->seq - t->first;
	size_t k;

	for (k = 0; k < NREADS; k++) {
		if (helper.reads[k].seq == r->seq)
			helper.reads[k].code = r->code;
	}
	if (t->as_one && i < t->n) {
		for (k = 0; k < t->n; k++)
			t->codes[k] = r->code;
	} else if (i < t->n)
		t->codes[i] = r->code;
}

/* One record of the helper. */
static void
take_report(struct transaction *t, const uint8_t *record, size_t len)
{
	struct order_refused r;
	size_t i;

	if (record[0] == ORDER_ERROR &&
	    report_error_decode(record, len, &helper.why) == ORDER_OK)
		return;
	if (record[0] != ORDER_REFUSED || len > RECORD_MAX ||
	    len % sizeof(r) != 0)
		fatalx("the helper sent a malformed record of type %u",
		    record[0]);
	for (i = 0; i < len; i += sizeof(r)) {
		if (report_refused_decode(record + i, sizeof(r), &r) !=
		    ORDER_OK)
			fatalx("the helper sent a malformed refusal");
		take_refused(t, &r);
	}
}

/* All records of the helper that are there. */
static void
read_helper(struct transaction *t)
{
	uint8_t record[RECORD_MAX];
	ssize_t len;
	int i;

	for (i = 0; i < RECORDS_MAX && !helper.ended; i++) {
		len = recv(KEEP_FD_HELPER, record, sizeof(record),
		    MSG_DONTWAIT | MSG_TRUNC);
		if (len == -1 && errno == EAGAIN)
			return;
		if (len > 0)
			take_report(t, record, (size_t)len);
		else if (len == 0 || errno != EINTR)
			helper.ended = true;
	}
}

/* One message of the kernel; others than answers are of no interest. */
static void
take_ack(struct transaction *t, const struct nlmsghdr *nlh)
{
	uint32_t i = nlh->nlmsg_seq - t->first;
	int error;

	if (nlh->nlmsg_pid != helper.portid ||
	    nlh->nlmsg_type != NLMSG_ERROR ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(error))
		return;
	memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	if (nlh->nlmsg_seq == t->first - 1) {
		t->begin_answered = true;
		t->begin_error = -error;
	} else if (i < t->n) {
		t->answered[i] = true;
		if (t->errors[i] == 0)
			t->errors[i] = -error;
	}
}

/* Has the kernel seen to the last order?  It has nothing to add, then. */
static bool
is_answered(const struct transaction *t)
{
	return (t->n > 0 && t->answered[t->n - 1]);
}

/*
 * The answers that are there, at least one of them, be it of an earlier
 * transaction.  Their order is that of the messages.
 */
static void
read_answers(struct transaction *t)
{
	char in[DATAGRAM_MAX] __attribute__((aligned(8)));
	const struct nlmsghdr *nlh;
	int i, len;

	for (i = 0; i == 0 || (i < RECORDS_MAX && !is_answered(t)); i++) {
		len = (int)recv(KEEP_FD_ACT, in, sizeof(in),
		    MSG_DONTWAIT | MSG_TRUNC);
		if (len == -1 && errno == EAGAIN)
			return;
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1 || len > (int)sizeof(in)) {
			t->lost = true;
			continue;
		}
		for (nlh = (const struct nlmsghdr *)in; mnl_nlmsg_ok(nlh, len);
		    nlh = mnl_nlmsg_next(nlh, &len))
			take_ack(t, nlh);
	}
}

/*
 * Is there nothing more to come?  The helper says first what it refuses, and
 * asks the kernel to acknowledge the last of the others.
 */
static bool
is_done(const struct transaction *t)
{
	size_t i = t->n;

	while (i > 0 && t->codes[i - 1] != ORDER_SENT)
		i--;
	return (i == 0 || t->answered[i - 1] || t->begin_answered || t->lost);
}

static void
await(struct transaction *t)
{
	struct pollfd pfds[] = { { .fd = KEEP_FD_HELPER, .events = POLLIN },
	    { .fd = KEEP_FD_ACT, .events = POLLIN } };
	uint64_t deadline = patience_deadline(ASK_WAIT);

	/* Nothing is there yet: to look would only cost. */
	do {
		if (clock_now() >= deadline) {
			helper.stuck = true;
			return;
		}
		(void)patience_poll(pfds, 2, deadline);
		/* What was refused was said before, so it is seen after. */
		read_answers(t);
		/* A single one that the kernel has was not refused. */
		if (t->n > 1 || !is_answered(t))
			read_helper(t);
	} while (!is_done(t) && !helper.ended);
	/* What it wrote before it ended is there now. */
	if (helper.ended)
		read_answers(t);
}

static int
send_order(const void *record, size_t len)
{
	ssize_t n;

	if (helper.ended)
		return (-1);
	do
		n = send(KEEP_FD_HELPER, record, len,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno != EAGAIN)
		helper.ended = true;
	return (n == -1 ? -1 : 0);
}

/* The first of n consecutive ones, none of which is 0, after a free one. */
static uint32_t
take_seqs(size_t n)
{
	uint32_t first;

	if (helper.next_seq > UINT32_MAX - 2 * (uint32_t)n)
		helper.next_seq = 1;
	first = helper.next_seq + 1;
	helper.next_seq = first + (uint32_t)n;
	return (first);
}

/*
 * One transaction, from begin to end; t->first and n are set.  What came late is
 * looked for before.
 */
static struct ask_result
transact(struct transaction *t, const void *record, size_t len,
    struct ask_result *results)
{
	struct ask_result whole = { .what = ASK_UNKNOWN };
	bool sent = false, known;
	size_t i;

	if (send_order(record, len) == 0) {
		sent = true;
		await(t);
	}
	known = sent && is_done(t) && !t->lost;
	if (known)
		whole = (struct ask_result){ .what = ASK_DONE,
		    .error = t->begin_error };
	for (i = 0; i < t->n; i++) {
		results[i] = (struct ask_result){ .code = t->codes[i],
		    .what = t->codes[i] != ORDER_SENT ? ASK_REFUSED :
		    known ? ASK_DONE : ASK_UNKNOWN };
		if (results[i].what != ASK_DONE)
			continue;
		results[i].error = t->errors[i];
		if (whole.error == 0)
			whole.error = t->errors[i];
	}
	return (whole);
}

/* None while an earlier one is not over. */
static bool
is_free(void)
{
	if (helper.stuck)
		ask_look();
	return (!helper.stuck && !helper.ended);
}

static struct ask_result
unknown(size_t n, struct ask_result *results)
{
	size_t i;

	for (i = 0; i < n; i++)
		results[i] = (struct ask_result){ .what = ASK_UNKNOWN };
	return ((struct ask_result){ .what = ASK_UNKNOWN });
}

/* Orders with a seq of their own, which stands at seq_at of each. */
static struct ask_result
transact_each(uint8_t *orders, size_t size, size_t seq_at, size_t n,
    struct ask_result *results)
{
	uint32_t seq;
	size_t i;

	if (!is_free())
		return (unknown(n, results));
	helper.t = (struct transaction){ .first = take_seqs(n), .n = n };
	for (i = 0; i < n; i++) {
		seq = helper.t.first + (uint32_t)i;
		memcpy(orders + i * size + seq_at, &seq, sizeof(seq));
	}
	return (transact(&helper.t, orders, n * size, results));
}

struct ask_result
ask_grants(struct order_grant *orders, size_t n, struct ask_result *results)
{
	return (transact_each((uint8_t *)orders, sizeof(*orders),
	    offsetof(struct order_grant, seq), n, results));
}

struct ask_result
ask_flows(struct order_flow *orders, size_t n, struct ask_result *results)
{
	return (transact_each((uint8_t *)orders, sizeof(*orders),
	    offsetof(struct order_flow, seq), n, results));
}

/* The last kind of which there is a message is the one that is acknowledged. */
static size_t
make_seqs(const struct order_make *order)
{
	uint8_t kinds = order->sets | order->rules;
	size_t n = 1;

	while (kinds >> n != 0)
		n++;
	return (n);
}

struct ask_result
ask_make(struct order_make *order)
{
	struct ask_result results[MAKE_SEQS], whole;

	if (!is_free())
		return (unknown(0, results));
	order->type = ORDER_MAKE;
	helper.t = (struct transaction){ .first = take_seqs(MAKE_SEQS),
	    .n = make_seqs(order), .as_one = true };
	order->seq = helper.t.first;
	whole = transact(&helper.t, order, sizeof(*order), results);
	return (results[0].what == ASK_REFUSED ? results[0] : whole);
}

bool
ask_stuck(void)
{
	return (helper.stuck);
}

void
ask_look(void)
{
	read_answers(&helper.t);
	read_helper(&helper.t);
	if (is_done(&helper.t))
		helper.stuck = false;
}

bool
ask_ended(struct order_error *why)
{
	*why = helper.why;
	return (helper.ended || helper.why.type != 0);
}

/* Returns its seq, or 0. */
static uint32_t
send_read(struct order_read *order, unsigned int as)
{
	order->type = ORDER_READ;
	order->seq = take_seqs(1);
	if (!is_free() || send_order(order, sizeof(*order)) == -1)
		return (0);
	helper.reads[as] = (struct read){ .seq = order->seq };
	return (order->seq);
}

uint32_t
ask_read(enum stamps_id what, uint8_t sub, const char *name)
{
	struct order_read order = { .what = (uint8_t)what, .sub = sub };

	if (name != NULL && strlen(name) >= sizeof(order.name))
		return (0);
	if (name != NULL)
		memcpy(order.name, name, strlen(name));
	return (send_read(&order, what == STAMP_FLOWS ? FLOWS_READ : LIST_READ));
}

uint32_t
ask_ping(void)
{
	/* No READ may name what is no listing. */
	struct order_read order = { .what = STAMP_ADD };

	return (send_read(&order, PING_READ));
}

enum order_code
ask_read_code(uint32_t seq)
{
	size_t i;

	read_helper(&helper.t);
	for (i = 0; i < NREADS; i++) {
		if (helper.reads[i].seq == seq)
			return (helper.reads[i].code);
	}
	return (ORDER_SENT);
}

uint32_t
ask_portid(int fd)
{
	struct sockaddr_nl addr;
	socklen_t len = sizeof(addr);

	memset(&addr, 0, sizeof(addr));
	if (getsockname(fd, (struct sockaddr *)&addr, &len) == -1)
		fatal("descriptor %d", fd);
	if (addr.nl_family != AF_NETLINK)
		fatalx("descriptor %d is no netlink socket", fd);
	return (addr.nl_pid);
}

void
ask_open(void)
{
	struct pollfd pfd = { .fd = KEEP_FD_HELPER, .events = POLLIN };
	uint64_t deadline = clock_now() + PATIENCE_START;
	uint8_t record[RECORD_MAX];
	struct order_ready ready;
	struct order_error error;
	ssize_t n;

	helper.portid = ask_portid(KEEP_FD_ACT);
	while (patience_poll(&pfd, 1, deadline) != 1) {
		if (clock_now() >= deadline)
			fatalx("the helper is not ready after a minute");
	}
	n = recv(KEEP_FD_HELPER, record, sizeof(record), MSG_DONTWAIT);
	if (n > 0 && report_error_decode(record, (size_t)n, &error) ==
	    ORDER_OK)
		fatalx("the helper ends: %s", report_end_text(error.why));
	if (n <= 0 || report_ready_decode(record, (size_t)n, &ready) !=
	    ORDER_OK)
		fatalx("the helper does not say that it is ready");
}

const char *
ask_strerror(int error)
{
	static char text[32];

	/* The kernel never says so. */
	if (error == ETIMEDOUT)
		return ("dnsfw-priv, the helper, does not answer");
	if (error == EPERM)
		return ("Operation not permitted: CAP_NET_ADMIN is needed, in "
		    "the user namespace that this network belongs to");
	if (error == IPSET_ERR_FIND_TYPE)
		return ("the kernel does not have this set type");
	if (error == IPSET_ERR_BUSY)
		return ("the set is in use");
	if (error < IPSET_ERR_PRIVATE)
		return (strerror(error));
	snprintf(text, sizeof(text), "ip_set error %d", error);
	return (text);
}

const char *
ask_text(const struct ask_result *r)
{
	if (r->what == ASK_UNKNOWN)
		return (helper.stuck ? ask_strerror(ETIMEDOUT) :
		    "the answer is not there");
	return (r->what == ASK_REFUSED ? report_code_text(r->code) :
	    ask_strerror(r->error));
}
