/* Questions over UDP, with sockets of the kernel's (D5, D11). */
#include <criterion/criterion.h>

#include <sys/socket.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <errno.h>
#include <event2/event.h>
#include <limits.h>
#include <linux/icmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netns.h"
#include "serve/back_udp.h"
#include "serve/counters.h"
#include "serve/loop.h"
#include "serve/settings.h"
#include "serve/upstream.h"

#define MAX	2000U		/* attempts */
#define IDLE	1024U		/* sockets that are kept */
#define SIZE	64U
#define V4	0U
#define V6	1U

struct loop loop;
struct settings settings;
struct counters counters;

/* What the owner of an attempt has seen of it. */
struct mine {
	struct attempt	*t;		/* NULL: it has ended */
	uint8_t		 msg[SIZE];
	unsigned int	 narrived, ndoubted, nfailed;
	enum way	 way;
};

static struct mine mine[MAX];
static struct sockaddr_storage servers[2];
static int server_fds[2];
static unsigned int nsilent;
static void (*on_arrival)(struct mine *);
static void (*on_failure)(struct mine *);
/* Calls of the kernel, how many were made, and the error of the next ones. */
static struct {
	unsigned int	connects, sends, recvs, sockets;
	int		connect, disconnect, send, socket, option, event;
	bool		calloc;
	bool		blind;		/* recv finds nothing */
} kernel;
static unsigned int batches = UINT_MAX;	/* that there is time for */

int __wrap_connect(int, const struct sockaddr *, socklen_t);
int __real_connect(int, const struct sockaddr *, socklen_t);
ssize_t __wrap_send(int, const void *, size_t, int);
ssize_t __real_send(int, const void *, size_t, int);
ssize_t __wrap_recv(int, void *, size_t, int);
ssize_t __real_recv(int, void *, size_t, int);
int __wrap_socket(int, int, int);
int __real_socket(int, int, int);
int __wrap_setsockopt(int, int, int, const void *, socklen_t);
int __real_setsockopt(int, int, int, const void *, socklen_t);
int __wrap_event_add(struct event *, const struct timeval *);
int __real_event_add(struct event *, const struct timeval *);
void *__wrap_calloc(size_t, size_t);
void *__real_calloc(size_t, size_t);

static int
fail(int error)
{
	errno = error;
	return (-1);
}

int
__wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	int error = sa->sa_family == AF_UNSPEC ? kernel.disconnect :
	    kernel.connect;

	kernel.connects++;
	return (error != 0 ? fail(error) : __real_connect(fd, sa, len));
}

ssize_t
__wrap_send(int fd, const void *buf, size_t len, int flags)
{
	kernel.sends++;
	return (kernel.send != 0 ? fail(kernel.send) :
	    __real_send(fd, buf, len, flags));
}

ssize_t
__wrap_recv(int fd, void *buf, size_t len, int flags)
{
	kernel.recvs++;
	if (kernel.blind)
		return (fail(EAGAIN));
	return (__real_recv(fd, buf, len, flags));
}

int
__wrap_socket(int family, int type, int protocol)
{
	kernel.sockets++;
	return (kernel.socket != 0 ? fail(kernel.socket) :
	    __real_socket(family, type, protocol));
}

int
__wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
	return (kernel.option != 0 ? fail(kernel.option) :
	    __real_setsockopt(fd, level, name, value, len));
}

int
__wrap_event_add(struct event *e, const struct timeval *tv)
{
	return (kernel.event != 0 ? fail(kernel.event) :
	    __real_event_add(e, tv));
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return (kernel.calloc ? NULL : __real_calloc(n, size));
}

/* --- stand-ins --- */

void
loop_clock(void)
{
}

bool
loop_has_time(struct loop_share *share)
{
	(void)share;
	return (batches > 0 && batches-- > 0);
}

const struct sockaddr_storage *
upstream_sockaddr(size_t i, socklen_t *len)
{
	*len = i == V4 ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6);
	return (&servers[i]);
}

void
upstream_silent(size_t i)
{
	(void)i;
	nsilent++;
}

/* --- the owner --- */

static struct mine *
mine_of(struct attempt *t)
{
	return ((struct mine *)(void *)t->exchange);
}

static void
end(struct mine *m)
{
	back_udp_end(m->t);
	m->t = NULL;
}

/* 'A' is the answer, all else is not. */
static bool
arrived(struct attempt *t, const uint8_t *msg, size_t len)
{
	struct mine *m = mine_of(t);

	cr_assert_eq(m->t, t);
	m->narrived++;
	if (len != 3 || msg[2] != 'A')
		return (false);
	cr_assert_eq(msg[0] << 8 | msg[1], t->id);
	end(m);
	if (on_arrival != NULL)
		on_arrival(m);
	return (true);
}

static void
failed(struct attempt *t, enum way way)
{
	struct mine *m = mine_of(t);

	cr_assert_eq(m->t, t);
	m->nfailed++;
	m->way = way;
	end(m);
	if (on_failure != NULL)
		on_failure(m);
}

static void
doubted(struct attempt *t)
{
	mine_of(t)->ndoubted++;
}

static bool
begin_at(size_t upstream, struct mine *m)
{
	m->t = back_udp_send(upstream, m->msg, sizeof(m->msg));
	if (m->t == NULL)
		return (false);
	cr_assert_null(m->t->exchange);
	m->t->exchange = (struct exchange *)(void *)m;
	m->t->upstream = (uint8_t)upstream;
	return (true);
}

static void
begin(struct mine *m)
{
	cr_assert(begin_at(V4, m));
}

static void
turn(void)
{
	event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	back_udp_flush();
}

/* --- the server --- */

/* A question, and who asked. */
struct question {
	uint8_t		 msg[SIZE];
	struct sockaddr_storage from;
	socklen_t	 len;
};

static void
receive_at(size_t upstream, struct question *q)
{
	q->len = sizeof(q->from);
	cr_assert_eq(recvfrom(server_fds[upstream], q->msg, sizeof(q->msg),
	    MSG_DONTWAIT, (struct sockaddr *)&q->from, &q->len), SIZE, "%s",
	    strerror(errno));
}

static void
reply_at(size_t upstream, const struct question *q, char octet)
{
	uint8_t msg[3] = { q->msg[0], q->msg[1], (uint8_t)octet };

	cr_assert_eq(sendto(server_fds[upstream], msg, sizeof(msg), 0,
	    (const struct sockaddr *)&q->from, q->len), 3);
}

static void
receive(struct question *q)
{
	receive_at(V4, q);
}

static void
reply(const struct question *q, char octet)
{
	reply_at(V4, q, octet);
}

static in_port_t
port_of(const struct question *q)
{
	return (((const struct sockaddr_in *)(const void *)&q->from)->sin_port);
}

/* What says that the question is not there, with n octets of it. */
static void
send_icmp(const struct question *q, uint8_t code, const uint8_t *quote,
    size_t n)
{
	struct {
		struct icmphdr	icmp;
		struct iphdr	ip;
		struct udphdr	udp;
		uint8_t		quote[SIZE];
	} m;
	const struct sockaddr_in *to = (const void *)&q->from;
	size_t len = offsetof(typeof(m), quote) + n, i;
	const uint8_t *octets = (const uint8_t *)&m;
	uint32_t sum = 0;
	int fd;

	memset(&m, 0, sizeof(m));
	m.icmp.type = ICMP_DEST_UNREACH;
	m.icmp.code = code;
	m.ip.version = 4;
	m.ip.ihl = 5;
	m.ip.tot_len = htons((uint16_t)(len - sizeof(m.icmp)));
	m.ip.protocol = IPPROTO_UDP;
	m.ip.saddr = m.ip.daddr = to->sin_addr.s_addr;
	m.udp.source = to->sin_port;
	m.udp.dest = ((struct sockaddr_in *)(void *)&servers[V4])->sin_port;
	m.udp.len = htons(sizeof(m.udp) + SIZE);
	memcpy(m.quote, quote, n);
	for (i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)octets[i] << 8 : octets[i];
	sum = (sum >> 16) + (sum & 0xffff);
	m.icmp.checksum = htons((uint16_t)~(sum + (sum >> 16)));
	fd = __real_socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	cr_assert_neq(fd, -1);
	cr_assert_eq(sendto(fd, &m, len, 0, (const struct sockaddr *)to,
	    sizeof(*to)), (ssize_t)len, "%s", strerror(errno));
	close(fd);
}

static int
bind_at(struct sockaddr_storage *ss, socklen_t len)
{
	const int size = 1 << 22;
	int fd = __real_socket(ss->ss_family, SOCK_DGRAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)ss, len), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)ss, &len), 0);
	__real_setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return (fd);
}

static void
set_up(void)
{
	static const struct attempt_events events = { .arrived = arrived,
	    .failed = failed, .doubted = doubted };
	struct sockaddr_in *in = (void *)&servers[V4];
	struct sockaddr_in6 *in6 = (void *)&servers[V6];

	new_netns();
	run("ip link set lo up");
	in->sin_family = AF_INET;
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	in6->sin6_family = AF_INET6;
	in6->sin6_addr = in6addr_loopback;
	server_fds[V4] = bind_at(&servers[V4], sizeof(*in));
	server_fds[V6] = bind_at(&servers[V6], sizeof(*in6));
	loop.base = event_base_new();
	settings.config.max_connections = MAX;
	attempt_init(&events);
	back_udp_init();
}

TestSuite(back_udp, .init = set_up);

/* From the question to the answer. */
static void
ask_at(size_t upstream, struct mine *m, struct question *q)
{
	unsigned int before = m->narrived;

	cr_assert(begin_at(upstream, m));
	turn();
	receive_at(upstream, q);
	cr_assert_eq(q->msg[0] << 8 | q->msg[1], m->t->id);
	reply_at(upstream, q, 'A');
	turn();
	cr_assert_eq(m->narrived, before + 1);
	cr_assert_null(m->t);
}

/* --- ports, ids, sockets --- */

Test(back_udp, one_socket_with_a_new_port_and_id_each_time)
{
	struct question q;
	uint32_t seen[100];
	unsigned int i, k, equal = 0;

	for (i = 0; i < 100; i++) {
		ask_at(V4, &mine[0], &q);
		seen[i] = (uint32_t)port_of(&q) << 16 | (uint32_t)q.msg[0] << 8 |
		    q.msg[1];
		for (k = 0; k < i; k++) {
			cr_assert_neq(seen[k], seen[i]);
			equal += (seen[k] ^ seen[i]) >> 16 == 0;
		}
	}
	/* 4,950 pairs of 28,232 ports. */
	cr_assert_leq(equal, 10);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, five_system_calls_a_question)
{
	struct question q;

	ask_at(V4, &mine[0], &q);
	kernel.connects = kernel.sends = kernel.recvs = kernel.sockets = 0;
	ask_at(V4, &mine[0], &q);
	cr_assert_eq(kernel.connects, 2);
	cr_assert_eq(kernel.sends, 1);
	cr_assert_eq(kernel.recvs, 2);
	cr_assert_eq(kernel.sockets, 0);
}

Test(back_udp, a_socket_comes_back_more_often_than_any_are_kept)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 10 * IDLE; i++)
		ask_at(V4, &mine[0], &q);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, each_family_has_its_sockets)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 10; i++)
		ask_at(i % 2, &mine[0], &q);
	cr_assert_eq(kernel.sockets, 2);
}

Test(back_udp, two_sockets_for_each_request_and_no_more)
{
	unsigned int round, i;

	settings.config.max_connections = 3;
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 6; i++)
			begin(&mine[i]);
		cr_assert(!begin_at(V4, &mine[6]));
		turn();
		end(&mine[round % 6]);
		cr_assert(begin_at(V4, &mine[round % 6]));
		for (i = 0; i < 6; i++)
			end(&mine[i]);
	}
	cr_assert_eq(kernel.sockets, 6);
}

Test(back_udp, so_many_sockets_are_kept)
{
	unsigned int i;
	int fd;

	for (i = 0; i < IDLE + 10; i++)
		begin(&mine[i]);
	for (i = 0; i < IDLE + 10; i++)
		end(&mine[i]);
	fd = dup(0);
	for (i = 0; i < IDLE; i++)
		begin(&mine[i]);
	cr_assert_eq(kernel.sockets, IDLE + 10);
	begin(&mine[i]);
	cr_assert_eq(kernel.sockets, IDLE + 11);
	/* The others were closed. */
	cr_assert_lt(fd, dup(0));
	for (i = 0; i <= IDLE; i++)
		end(&mine[i]);
}

/* Ten times as many as are kept, and the count of them is right. */
Test(back_udp, sockets_that_are_closed_leave_room_for_others)
{
	struct question q;
	unsigned int i;

	settings.config.max_connections = 1;
	for (i = 0; i < 10 * IDLE; i++) {
		begin(&mine[0]);
		turn();
		receive(&q);
		reply(&q, 'A');
		reply(&q, 'B');
		turn();
		cr_assert_null(mine[0].t);
	}
	cr_assert_eq(kernel.sockets, i);
}

/* --- what arrives --- */

Test(back_udp, what_is_behind_the_answer_meets_no_other_question)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	reply(&q, 'A');
	reply(&q, 'B');
	turn();
	cr_assert_eq(mine[0].narrived, 1);
	ask_at(V4, &mine[1], &q);
	cr_assert_eq(mine[1].narrived, 1);
}

Test(back_udp, what_comes_after_the_end_meets_no_other_question)
{
	struct question late, q;

	begin(&mine[0]);
	turn();
	receive(&late);
	end(&mine[0]);
	begin(&mine[1]);
	turn();
	reply(&late, 'B');
	turn();
	receive(&q);
	reply(&q, 'A');
	turn();
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, behind_32_others_an_answer_waits_for_other_sockets)
{
	struct question first, second;
	unsigned int i;

	for (i = 0; i < 2; i++)
		begin(&mine[i]);
	turn();
	receive(&first);
	receive(&second);
	for (i = 0; i < 31; i++)
		reply(&first, 'B');
	reply(&first, 'A');
	for (i = 0; i < 32; i++)
		reply(&second, 'B');
	reply(&second, 'A');
	batches = 1;
	turn();
	cr_assert_eq(mine[0].narrived + mine[1].narrived, 64);
	cr_assert_neq(mine[0].t == NULL, mine[1].t == NULL);
	batches = 1;
	turn();
	cr_assert_eq(mine[0].narrived + mine[1].narrived, 65);
	cr_assert(mine[0].t == NULL && mine[1].t == NULL);
}

/* The loop tells of 32 at first. */
static void
look_at_all(void)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		event_base_loop(loop.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static void
answer_all(unsigned int n)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < n; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < n; i++) {
		receive(&q);
		reply(&q, 'A');
	}
}

static unsigned int
count_arrived(unsigned int n)
{
	unsigned int i, count = 0;

	for (i = 0; i < n; i++)
		count += mine[i].narrived;
	return (count);
}

Test(back_udp, answers_have_their_time_in_a_turn)
{
	answer_all(100);
	look_at_all();
	/* Whoever takes them: it is the same turn's time. */
	batches = 2;
	back_udp_take();
	cr_assert_eq(count_arrived(100), 64);
	back_udp_flush();
	cr_assert_eq(count_arrived(100), 64);
	/* The loop does not wait for anything else then. */
	cr_assert_eq(event_base_loop(loop.base, EVLOOP_ONCE), 0);
	batches = 2;
	back_udp_flush();
	cr_assert_eq(count_arrived(100), 100);
}

Test(back_udp, what_ends_while_it_waits_is_not_read)
{
	struct question q;
	unsigned int i, nended = 0;

	answer_all(100);
	look_at_all();
	batches = 1;
	turn();
	batches = UINT_MAX;
	for (i = 0; i < 100; i++) {
		if (mine[i].t != NULL) {
			end(&mine[i]);
			nended++;
		}
	}
	cr_assert_eq(nended, 100 - 32);
	turn();
	cr_assert_eq(count_arrived(100), 32);
	for (i = 100; i < 200; i++) {
		begin(&mine[i]);
		turn();
		receive(&q);
		reply(&q, 'A');
		turn();
		cr_assert_eq(mine[i].narrived, 1);
	}
}

/* Between the look into it and its end on another processor. */
Test(back_udp, a_socket_that_is_not_empty_is_not_used_again)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	reply(&q, 'A');
	kernel.blind = true;
	end(&mine[0]);
	kernel.blind = false;
	turn();
	cr_assert_eq(counters.junk, 1);
	ask_at(V4, &mine[1], &q);
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(kernel.sockets, 2);
}

Test(back_udp, more_arrivals_in_a_turn_than_are_read_before_one_is_taken)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 100; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < 100; i++) {
		receive(&q);
		reply(&q, 'A');
	}
	for (i = 0; i < 4; i++)
		turn();
	for (i = 0; i < 100; i++)
		cr_assert_eq(mine[i].narrived, 1, "%u", i);
}

static void
end_the_other(struct mine *m)
{
	struct mine *other = m == &mine[0] ? &mine[1] : &mine[0];

	if (other->t != NULL)
		end(other);
}

/* Both were read, and the first one that is taken ends the other. */
Test(back_udp, what_was_read_is_for_nobody_after_the_end)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 2; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < 2; i++) {
		receive(&q);
		reply(&q, 'A');
	}
	on_arrival = end_the_other;
	turn();
	cr_assert_eq(mine[0].narrived + mine[1].narrived, 1);
	on_arrival = NULL;
	ask_at(V4, &mine[2], &q);
	cr_assert_eq(mine[2].narrived, 1);
}

static void
take_more(struct mine *m)
{
	(void)m;
	back_udp_take();
}

Test(back_udp, what_is_taken_while_another_is_taken_counts_once)
{
	struct question q;
	unsigned int i;

	for (i = 0; i < 10; i++)
		begin(&mine[i]);
	turn();
	for (i = 0; i < 10; i++) {
		receive(&q);
		reply(&q, 'A');
	}
	on_arrival = take_more;
	turn();
	for (i = 0; i < 10; i++)
		cr_assert_eq(mine[i].narrived, 1, "%u", i);
}

static void
ask_again(struct mine *m)
{
	if (m == &mine[0])
		begin(&mine[1]);
}

Test(back_udp, what_an_answer_leads_to_is_asked_in_the_same_turn)
{
	struct question q;

	on_arrival = ask_again;
	ask_at(V4, &mine[0], &q);
	receive(&q);
	cr_assert_eq(q.msg[0] << 8 | q.msg[1], mine[1].t->id);
}

Test(back_udp, what_has_ended_is_not_sent)
{
	struct question q;

	begin(&mine[0]);
	begin(&mine[1]);
	end(&mine[0]);
	turn();
	receive(&q);
	cr_assert_eq(q.msg[0] << 8 | q.msg[1], mine[1].t->id);
	cr_assert_eq(kernel.sends, 1);
}

/* --- ICMP --- */

Test(back_udp, nobody_listens)
{
	close(server_fds[V4]);
	close(server_fds[V6]);
	begin(&mine[0]);
	cr_assert(begin_at(V6, &mine[1]));
	turn();
	turn();
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[1].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_NONE);
	cr_assert_eq(nsilent, 2);
	cr_assert_eq(mine[0].ndoubted + mine[1].ndoubted, 0);
}

Test(back_udp, an_error_without_the_id_ends_nothing)
{
	struct question q;
	uint8_t other[SIZE];
	unsigned int i;

	begin(&mine[0]);
	turn();
	receive(&q);
	memcpy(other, q.msg, SIZE);
	other[1] ^= 1;
	/* What is read before has the id, and no error takes that for its own. */
	reply(&q, 'B');
	turn();
	cr_assert_eq(mine[0].narrived, 1);
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, 0);
	turn();
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, 1);
	turn();
	send_icmp(&q, ICMP_PORT_UNREACH, other, SIZE);
	turn();
	cr_assert_eq(mine[0].ndoubted, 3);
	cr_assert_eq(counters.junk, 3);
	/* Many at a time: all are read, and none is left over. */
	for (i = 0; i < 5; i++)
		send_icmp(&q, ICMP_PORT_UNREACH, other, SIZE);
	for (i = 0; i < 6; i++)
		turn();
	cr_assert_eq(mine[0].ndoubted, 8);
	cr_assert_eq(mine[0].nfailed + nsilent, 0);
	kernel.recvs = 0;
	turn();
	cr_assert_eq(kernel.recvs, 0);
	reply(&q, 'A');
	turn();
	cr_assert_eq(mine[0].narrived, 2);
	cr_assert_null(mine[0].t);
	cr_assert_eq(kernel.sockets, 1);
}

Test(back_udp, an_error_with_the_id_fails)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, 2);
	turn();
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_NONE);
	cr_assert_eq(nsilent, 1);
}

Test(back_udp, an_error_meets_no_other_question)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	send_icmp(&q, ICMP_PORT_UNREACH, q.msg, SIZE);
	end(&mine[0]);
	ask_at(V4, &mine[1], &q);
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(mine[0].nfailed + mine[1].nfailed + nsilent, 0);
}

/* A router says so; a moment later there may be a way. */
Test(back_udp, no_way_there_may_pass)
{
	struct question q;

	begin(&mine[0]);
	turn();
	receive(&q);
	send_icmp(&q, ICMP_HOST_UNREACH, q.msg, SIZE);
	turn();
	cr_assert_eq(mine[0].nfailed, 1);
	cr_assert_eq(mine[0].way, WAY_UNSENT);
	cr_assert_eq(nsilent, 0);
}

/* --- what this host refuses --- */

Test(back_udp, what_cannot_be_sent_may_pass)
{
	static const int errors[] = { EPERM, EADDRNOTAVAIL, ENETUNREACH,
	    ENOBUFS, EAGAIN, ENOMEM };
	struct question q;
	struct mine *m;
	unsigned int i;

	for (i = 0; i < 12; i++) {
		m = &mine[i];
		begin(m);
		*(i % 2 == 0 ? &kernel.connect : &kernel.send) = errors[i / 2];
		turn();
		kernel.connect = kernel.send = 0;
		cr_assert_eq(m->nfailed, 1, "%s", strerror(errors[i / 2]));
		cr_assert_eq(m->way, WAY_UNSENT);
		ask_at(V4, m, &q);
	}
	cr_assert_eq(nsilent, 0);
	cr_assert_eq(kernel.sockets, 1);
}

static void
ask_once_more(struct mine *m)
{
	if (m->nfailed == 1)
		begin(m);
}

/* In the same flush; whether it may be is the owner's. */
Test(back_udp, what_fails_may_be_asked_again_at_once)
{
	kernel.send = EPERM;
	on_failure = ask_once_more;
	begin(&mine[0]);
	begin(&mine[1]);
	turn();
	cr_assert_eq(mine[0].nfailed, 2);
	cr_assert_eq(mine[1].nfailed, 2);
}

Test(back_udp, without_a_socket_there_is_no_attempt)
{
	int *refusals[] = { &kernel.socket, &kernel.option, &kernel.event };
	struct question q;
	unsigned int i, k;
	int fd = dup(0);

	close(fd);
	settings.config.max_connections = 1;
	for (k = 0; k < 10; k++) {
		for (i = 0; i < 3; i++) {
			*refusals[i] = ENOMEM;
			cr_assert(!begin_at(V4, &mine[0]));
			*refusals[i] = 0;
		}
		kernel.calloc = true;
		cr_assert(!begin_at(V4, &mine[0]));
		kernel.calloc = false;
	}
	/* Nothing is left of them. */
	cr_assert_eq(dup(0), fd);
	close(fd);
	ask_at(V4, &mine[0], &q);
}

Test(back_udp, a_socket_that_keeps_its_port_is_not_used_again)
{
	struct question late, q;

	begin(&mine[0]);
	turn();
	receive(&late);
	kernel.disconnect = ENOMEM;
	end(&mine[0]);
	kernel.disconnect = 0;
	begin(&mine[1]);
	turn();
	reply(&late, 'B');
	receive(&q);
	reply(&q, 'A');
	turn();
	cr_assert_eq(mine[1].narrived, 1);
	cr_assert_eq(kernel.sockets, 2);
}
