/* The netlink socket to netfilter. */
#include "nlsock.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/ipset/ip_set_hash.h>
#include <linux/netfilter/nfnetlink.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "sockbuf.h"

#define REPLY_TIMEOUT	(2 * CLOCK_SECOND)
#define RESULT_PERIOD	60	/* seconds between log lines */
#define READS_MAX	1000	/* datagrams in one go */
#define RUNS_MAX	5	/* of a listing while things change */

/*
 * The kernel counts an answer with its bookkeeping, about 800 bytes, and every
 * message of the largest transaction may fail.
 */
#define SOCKET_BUFFER	(1 << 20)

static struct mnl_socket *nl;
static unsigned int portid;

/* The transaction: messages one after the other, and what became of them. */
static char out[NLSOCK_MESSAGES_MAX * NLSOCK_MESSAGE_MAX]
    __attribute__((aligned(8)));
static size_t out_len;			/* without the last message */
static struct nlmsghdr *last;		/* the one that is being built */
static struct nlmsghdr *acked;		/* the one that asks for an answer */
static size_t count;
static uint32_t first_seq, next_seq;
static int errors[NLSOCK_MESSAGES_MAX];

/* One datagram of the kernel; it fills at most 32 KiB of a dump. */
static char in[32768] __attribute__((aligned(8)));

/* State of one nlsock_run. */
struct run {
	void	(*reply)(const struct nlmsghdr *, void *);
	void	*arg;
	bool	 answered;		/* the last answer has come */
};

struct mnl_socket *
nlsock_new(int bus, unsigned int groups)
{
	struct mnl_socket *s;

	s = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (s == NULL || mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) == -1)
		fatalx("netlink socket of family %d: %s", bus,
		    nlsock_strerror(errno));
	return (s);
}

void
nlsock_enlarge(const struct mnl_socket *s)
{
	sockbuf_send(mnl_socket_get_fd(s), SOCKET_BUFFER);
	sockbuf_receive(mnl_socket_get_fd(s), SOCKET_BUFFER);
}

int
nlsock_receive(int fd, void (*take)(const struct nlmsghdr *, void *),
    void *arg)
{
	const struct nlmsghdr *nlh;
	int i, len, lost = 0;

	for (i = 0; i < READS_MAX; i++) {
		len = (int)recv(fd, in, sizeof(in), MSG_TRUNC);
		if (len == -1 && errno == EAGAIN)
			break;
		if (len == -1 && errno == ENOBUFS)
			lost = ENOBUFS;
		else if (len == -1 && errno != EINTR)
			return (errno);
		if (len > (int)sizeof(in))
			return (EMSGSIZE);
		for (nlh = (const struct nlmsghdr *)in; mnl_nlmsg_ok(nlh, len);
		    nlh = mnl_nlmsg_next(nlh, &len))
			take(nlh, arg);
	}
	return (lost);
}

void
nlsock_open(void)
{
	int on = 1;

	nl = nlsock_new(NETLINK_NETFILTER, 0);
	/* Errors without a copy of what was sent. */
	if (mnl_socket_setsockopt(nl, NETLINK_CAP_ACK, &on, sizeof(on)) == -1)
		fatal("NETLINK_CAP_ACK");
	portid = mnl_socket_get_portid(nl);
	nlsock_enlarge(nl);
}

void
nlsock_begin(void)
{
	out_len = 0;
	count = 0;
	last = NULL;
	acked = NULL;
	/* A late answer of an earlier transaction must not match. */
	first_seq = next_seq;
}

/* Account for the message that has been built. */
static void
finish(void)
{
	if (last == NULL)
		return;
	if (last->nlmsg_len > NLSOCK_MESSAGE_MAX)
		fatalx("netlink message of %u bytes", last->nlmsg_len);
	out_len += last->nlmsg_len;
	/* Old kernels do not acknowledge the end of a batch. */
	if (last->nlmsg_type != NFNL_MSG_BATCH_END)
		acked = last;
	last = NULL;
}

struct nlmsghdr *
nlsock_message(uint16_t type, uint16_t flags, uint8_t family,
    uint16_t resource)
{
	struct nfgenmsg *nfg;

	finish();
	if (count == NLSOCK_MESSAGES_MAX)
		fatalx("netlink transaction of too many messages");
	count++;
	last = mnl_nlmsg_put_header(out + out_len);
	last->nlmsg_type = type;
	last->nlmsg_flags = NLM_F_REQUEST | flags;
	last->nlmsg_seq = next_seq++;
	nfg = mnl_nlmsg_put_extra_header(last, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = htons(resource);
	return (last);
}

/* One message of the kernel. */
static void
take(const struct nlmsghdr *nlh, void *arg)
{
	uint32_t i = nlh->nlmsg_seq - first_seq;
	struct run *r = arg;
	int error = 0;

	if (i >= count || nlh->nlmsg_pid != portid)
		return;
	/* What was listed has changed meanwhile. */
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		errors[i] = EINTR;
	if (nlh->nlmsg_type != NLMSG_ERROR && nlh->nlmsg_type != NLMSG_DONE) {
		if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && r->reply != NULL &&
		    mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nfgenmsg))
			r->reply(nlh, r->arg);
		return;
	}
	/* Both begin with 0 or a negative error number. */
	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(error))
		memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	if (errors[i] == 0)
		errors[i] = -error;
	if (nlh->nlmsg_seq == acked->nlmsg_seq)
		r->answered = true;
}

/* Returns 0 when the last answer has come, or what went wrong. */
static int
await_answers(struct run *r)
{
	struct pollfd pfd = { .fd = mnl_socket_get_fd(nl), .events = POLLIN };
	uint64_t now, deadline = clock_now() + REPLY_TIMEOUT;
	int broken;

	/*
	 * The kernel has answered before sendto returns, but for the later
	 * parts of a dump; so this waits only if an answer was lost.
	 */
	for (;;) {
		broken = nlsock_receive(pfd.fd, take, r);
		if (r->answered || broken != 0)
			return (broken);
		if ((now = clock_now()) >= deadline)
			return (ETIMEDOUT);
		(void)poll(&pfd, 1, (int)((deadline - now) / 1000000) + 1);
	}
}

int
nlsock_run(void (*reply)(const struct nlmsghdr *, void *), void *arg)
{
	struct run r = { .reply = reply, .arg = arg };
	int broken;
	size_t i;

	finish();
	acked->nlmsg_flags |= NLM_F_ACK;
	memset(errors, 0, count * sizeof(errors[0]));
	broken = mnl_socket_sendto(nl, out, out_len) == -1 ? errno :
	    await_answers(&r);
	errno = 0;
	for (i = 0; i < count; i++) {
		if (errors[i] == 0)
			errors[i] = broken;
		if (errno == 0)
			errno = errors[i];
	}
	return (errno == 0 ? 0 : -1);
}

int
nlsock_list(void (*reply)(const struct nlmsghdr *, void *), void *arg)
{
	int i, rc = -1;

	for (i = 0; i < RUNS_MAX && rc == -1; i++) {
		rc = nlsock_run(reply, arg);
		if (rc == -1 && errno != EINTR)
			break;
	}
	return (rc);
}

int
nlsock_error(size_t i)
{
	return (errors[i]);
}

const char *
nlsock_strerror(int error)
{
	static char text[32];

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

uint8_t
nlsock_result(const char *set, int error)
{
	static struct log_limit full_limit, failed_limit;
	bool full = error == ENFILE || error == IPSET_ERR_HASH_FULL;
	uint64_t events;

	if (error == 0)
		return (RESULT_OK);
	if (log_allowed(full ? &full_limit : &failed_limit, clock_now(),
	    RESULT_PERIOD, &events))
		log_error("%llu grant%s failed; the last one: set %s: %s",
		    (unsigned long long)events, log_s(events), set,
		    full ? "it is full" : nlsock_strerror(error));
	return (full ? RESULT_FULL : RESULT_FAILED);
}

static const struct nlattr *
find(const struct nlattr *attr, const char *end, uint16_t type)
{
	while (mnl_attr_ok(attr, (int)(end - (const char *)attr))) {
		if (mnl_attr_get_type(attr) == type)
			return (attr);
		attr = mnl_attr_next(attr);
	}
	return (NULL);
}

const struct nlattr *
nlsock_find(const struct nlmsghdr *nlh, size_t header, uint16_t type)
{
	return (find(mnl_nlmsg_get_payload_offset(nlh, header),
	    mnl_nlmsg_get_payload_tail(nlh), type));
}

const struct nlattr *
nlsock_attr(const struct nlmsghdr *nlh, uint16_t type)
{
	return (nlsock_find(nlh, sizeof(struct nfgenmsg), type));
}

const struct nlattr *
nlsock_nested(const struct nlattr *nest, uint16_t type)
{
	if (nest == NULL)
		return (NULL);
	return (find(mnl_attr_get_payload(nest), (const char *)nest +
	    nest->nla_len, type));
}

bool
nlsock_copy(const struct nlattr *attr, void *to, size_t len)
{
	memset(to, 0, len);
	if (attr == NULL || mnl_attr_get_payload_len(attr) != len)
		return (false);
	memcpy(to, mnl_attr_get_payload(attr), len);
	return (true);
}

uint32_t
nlsock_u32(const struct nlattr *attr)
{
	uint32_t value;

	(void)nlsock_copy(attr, &value, sizeof(value));
	return (ntohl(value));
}

void
nlsock_label(const char *text, size_t len, char label[MSG_LABEL_SIZE])
{
	memset(label, 0, MSG_LABEL_SIZE);
	memcpy(label, text, strnlen(text, len < MSG_LABEL_SIZE ?
	    len : MSG_LABEL_SIZE - 1));
}

uint32_t
nlsock_portid(void)
{
	return (portid);
}

bool
nlsock_is(const struct nlattr *attr, const char *text)
{
	size_t len = strlen(text) + 1;

	return (attr != NULL && mnl_attr_get_payload_len(attr) == len &&
	    memcmp(mnl_attr_get_payload(attr), text, len) == 0);
}
