/* What the kernel lists when the helper asks it to. */
#include "list.h"

#include <sys/socket.h>

#include <linux/netfilter/nfnetlink.h>

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

#include "ask.h"
#include "keepconf.h"
#include "patience.h"

#define DATAGRAM_MAX	32768	/* the kernel fills at most so much of a dump */
#define DRAINED_MAX	20	/* datagrams of what nobody wants, in one go */

/* A socket; what it is about outlives a listing that was dropped. */
static struct port {
	int		fd;
	uint32_t	portid;		/* 0: not asked for yet */
	uint32_t	seq;		/* 0: no listing is under way */
	bool		wanted;		/* by whoever has its struct list */
	bool		silent;		/* so it was given up */
} ports[] = { { .fd = KEEP_FD_LIST }, { .fd = KEEP_FD_FLOWS } };

static struct port *
port_of(int fd)
{
	return (&ports[fd == KEEP_FD_FLOWS]);
}

/* State of one datagram: how the listing ended, if it did. */
struct end {
	bool		over;
	int		error;
};

static void
take_end(const struct nlmsghdr *nlh, struct end *end)
{
	int error = 0;

	/* Both begin with 0 or a negative error number. */
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	end->over = true;
	end->error = -error;
}

/* The messages of one datagram that are of the listing. */
static void
take_datagram(struct list *l, const char *in, int len,
    void (*each)(const struct nlmsghdr *, void *), void *arg, struct end *end)
{
	const struct nlmsghdr *nlh;

	for (nlh = (const struct nlmsghdr *)(const void *)in;
	    mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_pid != port_of(l->fd)->portid ||
		    nlh->nlmsg_seq != l->seq)
			continue;
		l->changed |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
		if (nlh->nlmsg_type == NLMSG_ERROR ||
		    nlh->nlmsg_type == NLMSG_DONE)
			take_end(nlh, end);
		else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && each != NULL &&
		    mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nfgenmsg))
			each(nlh, arg);
	}
}

static enum list_step
finish(struct list *l, enum list_step step, int error)
{
	struct port *p = port_of(l->fd);

	l->error = error;
	p->wanted = false;
	p->silent = error == ETIMEDOUT;
	/* Its end is still to come if it was silent, or had a hole. */
	if (error != ETIMEDOUT && error != EMSGSIZE)
		p->seq = 0;
	return (step);
}

static enum list_step
conclude(struct list *l, const struct end *end)
{
	if (end->error == ENOENT)
		return (finish(l, LIST_NONE, ENOENT));
	if (end->error != 0 && end->error != EINTR)
		return (finish(l, LIST_BROKEN, end->error));
	return (finish(l, l->changed || end->error == EINTR ? LIST_CHANGED :
	    LIST_END, 0));
}

/* Nothing is there. */
static enum list_step
wait_on(struct list *l)
{
	struct order_error why;

	if (ask_read_code(l->seq) != ORDER_SENT)
		return (finish(l, LIST_BROKEN, EPERM));
	/* Nobody asks the kernel any more. */
	if (ask_ended(&why))
		return (finish(l, LIST_BROKEN, EPIPE));
	if (clock_now() >= l->deadline)
		return (finish(l, LIST_BROKEN, ETIMEDOUT));
	return (LIST_MORE);
}

enum list_step
list_step(struct list *l, unsigned int datagrams,
    void (*take)(const struct nlmsghdr *, void *), void *arg)
{
	char in[DATAGRAM_MAX] __attribute__((aligned(8)));
	struct end end = { .over = false };
	int len;

	if (l->seq == 0 || port_of(l->fd)->seq != l->seq) {
		l->error = EINVAL;
		return (LIST_BROKEN);
	}
	l->idle = false;
	while (datagrams-- > 0) {
		len = (int)recv(l->fd, in, sizeof(in),
		    MSG_DONTWAIT | MSG_TRUNC);
		l->idle = len == -1 && errno == EAGAIN;
		if (l->idle)
			return (wait_on(l));
		if (len == -1 && errno == EINTR)
			continue;
		if (len == -1)
			return (finish(l, LIST_BROKEN, errno));
		if (len > (int)sizeof(in))
			return (finish(l, LIST_BROKEN, EMSGSIZE));
		l->deadline = patience_deadline(LIST_WAIT);
		take_datagram(l, in, len, take, arg, &end);
		if (end.over)
			return (conclude(l, &end));
	}
	return (LIST_MORE);
}

/* What nobody wants any more is read on. */
static bool
is_busy(const struct port *p)
{
	struct list l = { .fd = p->fd, .seq = p->seq,
	    .deadline = UINT64_MAX };

	if (p->seq != 0 && !p->wanted)
		(void)list_step(&l, DRAINED_MAX, NULL, NULL);
	return (p->seq != 0);
}

int
list_begin(struct list *l, enum stamps_id what, uint8_t sub, const char *name)
{
	struct port *p = port_of(what == STAMP_FLOWS ? KEEP_FD_FLOWS :
	    KEEP_FD_LIST);

	memset(l, 0, sizeof(*l));
	if (p->portid == 0)
		p->portid = ask_portid(p->fd);
	if (is_busy(p))
		return (-1);
	l->fd = p->fd;
	l->seq = ask_read(what, sub, name);
	l->deadline = patience_deadline(LIST_WAIT);
	p->seq = l->seq;
	p->wanted = l->seq != 0;
	return (p->wanted ? 0 : -1);
}

void
list_drop(struct list *l)
{
	struct port *p = port_of(l->fd);

	/* The socket knows by itself what it has to read on. */
	if (l->seq != 0 && p->seq == l->seq)
		p->wanted = false;
	memset(l, 0, sizeof(*l));
}

/* Until something is there, or it is time to give up. */
static void
wait_until(int fd, uint64_t deadline)
{
	struct pollfd pfds[] = { { .fd = fd, .events = POLLIN },
	    { .fd = KEEP_FD_HELPER, .events = POLLIN } };

	if (clock_now() < deadline)
		(void)patience_poll(pfds, 2, deadline);
}

/* What was dropped has to be read to its end before. */
static int
begin_now(struct list *l, enum stamps_id what, uint8_t sub, const char *name)
{
	struct port *p = port_of(what == STAMP_FLOWS ? KEEP_FD_FLOWS :
	    KEEP_FD_LIST);
	uint64_t deadline = patience_deadline(LIST_WAIT);

	while (list_begin(l, what, sub, name) == -1) {
		if (p->seq == 0 || p->wanted || p->silent ||
		    clock_now() >= deadline) {
			errno = p->wanted ? EBUSY : ETIMEDOUT;
			return (-1);
		}
		wait_until(p->fd, deadline);
	}
	return (0);
}

enum list_step
list_whole(enum stamps_id what, uint8_t sub, const char *name,
    void (*take)(const struct nlmsghdr *, void *), void *arg)
{
	enum list_step step = LIST_MORE;
	struct list l;

	if (begin_now(&l, what, sub, name) == -1)
		return (LIST_BROKEN);
	while ((step = list_step(&l, DRAINED_MAX, take, arg)) == LIST_MORE)
		wait_until(l.fd, l.deadline);
	errno = l.error;
	return (step);
}
