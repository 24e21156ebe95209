/* The worker: what the keeper says, and what is done in a turn, part by part. */
#include "worker.h"

#include "accesslog.h"
#include "alias.h"
#include "back_tcp.h"
#include "back_udp.h"
#include "count.h"
#include "counters.h"
#include "exchange.h"
#include "front_tcp.h"
#include "front_udp.h"
#include "grants.h"
#include "hash.h"
#include "hits.h"
#include "log.h"
#include "kept.h"
#include "kin.h"
#include "known.h"
#include "loop.h"
#include "observe.h"
#include "own.h"
#include "parts.h"
#include "policy.h"
#include "priv.h"
#include "query.h"
#include "quota.h"
#include "rate.h"
#include "settings.h"
#include "tell.h"
#include "upstream.h"

#define DESCRIPTORS_OWN	64	/* loop, log, channel, image, and some */
/* Octets, beside those that the rooms count: see docs/performance.md. */
#define MEMORY_OWN	(32U << 20)	/* the program and its tables */
#define MEMORY_UPSTREAM	(7U << 20)	/* connections to each */
#define MEMORY_REQUEST	4096U

static bool stopping;
static bool pinged;		/* and the keeper has no answer */

/* --- what the keeper says --- */

static void
take_policy(const uint8_t *buf, size_t len, int fd)
{
	bool first = policy.image == NULL;
	struct msg_policy m;
	enum msg_err err;

	if ((err = msg_policy_decode(buf, len, &m)) != MSG_OK)
		priv_malformed(err);
	if (m.generation != policy.generation)
		hits_forget();
	policy_take(&m, fd);
	/* What was granted before may be about to be revoked. */
	grants_forget();
	if (first) {
		front_udp_start();
		front_tcp_start();
	}
}

/* The list in force could not be had: try again, now that there is something to do. */
static void
try_policy(void)
{
	if (policy.missed && policy_again())
		grants_forget();
}

/* A message that is no more than its type. */
static void
take_plain(const uint8_t *buf, size_t len)
{
	enum msg_type type = (enum msg_type)buf[0];
	struct msg_plain plain;
	enum msg_err err;

	if ((err = msg_plain_decode(buf, len, type, &plain)) != MSG_OK)
		priv_malformed(err);
	if (type == MSG_FORGET)
		grants_forget();
	else if (type == MSG_STATS)
		counters_log();
	else if (type == MSG_PING)
		pinged = true;
	else
		stopping = true;
}

static void
take_own(const uint8_t *buf, size_t len)
{
	struct msg_own own;
	enum msg_err err;

	if ((err = msg_own_decode(buf, len, &own)) != MSG_OK)
		priv_malformed(err);
	own_take(&own);
}

static void
take_result(const uint8_t *buf, size_t len)
{
	struct msg_result result;
	enum msg_err err;

	if ((err = msg_result_decode(buf, len, &result)) != MSG_OK)
		priv_malformed(err);
	grants_result(&result);
}

static void
take_known(const uint8_t *buf, size_t len)
{
	struct msg_known known;
	enum msg_err err;

	if ((err = msg_known_decode(buf, len, MSG_KNOWN, &known)) != MSG_OK)
		priv_malformed(err);
	known_take(&known);
}

static void
take_neighbour(const uint8_t *buf, size_t len)
{
	struct msg_neighbour m;
	enum msg_err err;

	if ((err = msg_neighbour_decode(buf, len, &m)) != MSG_OK)
		priv_malformed(err);
	kin_take(&m);
}

/* Messages of which many come in a record; size is that of one. */
static void
take_each(const uint8_t *buf, size_t len, size_t size,
    void (*take)(const uint8_t *, size_t))
{
	for (; len > size; buf += size, len -= size)
		take(buf, size);
	take(buf, len);		/* a piece of one is malformed */
}

static bool
take_message(const uint8_t *buf, size_t len, int fd)
{
	if ((buf[0] == MSG_POLICY) != (fd != -1))
		fatalx("a descriptor from the keeper where none belongs");
	switch (buf[0]) {
	case MSG_POLICY:
		take_policy(buf, len, fd);
		break;
	case MSG_RESULT:
		take_each(buf, len, sizeof(struct msg_result), take_result);
		break;
	case MSG_OWN:
		take_each(buf, len, sizeof(struct msg_own), take_own);
		break;
	case MSG_KNOWN:
		take_each(buf, len, sizeof(struct msg_known), take_known);
		break;
	case MSG_NEIGHBOUR:
		take_each(buf, len, sizeof(struct msg_neighbour), take_neighbour);
		break;
	case MSG_FORGET:
	case MSG_STATS:
	case MSG_PING:
	case MSG_STOP:
		take_plain(buf, len);
		break;
	default:
		priv_malformed(MSG_ETYPE);
	}
	return (!stopping);
}

/* --- start --- */

/* Look at all deadlines.  False: there is none. */
static bool
look_at_deadlines(void)
{
	bool more;

	/* An answer that is there is not too late. */
	back_udp_take();
	more = exchange_tick();
	more |= query_tick();
	more |= back_tcp_tick();
	more |= front_tcp_tick();
	return (more);
}

void
worker_init(void)
{
	uint8_t buf[MSG_SIZE_MAX];
	enum msg_err err;

	err = settings_take(buf, priv_receive_first(buf));
	if (err != MSG_OK)
		priv_malformed(err);
	hash_init();
	loop_init(look_at_deadlines);
	priv_init(take_message);
	access_init();
	tell_init();
	observe_init();
	hits_init();
	count_init();
	alias_init();
	quota_init();
	rate_init();
	upstream_init();
	back_udp_init();
	back_tcp_init();
	query_init();
	front_udp_init(query_receive);
	front_tcp_init(query_receive);
}

size_t
worker_memory(void)
{
	const size_t most = MEMORY_OWN + QUOTA_OCTETS_MAX + KEPT_MAX +
	    GRANTS_SHARES * GRANTS_OCTETS +
	    settings.config.nupstreams * (size_t)MEMORY_UPSTREAM +
	    settings.config.max_connections * (size_t)MEMORY_REQUEST;

	return (most + most / 4);
}

unsigned long
worker_descriptors(void)
{
	/* Upstream sockets a request, a socket a TCP client. */
	return ((BACK_UDP_PER_REQUEST + 1UL) * settings.config.max_connections +
	    2 * MSG_BINDS_MAX + BACK_TCP_PER_UPSTREAM * MSG_UPSTREAMS_MAX +
	    DESCRIPTORS_OWN);
}

size_t
worker_connect_ports(uint16_t ports[MSG_UPSTREAMS_MAX])
{
	size_t i;

	for (i = 0; i < settings.config.nupstreams; i++)
		ports[i] = settings.config.upstreams[i].port;
	return (i);
}

/* At the end of a turn, which a worker in a loop does not get to. */
static void
answer_ping(void)
{
	static const struct msg_plain pong = { .type = MSG_PONG };

	if (pinged)
		pinged = !priv_send(&pong, sizeof(pong));
}

void
worker_run(void)
{
	priv_start();
	while (!stopping) {
		loop_turn();
		try_policy();
		back_udp_flush();
		back_tcp_flush();
		parts_flush();
		grants_flush();
		front_udp_flush();
		front_tcp_flush();
		access_turn();
		tell_turn();
		observe_turn();
		hits_turn();
		count_turn();
		answer_ping();
		priv_renew();
	}
	access_flush();
}
