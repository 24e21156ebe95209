/* The worker: its channel to dnsfw-priv, its clock, its loop. */
#include "worker.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accesslog.h"
#include "alias.h"
#include "chan.h"
#include "clients.h"
#include "clock.h"
#include "deliver.h"
#include "exchange.h"
#include "grants.h"
#include "hash.h"
#include "known.h"
#include "log.h"
#include "own.h"
#include "tcp.h"
#include "udp.h"
#include "upstream.h"

#define TICK_USEC	100000	/* how exact a deadline is */
#define LATE	(CLOCK_SECOND / 2)	/* a tick that is no tick any more */
#define RECORDS_MAX	16	/* of dnsfw-priv, in a turn: others have theirs */
#define DESCRIPTORS_OWN	64	/* loop, log, channel, image, and some */

struct worker worker;
struct counters counters;

static struct event *channel, *ticker;
static bool ticking, stopping;
static unsigned int records;		/* of dnsfw-priv, in this turn */
static uint64_t tick_due;

void
worker_clock(void)
{
	worker.now = clock_now();
}

/* --- the channel --- */

static void __attribute__((noreturn))
malformed(enum msg_err err)
{
	fatalx("malformed message from dnsfw-priv: %s", msg_strerror(err));
}

/* During the start it has said itself why. */
static void __attribute__((noreturn))
priv_is_gone(void)
{
	if (worker.image == NULL)
		exit(1);
	fatalx("dnsfw-priv died: stopping");
}

static void
log_counters(void)
{
	const struct counters *c = &counters;

	log_info("queries: %llu, refused %llu, bad %llu, turned away %llu; "
	    "upstream: exchanges %llu, shared %llu, timeouts %llu, junk %llu; "
	    "grants: asked %llu, known %llu", (unsigned long long)c->queries,
	    (unsigned long long)c->refused, (unsigned long long)c->bad,
	    (unsigned long long)c->overload,
	    (unsigned long long)c->exchanges, (unsigned long long)c->shared,
	    (unsigned long long)c->timeouts, (unsigned long long)c->junk,
	    (unsigned long long)c->grants, (unsigned long long)c->known);
}

/* Map the image of the ACL, sealed by who made and checked it. */
static void
take_policy(const uint8_t *buf, size_t len, int fd)
{
	static size_t image_size;
	bool first = worker.image == NULL;
	struct msg_policy policy;
	const char *why;
	enum msg_err err;
	struct stat st;
	void *map;

	if ((err = msg_policy_decode(buf, len, &policy)) != MSG_OK)
		malformed(err);
	if (fstat(fd, &st) == -1 || (uint64_t)st.st_size != policy.size)
		fatalx("the ACL's image is not as long as it should be");
	map = mmap(NULL, policy.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		fatal("cannot map the ACL's image");
	close(fd);
	if (!first)
		munmap((void *)(uintptr_t)worker.image, image_size);
	worker.image = acl_image_open(map, policy.size, &why);
	if (worker.image == NULL)
		fatalx("the ACL's image is bad: %s", why);
	image_size = policy.size;
	worker.families = policy.families;
	worker.generation = policy.generation;
	/* What was granted before may be about to be revoked. */
	known_forget();
	if (first) {
		udp_start();
		tcp_start();
	}
}

/* A message that is no more than its type. */
static void
take_plain(const uint8_t *buf, size_t len)
{
	enum msg_type type = (enum msg_type)buf[0];
	struct msg_plain plain;
	enum msg_err err;

	if ((err = msg_plain_decode(buf, len, type, &plain)) != MSG_OK)
		malformed(err);
	if (type == MSG_FORGET)
		known_forget();
	else if (type == MSG_STATS)
		log_counters();
	else
		stopping = true;
}

static void
take_own(const uint8_t *buf, size_t len)
{
	struct msg_own own;
	enum msg_err err;

	if ((err = msg_own_decode(buf, len, &own)) != MSG_OK)
		malformed(err);
	own_take(&own);
}

static void
take_result(const uint8_t *buf, size_t len)
{
	struct msg_result result;
	enum msg_err err;

	if ((err = msg_result_decode(buf, len, &result)) != MSG_OK)
		malformed(err);
	grants_result(&result);
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

static void
take_message(const uint8_t *buf, size_t len, int fd)
{
	if ((buf[0] == MSG_POLICY) != (fd != -1))
		fatalx("a descriptor from dnsfw-priv where none belongs");
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
	case MSG_FORGET:
	case MSG_STATS:
	case MSG_STOP:
		take_plain(buf, len);
		break;
	default:
		malformed(MSG_ETYPE);
	}
}

static void
on_channel(evutil_socket_t chan, short what, void *arg)
{
	static uint8_t buf[MSG_SIZE_MAX];
	ssize_t n;
	int fd;

	(void)what;
	(void)arg;
	worker_clock();
	for (; records < RECORDS_MAX && !stopping; records++) {
		n = chan_recv(chan, buf, &fd, 0);
		if (n == CHAN_AGAIN)
			return;
		if (n == CHAN_EOF)
			priv_is_gone();
		if (n == CHAN_ERROR)
			fatal("cannot receive from dnsfw-priv");
		if (n == CHAN_BAD)
			fatalx("malformed message from dnsfw-priv: truncated");
		take_message(buf, (size_t)n, fd);
	}
	/*
	 * It is before the others in a turn, and may be readable for ever, as it
	 * is at its end.
	 */
	if (stopping)
		event_base_loopbreak(worker.base);
	else
		event_del(channel);
}

/* What dnsfw-priv says has its part of the turn again. */
static void
renew_channel(void)
{
	if (records >= RECORDS_MAX && event_add(channel, NULL) == -1)
		fatalx("event_add");
	records = 0;
}

/* --- time --- */

/*
 * This process had no processor for a while, so what has come meanwhile is not
 * read yet: the deadlines can wait for another tick, but not for one more.
 */
static bool
is_late(void)
{
	static bool was_late;

	was_late = !was_late && worker.now > tick_due + LATE;
	return (was_late);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	bool more;

	(void)fd;
	(void)what;
	(void)arg;
	worker_clock();
	ticking = false;
	if (is_late()) {
		worker_need_tick();
		return;
	}
	/* An answer that is there is not too late. */
	upudp_take();
	more = exchange_tick();
	more |= uptcp_tick();
	more |= tcp_tick();
	if (more)
		worker_need_tick();
}

void
worker_need_tick(void)
{
	static const struct timeval tick = { .tv_usec = TICK_USEC };

	if (ticking)
		return;
	ticking = true;
	tick_due = worker.now + TICK_USEC * 1000ULL;
	event_add(ticker, &tick);
}

/* --- start --- */

static void
take_nets(const struct msg_net *nets, size_t n, struct addr_net *out)
{
	size_t i;

	for (i = 0; i < n; i++) {
		out[i].base.family = nets[i].family;
		out[i].prefix = nets[i].prefix;
		memcpy(out[i].base.bytes, nets[i].base, 16);
	}
}

static void
receive_config(void)
{
	uint8_t buf[MSG_SIZE_MAX];
	enum msg_err err;
	ssize_t n;

	n = chan_recv(MSG_FD_CHANNEL, buf, NULL, 1);
	if (n <= 0)
		fatalx("no configuration from dnsfw-priv");
	err = msg_config_decode(buf, (size_t)n, &worker.config);
	if (err != MSG_OK)
		malformed(err);
	take_nets(worker.config.client_nets, worker.config.nclient_nets,
	    worker.client_nets);
	take_nets(worker.config.deny_nets, worker.config.ndeny_nets,
	    worker.deny_nets);
	take_nets(worker.config.allow_nets, worker.config.nallow_nets,
	    worker.allow_nets);
	worker.vet.deny = worker.deny_nets;
	worker.vet.ndeny = worker.config.ndeny_nets;
	worker.vet.allow = worker.allow_nets;
	worker.vet.nallow = worker.config.nallow_nets;
}

static void
make_base(void)
{
	struct event_config *config = event_config_new();

	if (config == NULL ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK |
	    EVENT_BASE_FLAG_IGNORE_ENV) == -1)
		fatalx("event_config_new");
	worker.base = event_base_new_with_config(config);
	if (worker.base == NULL)
		fatalx("event_base_new");
	event_config_free(config);
	/* What dnsfw-priv says (FORGET) comes before the answers of a turn. */
	if (event_base_priority_init(worker.base, 2) == -1)
		fatalx("event_base_priority_init");
	channel = event_new(worker.base, MSG_FD_CHANNEL, EV_READ | EV_PERSIST,
	    on_channel, NULL);
	ticker = evtimer_new(worker.base, on_tick, NULL);
	if (channel == NULL || ticker == NULL ||
	    event_priority_set(channel, 0) == -1)
		fatalx("event_new");
}

void
worker_init(void)
{
	receive_config();
	worker.timeout = worker.config.timeout * CLOCK_SECOND;
	worker_clock();
	hash_init();
	make_base();
	access_init();
	alias_init();
	clients_init();
	query_init();
	upstream_init();
	upudp_init();
	uptcp_init();
	exchange_init();
	deliver_init();
	grants_init();
	udp_init();
	tcp_init();
}

unsigned long
worker_descriptors(void)
{
	/* Upstream sockets a request, a socket a TCP client. */
	return ((UPUDP_PER_REQUEST + 1UL) * worker.config.max_connections +
	    2 * MSG_BINDS_MAX + UPTCP_PER_UPSTREAM * MSG_UPSTREAMS_MAX +
	    DESCRIPTORS_OWN);
}

size_t
worker_connect_ports(uint16_t ports[MSG_UPSTREAMS_MAX])
{
	size_t i;

	for (i = 0; i < worker.config.nupstreams; i++)
		ports[i] = worker.config.upstreams[i].port;
	return (i);
}

void
worker_run(void)
{
	struct msg_ready ready = { .type = MSG_READY, .version = MSG_VERSION };

	if (chan_send(MSG_FD_CHANNEL, &ready, sizeof(ready), -1) !=
	    sizeof(ready))
		priv_is_gone();
	if (event_add(channel, NULL) == -1)
		fatalx("event_add");
	while (!stopping) {
		if (event_base_loop(worker.base, EVLOOP_ONCE) == -1)
			fatalx("event_base_loop");
		upudp_flush();
		grants_flush();
		udp_flush();
		access_flush();
		renew_channel();
		tcp_renew();
	}
}
