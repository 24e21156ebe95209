/*
 * Both neighbours of a running dnsfw, its client and its upstream, one of them
 * mad: floods it with mutants and sees that it goes on serving.
 *
 *	flood MODE COUNT SEED MESSAGES CLIENT-NETNS UPSTREAM-NETNS
 *
 * MODE is client-udp, client-tcp, upstream-udp or upstream-tcp: where COUNT
 * mutants of the MESSAGES (see mutate.h) come from.  dnsfw is at GATEWAY in
 * the client's network, asks UPSTREAM in the other, answers SYNC itself, and
 * allows names below ASKED.  Between the mutants it must answer good queries;
 * if it does not within FLOOD_DEADLINE, that is an error.
 */
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flood_io.h"
#include "mutate.h"

#define GATEWAY		"10.77.1.1"
#define UPSTREAM	"10.77.2.2"
#define SYNC		"\4sync\5flood\7example"
#define ASKED		"\5asked\5flood\7example"
#define RESEND		300		/* ms */
#define BURST		100		/* mutants between two good queries */
#define IN_FLIGHT	64		/* good queries, to be answered badly */
#define HONEST		32		/* see reply_tcp() */
#define HEADER		12
#define STREAMS_MAX	8		/* connections of dnsfw */

enum mode { CLIENT_UDP, CLIENT_TCP, UPSTREAM_UDP, UPSTREAM_TCP };

static enum mode mode;
static bool mad_upstream;
static int up_udp, up_listen, client_udp;
static struct stream client = { .fd = -1 };
static struct stream streams[STREAMS_MAX];
static uint64_t sent, answered, forwarded, reconnects;
static uint16_t synced;			/* id of the last answer to SYNC */
static uint8_t buf[MUTATE_MAX];

/* A query for name.  Returns its length. */
static size_t
put_query(uint8_t *out, uint16_t id, const char *name, uint16_t type)
{
	static const uint8_t counts[] = { 0, 1, 0, 0, 0, 0, 0, 0 };
	size_t len = strlen(name) + 1;

	flood_set_u16(out, id);
	flood_set_u16(out + 2, 0x0100);
	memcpy(out + 4, counts, sizeof(counts));
	memcpy(out + HEADER, name, len);
	flood_set_u16(out + HEADER + len, type);
	flood_set_u16(out + HEADER + len + 2, 1);
	return (HEADER + len + 4);
}

/* Where the question of a message ends, or 0. */
static size_t
question_end(const uint8_t *msg, size_t len)
{
	size_t at = HEADER;

	while (at < len && msg[at] != 0 && msg[at] < 64)
		at += msg[at] + 1U;
	return (at + 5 <= len && msg[at] == 0 ? at + 5 : 0);
}

/* The client's side. */

static void
take_answer(const uint8_t *msg, size_t len)
{
	static const uint8_t local[] = { 192, 0, 2, 1 };

	answered++;
	if (len > HEADER + sizeof(SYNC) + sizeof(local) &&
	    memcmp(msg + HEADER, SYNC, sizeof(SYNC)) == 0 &&
	    memcmp(msg + len - sizeof(local), local, sizeof(local)) == 0)
		synced = (uint16_t)(msg[0] << 8 | msg[1]);
}

static void
take_client_frame(struct stream *s, uint8_t *msg, size_t len)
{
	(void)s;
	take_answer(msg, len);
}

static void
read_client(void)
{
	uint8_t msg[MUTATE_MAX];
	ssize_t n;

	while ((n = recv(client_udp, msg, sizeof(msg), 0)) != -1)
		take_answer(msg, (size_t)n);
	if (client.fd != -1 && !stream_read(&client, take_client_frame))
		stream_close(&client);
}

/* The upstream's side. */

/* A true answer to the query, which has a question: an address. */
static size_t
true_answer(uint8_t *msg, size_t question)
{
	static const uint8_t record[] = { 0xc0, HEADER, 0, 1, 0, 1, 0, 0, 0,
	    60, 0, 4, 10, 78, 1, 1 };

	msg[2] |= 0x80;
	flood_set_u16(msg + 6, 1);
	flood_set_u16(msg + 8, 0);
	flood_set_u16(msg + 10, 0);
	memcpy(msg + question, record, sizeof(record));
	return (question + sizeof(record));
}

/* The records of some answer behind the query's id and question, mutated. */
static size_t
mad_answer(const uint8_t *query, size_t question, uint8_t *out)
{
	static uint8_t seed[MUTATE_MAX];
	size_t len = mutate_seed(1, seed), from = question_end(seed, len);
	size_t tail = from == 0 ? 0 : len - from;

	if (tail > MUTATE_MAX - question)
		tail = 0;
	memcpy(out, query, question);
	if (len >= HEADER) {
		memcpy(out + 6, seed + 6, 6);
		out[3] = seed[3];
	}
	out[2] |= 0x80;
	memcpy(out + question, seed + from, tail);
	sent++;
	return (mutate(out, question + tail,
	    mutate_below(4) == 0 ? 0 : question));
}

typedef bool reply_fn(void *to, const uint8_t *msg, size_t len, bool may_lie);

/* What the upstream says to a query. */
static void
reply(uint8_t *query, size_t len, reply_fn *fn, void *to)
{
	static uint8_t out[MUTATE_MAX];
	size_t question = question_end(query, len), n;

	forwarded++;
	if (len < HEADER)
		return;
	for (n = mad_upstream && question > 0 ? 1 + mutate_below(3) : 0;
	    n > 0; n--)
		if (!fn(to, out, mad_answer(query, question, out), true))
			return;
	if (question > 0 && question + 16 <= MUTATE_MAX)
		len = true_answer(query, question);
	query[2] |= 0x80;
	fn(to, query, len, false);
}

static bool
reply_udp(void *to, const uint8_t *msg, size_t len, bool may_lie)
{
	(void)may_lie;
	/* What is too long for a datagram does not leave, as it should. */
	sendto(up_udp, msg, len, 0, to, sizeof(struct sockaddr_in));
	return (true);
}

static bool
reply_tcp(void *to, const uint8_t *msg, size_t len, bool may_lie)
{
	struct stream *s = to;

	/*
	 * A wrong length ends the connection, and dnsfw learns how few questions
	 * one is good for.  So that is rare, or it would wait for connections
	 * most of the time.
	 */
	may_lie = may_lie && mutate_below(HONEST) == 0;
	if (stream_write(s->fd, msg, len, may_lie, read_client))
		return (true);
	stream_close(s);
	return (false);
}

static void
take_upstream_frame(struct stream *s, uint8_t *msg, size_t len)
{
	memcpy(buf, msg, len);
	reply(buf, len, reply_tcp, s);
}

static void
accept_stream(void)
{
	struct stream *s;
	int fd;

	while ((fd = accept4(up_listen, NULL, NULL, SOCK_NONBLOCK)) != -1) {
		for (s = streams; s < streams + STREAMS_MAX && s->fd != -1;
		    s++)
			;
		if (s == streams + STREAMS_MAX)
			stream_close(--s);	/* dnsfw left it, or will */
		s->fd = fd;
	}
}

static void
read_upstream(void)
{
	struct sockaddr_in from;
	socklen_t fromlen;
	struct stream *s;
	ssize_t n;

	for (;;) {
		fromlen = sizeof(from);
		n = recvfrom(up_udp, buf, sizeof(buf), 0,
		    (struct sockaddr *)&from, &fromlen);
		if (n == -1)
			break;
		reply(buf, (size_t)n, reply_udp, &from);
	}
	accept_stream();
	for (s = streams; s < streams + STREAMS_MAX; s++)
		if (s->fd != -1 && !stream_read(s, take_upstream_frame) &&
		    s->fd != -1)
			stream_close(s);
}

/* Both. */

static void
turn(int timeout)
{
	struct pollfd pfd[4 + STREAMS_MAX];
	nfds_t n = 0;
	size_t i;

	pfd[n++] = (struct pollfd){ client_udp, POLLIN, 0 };
	pfd[n++] = (struct pollfd){ client.fd, POLLIN, 0 };
	pfd[n++] = (struct pollfd){ up_udp, POLLIN, 0 };
	pfd[n++] = (struct pollfd){ up_listen, POLLIN, 0 };
	for (i = 0; i < STREAMS_MAX; i++)
		pfd[n++] = (struct pollfd){ streams[i].fd, POLLIN, 0 };
	poll(pfd, n, timeout);
	read_client();
	read_upstream();
}

static void
drain(void)
{
	read_client();
	read_upstream();
}

/* By the way that the mode uses.  False: the connection has ended. */
static bool
send_client(const uint8_t *msg, size_t len, bool may_lie)
{
	if (mode == CLIENT_UDP || mode == UPSTREAM_UDP) {
		send(client_udp, msg, len, 0);
		return (true);
	}
	if (client.fd == -1) {
		client.fd = flood_connected(GATEWAY, SOCK_STREAM);
		reconnects++;
	}
	if (stream_write(client.fd, msg, len, may_lie, drain))
		return (true);
	if (client.fd != -1)
		stream_close(&client);
	return (false);
}

/* A good query is answered, so all before it has been read. */
static void
sync_client(void)
{
	long long end = flood_now() + FLOOD_DEADLINE, again = 0;
	static uint16_t id;
	uint8_t msg[64];

	id++;
	while (synced != id) {
		if (flood_now() >= end)
			errx(1, "a good query is not answered any more");
		if (flood_now() >= again || client.fd == -1) {
			if (mode == CLIENT_UDP || mode == CLIENT_TCP ||
			    flood_now() >= again)
				send_client(msg, put_query(msg, id, SYNC, 1),
				    false);
			again = flood_now() + RESEND;
		}
		turn(RESEND);
	}
}

static void
mad_client(uint64_t count)
{
	static uint8_t msg[MUTATE_MAX];
	size_t len;

	while (sent < count) {
		len = mutate_seed(0, msg);
		len = mutate(msg, len, 0);
		send_client(msg, len, true);
		if (++sent % BURST == 0)
			sync_client();
		drain();
	}
}

/* A query for a name of its own. */
static void
ask(uint64_t n)
{
	static const uint16_t types[] = { 1, 28, 65, 1 };
	uint8_t msg[128];
	char name[64];

	snprintf(name, sizeof(name), "\12%010llu%s", (unsigned long long)n,
	    ASKED);
	send_client(msg, put_query(msg, (uint16_t)n, name, types[n % 4]),
	    false);
}

/* Good queries, whose answers are bad; dnsfw always has some of them. */
static void
sane_client(uint64_t count)
{
	uint64_t asked = 0, seen = 0;	/* seen: of those answered */
	long long end = flood_now() + FLOOD_DEADLINE;

	while (sent < count || seen < asked) {
		while (sent < count && asked - seen < IN_FLIGHT)
			ask(asked++);
		turn(RESEND);
		if (answered > seen) {
			seen = answered;
			end = flood_now() + FLOOD_DEADLINE;
		}
		if (client.fd == -1 && mode == UPSTREAM_TCP)
			errx(1, "dnsfw closed a good client");
		if (flood_now() >= end)
			errx(1, "%llu queries not answered",
			    (unsigned long long)(asked - seen));
	}
}

static void
set_mode(const char *name)
{
	static const char *const names[] = { "client-udp", "client-tcp",
	    "upstream-udp", "upstream-tcp" };
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (strcmp(name, names[i]) == 0) {
			mode = (enum mode)i;
			mad_upstream = mode >= UPSTREAM_UDP;
			return;
		}
	errx(2, "no mode %s", name);
}

int
main(int argc, char **argv)
{
	uint64_t count;
	size_t i;

	if (argc != 7)
		errx(2, "usage: flood MODE COUNT SEED MESSAGES CLIENT-NETNS "
		    "UPSTREAM-NETNS");
	set_mode(argv[1]);
	count = strtoull(argv[2], NULL, 10);
	mutate_init(strtoull(argv[3], NULL, 10));
	mutate_load(argv[4]);
	for (i = 0; i < STREAMS_MAX; i++)
		streams[i].fd = -1;
	flood_enter(argv[6]);
	up_udp = flood_bound(UPSTREAM, SOCK_DGRAM);
	up_listen = flood_bound(UPSTREAM, SOCK_STREAM);
	if (listen(up_listen, 64) == -1)
		err(1, "listen");
	flood_enter(argv[5]);
	client_udp = flood_connected(GATEWAY, SOCK_DGRAM);
	if (mad_upstream)
		sane_client(count);
	else
		mad_client(count);
	sync_client();
	printf("%s: %llu mutants, %llu answers to the client, %llu queries "
	    "upstream, %llu client connections\n", argv[1],
	    (unsigned long long)sent, (unsigned long long)answered,
	    (unsigned long long)forwarded, (unsigned long long)reconnects);
	return (0);
}
