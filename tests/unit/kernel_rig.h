/*
 * A stand-in of the helper and of the kernel for the units of keep/kernel/:
 * what the code sends on its channel is carried out here, on a model of the sets,
 * and what the two would answer waits in queues, each answer from its time on.
 * The clock goes on only while the code waits.  It fails, refuses, loses and
 * delays as a test asks for.
 *
 * The unit is linked with --wrap for clock_now, getsockname, poll, recv, send and
 * setsockopt.
 */
#ifndef KERNEL_RIG_H
#define KERNEL_RIG_H

#include <criterion/criterion.h>

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmnl/libmnl.h>

#include "clock.h"
#include "keepconf.h"
#include "order_each.h"
#include "stamps.h"

#define RIG_PORT(fd)	(7000U + (uint32_t)(fd))
#define RIG_FDS		(KEEP_FD_EVENTS + 1)
#define RIG_ITEMS	4096
#define RIG_SENT	4096
#define RIG_MS		(CLOCK_SECOND / 1000)

/* One datagram or record, or an error that recv says, or the end (len 0). */
struct rig_item {
	uint8_t		*bytes;
	size_t		 len;
	int		 error;
	uint64_t	 at;
};

struct rig_queue {
	struct rig_item	 items[RIG_ITEMS];
	size_t		 head, n;
};

/* A record that the code sent. */
struct rig_record {
	uint8_t		 bytes[ORDER_SIZE_MAX];
	size_t		 len;
};

static struct {
	uint64_t	 now;
	struct rig_queue queues[RIG_FDS];
	struct rig_record *sent;
	size_t		 nsent;
	uint64_t	 polls;
	uint64_t	 receives;
	/* How it behaves. */
	bool		 nft;		/* a batch is done as a whole */
	bool		 silent;	/* the helper stands still: no answer */
	bool		 lose;		/* ENOBUFS instead of answers */
	uint64_t	 delay;		/* ns, of the kernel's answers */
	uint64_t	 work;		/* ns that reading a datagram takes */
	uint64_t	 fail;		/* bits of a record's messages */
	int		 fail_error;
	uint64_t	 refuse;	/* bits, too */
	enum order_code	 refuse_code;
	int		 begin_error;
	int		 send_error;
	unsigned int	 no_memory;	/* that often, for a filter */
	/* The entries of the sets. */
	struct order_grant set[4096];
	size_t		 nset;
	/* When recv first says that the helper's channel has ended. */
	void		 (*on_end)(void);
	/* When it has found nothing of the helper. */
	void		 (*on_nothing)(void);
	/* Further: a READ or MAKE or FLOW, if a test wants to answer itself. */
	void		 (*on_read)(const struct order_read *);
	int		 (*on_grant)(const struct order_grant *);
	int		 (*on_make)(const struct order_make *);
	int		 (*on_flow)(const struct order_flow *);
} rig;

static inline void
rig_put_at(int fd, const void *bytes, size_t len, int error, uint64_t at)
{
	struct rig_queue *q = &rig.queues[fd];
	struct rig_item *i = &q->items[(q->head + q->n) % RIG_ITEMS];

	cr_assert_lt(q->n, RIG_ITEMS, "the rig's queue is full");
	*i = (struct rig_item){ .len = len, .error = error, .at = at };
	i->bytes = malloc(len + 1);
	if (len > 0)
		memcpy(i->bytes, bytes, len);
	q->n++;
}

static inline void
rig_put(int fd, const void *bytes, size_t len)
{
	rig_put_at(fd, bytes, len, 0, rig.now);
}

/* recv says so, once. */
static inline void
rig_fail(int fd, int error)
{
	rig_put_at(fd, NULL, 0, error, rig.now);
}

static inline const struct rig_record *
rig_last(void)
{
	cr_assert_gt(rig.nsent, 0, "nothing was sent");
	return (&rig.sent[rig.nsent - 1]);
}

/* NLMSG_ERROR, as with NETLINK_CAP_ACK. */
static inline void
rig_answer_from(int fd, uint32_t port, uint32_t seq, int error, uint64_t at)
{
	uint8_t buf[64] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nlmsgerr *e;

	nlh->nlmsg_type = NLMSG_ERROR;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = port;
	e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));
	e->error = -error;
	e->msg.nlmsg_seq = seq;
	rig_put_at(fd, buf, nlh->nlmsg_len, 0, at);
}

static inline void
rig_answer(int fd, uint32_t seq, int error)
{
	rig_answer_from(fd, RIG_PORT(fd), seq, error, rig.now + rig.delay);
}

/* The end of a dump. */
static inline void
rig_done(int fd, uint32_t seq, int error)
{
	uint8_t buf[64] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int *number;

	nlh->nlmsg_type = NLMSG_DONE;
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = RIG_PORT(fd);
	number = mnl_nlmsg_put_extra_header(nlh, sizeof(*number));
	*number = -error;
	rig_put_at(fd, buf, nlh->nlmsg_len, 0, rig.now + rig.delay);
}

/* A message of netfilter, for the caller's attributes; rig_message_end sends. */
static inline struct nlmsghdr *
rig_message(void *buf, int fd, uint32_t seq, uint8_t subsystem, uint8_t type)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = (uint16_t)(subsystem << 8 | type);
	nlh->nlmsg_flags = NLM_F_MULTI;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = RIG_PORT(fd);
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	memset(nfg, 0, sizeof(*nfg));
	return (nlh);
}

static inline void
rig_refuse(uint32_t seq, enum order_code code)
{
	struct order_refused r = { .type = ORDER_REFUSED,
	    .code = (uint8_t)code, .seq = seq };

	rig_put(KEEP_FD_HELPER, &r, sizeof(r));
}

static inline struct order_grant *
rig_find(const struct order_grant *o)
{
	size_t i;

	for (i = 0; i < rig.nset; i++) {
		struct order_grant *s = &rig.set[i];

		if (s->family == o->family && s->local == o->local &&
		    s->proto == o->proto && s->port == o->port &&
		    memcmp(s->client, o->client, 16) == 0 &&
		    memcmp(s->dst, o->dst, 16) == 0)
			return (s);
	}
	return (NULL);
}

static inline void
rig_apply(const struct order_grant *o)
{
	struct order_grant *s = rig_find(o);

	if (o->type == ORDER_ADD && s == NULL)
		rig.set[rig.nset++] = *o;
	else if (o->type == ORDER_ADD)
		*s = *o;
	else if (o->type == ORDER_DEL && s != NULL)
		*s = rig.set[--rig.nset];
}

static inline int
rig_error_of(const struct order_grant *o, size_t i)
{
	int error = rig.on_grant == NULL ? 0 : rig.on_grant(o);

	if (error != 0 || (rig.fail >> i & 1))
		return (error != 0 ? error : rig.fail_error);
	if (rig.nft && o->type == ORDER_ADD && (o->how & ORDER_FRESH) &&
	    rig_find(o) != NULL)
		return (EEXIST);
	if (o->type == ORDER_TEST && rig_find(o) == NULL)
		return (rig.nft ? ENOENT : 4103);
	return (0);
}

/* As the helper and the kernel do it (order.h, and the plan of answers). */
static inline void
rig_grants(const struct order_grant *o, size_t n)
{
	int errors[ORDER_BATCH_MAX], last = -1, any = rig.begin_error;
	struct order_refused r[ORDER_BATCH_MAX];
	size_t i, nr = 0;

	for (i = 0; i < n; i++) {
		errors[i] = 0;
		if (rig.refuse >> i & 1) {
			r[nr++] = (struct order_refused){
			    .type = ORDER_REFUSED, .seq = o[i].seq,
			    .code = (uint8_t)rig.refuse_code };
			continue;
		}
		errors[i] = rig_error_of(&o[i], i);
		if (errors[i] != 0)
			any = errors[i];
		last = (int)i;
	}
	if (rig.silent)
		return;
	if (nr > 0)
		rig_put(KEEP_FD_HELPER, r, nr * sizeof(r[0]));
	for (i = 0; i < n; i++) {
		if ((rig.refuse >> i & 1) == 0 &&
		    (rig.nft ? any : errors[i]) == 0)
			rig_apply(&o[i]);
	}
	if (rig.lose) {
		rig_fail(KEEP_FD_ACT, ENOBUFS);
		return;
	}
	if (rig.begin_error != 0) {
		rig_answer(KEEP_FD_ACT, o[0].seq - 1, rig.begin_error);
		return;
	}
	for (i = 0; i < n; i++) {
		if ((rig.refuse >> i & 1) == 0 &&
		    (errors[i] != 0 || (int)i == last))
			rig_answer(KEEP_FD_ACT, o[i].seq, errors[i]);
	}
}

static inline void
rig_make(const struct order_make *m)
{
	uint8_t kinds = m->sets | m->rules, last = 0;
	int error = rig.on_make == NULL ? 0 : rig.on_make(m);

	while (kinds >> (last + 1) != 0)
		last++;
	if (rig.silent)
		return;
	if (rig.refuse != 0)
		rig_refuse(m->seq, rig.refuse_code);
	else if (rig.lose)
		rig_fail(KEEP_FD_ACT, ENOBUFS);
	else if (rig.begin_error != 0)
		rig_answer(KEEP_FD_ACT, m->seq - 1, rig.begin_error);
	else
		rig_answer(KEEP_FD_ACT, m->seq + last, error);
}

static inline void
rig_flows(const struct order_flow *f, size_t n)
{
	size_t i;
	int error;

	for (i = 0; i < n && !rig.silent; i++) {
		error = rig.fail >> i & 1 ? rig.fail_error :
		    rig.on_flow == NULL ? 0 : rig.on_flow(&f[i]);
		if (error != 0 || i == n - 1)
			rig_answer(KEEP_FD_ACT, f[i].seq, error);
	}
}

static inline void
rig_obey(const uint8_t *record, size_t len)
{
	struct order_grant grants[ORDER_BATCH_MAX];
	struct order_flow flows[ORDER_BATCH_MAX];
	struct order_make make;
	struct order_read read;
	size_t i;

	switch (record[0]) {
	case ORDER_ADD:
	case ORDER_DEL:
	case ORDER_TEST:
		cr_assert_eq(len % sizeof(grants[0]), 0);
		for (i = 0; i < len / sizeof(grants[0]); i++)
			cr_assert_eq(order_grant_decode(record +
			    i * sizeof(grants[0]), sizeof(grants[0]),
			    &grants[i]), ORDER_OK, "the helper would end");
		rig_grants(grants, i);
		break;
	case ORDER_FLOW:
		cr_assert_eq(len % sizeof(flows[0]), 0);
		for (i = 0; i < len / sizeof(flows[0]); i++)
			cr_assert_eq(order_flow_decode(record +
			    i * sizeof(flows[0]), sizeof(flows[0]),
			    &flows[i]), ORDER_OK, "the helper would end");
		rig_flows(flows, i);
		break;
	case ORDER_MAKE:
		cr_assert_eq(order_make_decode(record, len, &make), ORDER_OK,
		    "the helper would end");
		rig_make(&make);
		break;
	default:
		cr_assert_eq(order_read_decode(record, len, &read), ORDER_OK,
		    "the helper would end");
		if (rig.on_read != NULL && !rig.silent)
			rig.on_read(&read);
	}
}

uint64_t	__wrap_clock_now(void);
int	__wrap_getsockname(int, struct sockaddr *, socklen_t *);
int	__wrap_setsockopt(int, int, int, const void *, socklen_t);
int	__real_setsockopt(int, int, int, const void *, socklen_t);
int	__wrap_poll(struct pollfd *, nfds_t, int);
ssize_t	__wrap_recv(int, void *, size_t, int);
ssize_t	__wrap_send(int, const void *, size_t, int);
uint64_t	__real_clock_now(void);
ssize_t	__real_recv(int, void *, size_t, int);
ssize_t	__real_send(int, const void *, size_t, int);
int	__real_getsockname(int, struct sockaddr *, socklen_t *);
int	__real_poll(struct pollfd *, nfds_t, int);

/* Criterion itself uses these functions: not for our descriptors. */
static bool rig_is_on;

uint64_t
__wrap_clock_now(void)
{
	return (rig_is_on ? rig.now : __real_clock_now());
}

int
__wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK,
	    .nl_pid = RIG_PORT(fd) };

	if (!rig_is_on)
		return (__real_getsockname(fd, sa, len));
	memcpy(sa, &nl, sizeof(nl));
	*len = sizeof(nl);
	return (0);
}

int
__wrap_setsockopt(int fd, int level, int name, const void *value,
    socklen_t len)
{
	if (!rig_is_on)
		return (__real_setsockopt(fd, level, name, value, len));
	cr_assert_eq(fd, KEEP_FD_EVENTS);
	errno = ENOMEM;
	return (rig.no_memory > 0 && rig.no_memory-- > 0 ? -1 : 0);
}

static inline bool
rig_is_ready(int fd)
{
	struct rig_queue *q = &rig.queues[fd];

	return (q->n > 0 && q->items[q->head].at <= rig.now);
}

int
__wrap_poll(struct pollfd *pfds, nfds_t n, int timeout)
{
	uint64_t until = rig.now + (uint64_t)timeout * RIG_MS;
	struct rig_queue *q;
	nfds_t i;

	if (!rig_is_on)
		return (__real_poll(pfds, n, timeout));
	rig.polls++;
	cr_assert_geq(timeout, 0);
	for (i = 0; i < n; i++) {
		cr_assert_eq(pfds[i].events, POLLIN);
		q = &rig.queues[pfds[i].fd];
		if (q->n > 0 && q->items[q->head].at < until)
			until = q->items[q->head].at;
	}
	if (until > rig.now)
		rig.now = until;
	for (i = 0; i < n; i++) {
		if (rig_is_ready(pfds[i].fd))
			return (1);
	}
	return (0);
}

ssize_t
__wrap_recv(int fd, void *buf, size_t size, int flags)
{
	struct rig_queue *q;
	struct rig_item i;

	if (!rig_is_on)
		return (__real_recv(fd, buf, size, flags));
	cr_assert(flags & MSG_DONTWAIT);
	rig.receives++;
	q = &rig.queues[fd];
	if (!rig_is_ready(fd)) {
		if (fd == KEEP_FD_HELPER && rig.on_nothing != NULL)
			rig.on_nothing();
		errno = EAGAIN;
		return (-1);
	}
	i = q->items[q->head];
	if (fd == KEEP_FD_HELPER && i.len == 0 && i.error == 0) {
		if (rig.on_end != NULL)
			rig.on_end();
		return (0);		/* the end stays */
	}
	q->head = (q->head + 1) % RIG_ITEMS;
	q->n--;
	rig.now += rig.work;
	memcpy(buf, i.bytes, i.len < size ? i.len : size);
	free(i.bytes);
	errno = i.error;
	return (i.error != 0 ? -1 : flags & MSG_TRUNC || i.len < size ?
	    (ssize_t)i.len : (ssize_t)size);
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	struct rig_record *r;

	if (!rig_is_on || fd < 3)
		return (__real_send(fd, buf, len, flags));
	cr_assert_eq(fd, KEEP_FD_HELPER);
	cr_assert(flags & MSG_DONTWAIT && flags & MSG_NOSIGNAL);
	cr_assert(len > 0 && len <= ORDER_SIZE_MAX);
	if (rig.send_error != 0) {
		errno = rig.send_error;
		return (-1);
	}
	cr_assert_lt(rig.nsent, RIG_SENT);
	r = &rig.sent[rig.nsent++];
	memcpy(r->bytes, buf, len);
	r->len = len;
	rig_obey(r->bytes, len);
	return ((ssize_t)len);
}

static inline void
rig_ready(void)
{
	struct order_ready ready = { .type = ORDER_READY,
	    .version = ORDER_VERSION };

	rig_put(KEEP_FD_HELPER, &ready, sizeof(ready));
}

static inline void
rig_on(void)
{
	rig.now = CLOCK_SECOND;
	rig.sent = calloc(RIG_SENT, sizeof(*rig.sent));
	rig.fail_error = EINVAL;
	rig.refuse_code = ORDER_OUTSIDE;
	rig_is_on = true;
}

#endif
