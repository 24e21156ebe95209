/*
 * The connections that grants opened.  Of each that is listed, a table says
 * whether a grant for it was asked about.
 */
#include "conntrack.h"

#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "clock.h"
#include "hash.h"
#include "keepconf.h"
#include "log.h"
#include "nlattr.h"

#define FAMILIES	2
#define ERROR_PERIOD	60	/* seconds between log lines */

/*
 * Connections that one datagram of 32 KiB can be about.  The least that the
 * kernel tells of one takes more than 128 bytes: two tuples.
 */
#define FLOWS_MAX	256

/* What a grant and a connection have in common. */
struct flow_key {
	uint8_t		family;
	uint8_t		proto;
	uint8_t		local;
	uint8_t		pad;
	uint16_t	port;
	uint16_t	pad2;
	uint8_t		client[16];
	uint8_t		dst[16];
};
static_assert(sizeof(struct flow_key) == 40, "flow_key has no holes");

struct slot {
	struct flow_key	key;		/* family 0: free */
	bool		kill;
	bool		live;
};

struct conntrack {
	struct slot	*slots;
	size_t		 nslots;	/* a power of two */
	uint32_t	*used;		/* which of them, n */
	size_t		 n, max;
	bool		 families[FAMILIES];	/* are asked about */
	bool		(*is_own)(const struct addr *);
	conntrack_each	*each;		/* or NULL */
	/* The walk; its listing's seq is 0 between two families. */
	bool		 walking;
	bool		 broken;	/* the latest one */
	uint8_t		 family;
	struct list	 list;
	struct order_flow flows[FLOWS_MAX];	/* of one datagram, to go */
	size_t		 nflows;
	uint64_t	 killed, failed;
};

struct conntrack *
conntrack_new(size_t max, bool (*is_own)(const struct addr *))
{
	struct conntrack *c = calloc(1, sizeof(*c));

	if (c == NULL)
		fatal("no memory for connections");
	for (c->nslots = 16; c->nslots < 2 * max; c->nslots *= 2)
		;
	c->slots = calloc(c->nslots, sizeof(*c->slots));
	c->used = calloc(max, sizeof(*c->used));
	if (c->slots == NULL || c->used == NULL)
		fatal("no memory for %zu connections", max);
	c->max = max;
	c->is_own = is_own;
	return (c);
}

void
conntrack_free(struct conntrack *c)
{
	free(c->used);
	free(c->slots);
	free(c);
}

void
conntrack_clear(struct conntrack *c)
{
	list_drop(&c->list);
	/* The table is large, and most often a few are asked about. */
	while (c->n > 0)
		c->slots[c->used[--c->n]] = (struct slot){ .kill = false };
	memset(c->families, 0, sizeof(c->families));
	c->walking = c->broken = false;
	c->each = NULL;
	c->killed = c->failed = 0;
}

/* Where the key is, or would be. */
static struct slot *
slot_of(const struct conntrack *c, const struct flow_key *key)
{
	size_t i = (size_t)hash_bytes(key, sizeof(*key)) & (c->nslots - 1);

	while (c->slots[i].key.family != 0 &&
	    memcmp(&c->slots[i].key, key, sizeof(*key)) != 0)
		i = (i + 1) & (c->nslots - 1);
	return (&c->slots[i]);
}

static struct flow_key
key_of(const struct msg_grant *g)
{
	struct flow_key key = { .family = g->family, .proto = g->proto,
	    .local = g->local, .port = g->port };

	memcpy(key.client, g->client, sizeof(key.client));
	memcpy(key.dst, g->dst, sizeof(key.dst));
	return (key);
}

int
conntrack_ask(struct conntrack *c, const struct msg_grant *g, bool kill)
{
	struct flow_key key = key_of(g);
	struct slot *s = slot_of(c, &key);

	if (s->key.family == 0) {
		if (c->n == c->max)
			return (-1);
		c->used[c->n++] = (uint32_t)(s - c->slots);
		s->key = key;
		c->families[g->family == ADDR_V6] = true;
	}
	s->kill |= kill;
	return (0);
}

void
conntrack_watch(struct conntrack *c, conntrack_each *fn)
{
	c->each = fn;
}

static bool
is_live(const struct nlmsghdr *nlh, uint8_t proto)
{
	uint32_t status = nlattr_u32(nlattr_get(nlh, CTA_STATUS));
	uint8_t state;

	if ((status & IPS_SEEN_REPLY) == 0 || (status & IPS_ASSURED) == 0)
		return (false);
	if (proto != IPPROTO_TCP)
		return (true);
	(void)nlattr_copy(nlattr_nested(nlattr_nested(nlattr_get(nlh,
	    CTA_PROTOINFO), CTA_PROTOINFO_TCP), CTA_PROTOINFO_TCP_STATE),
	    &state, sizeof(state));
	return (state == TCP_CONNTRACK_ESTABLISHED);
}

/* The original direction, as it names a connection; false: not one of ours. */
static bool
take_flow(const struct nlmsghdr *nlh, uint8_t family, struct order_flow *f)
{
	const struct nlattr *tuple = nlattr_get(nlh, CTA_TUPLE_ORIG);
	const struct nlattr *ip = nlattr_nested(tuple, CTA_TUPLE_IP);
	const struct nlattr *proto = nlattr_nested(tuple, CTA_TUPLE_PROTO);
	const struct nlattr *zone = nlattr_get(nlh, CTA_ZONE);
	bool v4 = family == ADDR_V4;

	memset(f, 0, sizeof(*f));
	f->type = ORDER_FLOW;
	f->family = family;
	(void)nlattr_copy(nlattr_nested(proto, CTA_PROTO_NUM), &f->proto, 1);
	f->sport = nlattr_u16(nlattr_nested(proto, CTA_PROTO_SRC_PORT));
	f->dport = nlattr_u16(nlattr_nested(proto, CTA_PROTO_DST_PORT));
	if (zone == NULL)
		zone = nlattr_nested(tuple, CTA_TUPLE_ZONE);
	f->zone = nlattr_u16(zone);
	return ((f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP) &&
	    nlattr_copy(nlattr_nested(ip, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC),
	    f->src, addr_len(family)) &&
	    nlattr_copy(nlattr_nested(ip, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST),
	    f->dst, addr_len(family)));
}

/* Is a grant asked about that opened it?  Note what it is then. */
static void
note_flow(struct conntrack *c, const struct order_flow *f, bool local,
    bool live, bool *kill)
{
	struct flow_key key = { .family = f->family, .proto = f->proto,
	    .local = local, .port = f->dport };
	struct slot *s;

	if (!local)
		memcpy(key.client, f->src, sizeof(key.client));
	memcpy(key.dst, f->dst, sizeof(key.dst));
	s = slot_of(c, &key);
	if (s->key.family == 0)
		return;
	s->live |= live;
	*kill |= s->kill;
}

static void
take_connection(const struct nlmsghdr *nlh, void *arg)
{
	struct conntrack *c = arg;
	struct order_flow f;
	struct addr source;
	bool kill = false, live, own;

	if (!take_flow(nlh, c->family, &f))
		return;
	live = is_live(nlh, f.proto);
	note_flow(c, &f, false, live, &kill);
	/* A grant for this host is not for the clients behind it. */
	source = (struct addr){ .family = c->family };
	memcpy(source.bytes, f.src, sizeof(source.bytes));
	if ((own = c->is_own(&source)))
		note_flow(c, &f, true, live, &kill);
	if (c->each != NULL && (nlattr_u32(nlattr_get(nlh, CTA_STATUS)) &
	    IPS_SEEN_REPLY) != 0)
		c->each(&f, own);
	if (kill && c->nflows < FLOWS_MAX)
		c->flows[c->nflows++] = f;
	else if (kill)
		c->failed++;
}

/* One that has ended by itself is as good, but not our doing. */
static void
end_flows(struct conntrack *c)
{
	static struct log_limit limit;
	struct ask_result results[ORDER_BATCH_MAX];
	size_t done, n, i;
	uint64_t events;

	for (done = 0; done < c->nflows; done += n) {
		n = c->nflows - done < ORDER_BATCH_MAX ? c->nflows - done :
		    ORDER_BATCH_MAX;
		(void)ask_flows(&c->flows[done], n, results);
		for (i = 0; i < n; i++) {
			if (results[i].what == ASK_DONE &&
			    results[i].error == 0)
				c->killed++;
			else if (results[i].what == ASK_DONE &&
			    results[i].error == ENOENT)
				continue;
			else {
				c->failed++;
				if (log_allowed(&limit, clock_now(),
				    ERROR_PERIOD, &events))
					log_error("cannot end a connection: "
					    "%s", ask_text(&results[i]));
			}
		}
	}
	c->nflows = 0;
}

/* The next family that is asked about; false: there is none. */
static bool
begin_family(struct conntrack *c)
{
	while (c->family <= ADDR_V6) {
		if (c->each != NULL || c->families[c->family == ADDR_V6])
			return (true);
		c->family = c->family == ADDR_V4 ? ADDR_V6 : UINT8_MAX;
	}
	return (false);
}

static enum list_step
break_off(struct conntrack *c, const char *why)
{
	static struct log_limit limit;
	uint64_t events;

	if (log_allowed(&limit, clock_now(), ERROR_PERIOD, &events))
		log_error("cannot list connections: %s", why);
	list_drop(&c->list);
	c->walking = false;
	c->broken = true;
	return (LIST_BROKEN);
}

/* One datagram.  LIST_END: of the family. */
static enum list_step
walk(struct conntrack *c)
{
	enum list_step step = list_step(&c->list, 1, take_connection, c);

	end_flows(c);
	return (step);
}

enum list_step
conntrack_step(struct conntrack *c, uint64_t slice)
{
	const uint64_t end = clock_now() + slice;

	if (!c->walking) {
		c->walking = true;
		c->broken = false;
		c->family = ADDR_V4;
		memset(&c->list, 0, sizeof(c->list));
	}
	while (begin_family(c)) {
		if (c->list.seq == 0 && list_begin(&c->list, STAMP_FLOWS,
		    c->family == ADDR_V6, NULL) == -1)
			return (break_off(c, "they cannot be asked for now"));
		switch (walk(c)) {
		case LIST_MORE:
			if (c->list.idle || clock_now() >= end)
				return (LIST_MORE);
			continue;
		case LIST_BROKEN:
		case LIST_NONE:
			return (break_off(c, ask_strerror(c->list.error)));
		case LIST_CHANGED:	/* others' connections come and go */
		case LIST_END:
			memset(&c->list, 0, sizeof(c->list));
			c->family = c->family == ADDR_V4 ? ADDR_V6 :
			    UINT8_MAX;
		}
	}
	c->walking = false;
	return (LIST_END);
}

int
conntrack_fd(const struct conntrack *c)
{
	return (c->walking ? KEEP_FD_FLOWS : -1);
}

bool
conntrack_is_live(const struct conntrack *c, const struct msg_grant *g)
{
	struct flow_key key = key_of(g);
	const struct slot *s = slot_of(c, &key);

	return (s->key.family == 0 || s->live || c->broken);
}

uint64_t
conntrack_killed(const struct conntrack *c)
{
	return (c->killed);
}

uint64_t
conntrack_failed(const struct conntrack *c)
{
	return (c->failed);
}

void
conntrack_check(struct conntrack *c)
{
	(void)c;
	if (list_whole(STAMP_FLOWS, 0, NULL, NULL, NULL) == LIST_BROKEN)
		fatalx("--hold-live, --kill-connections and --audit need "
		    "connection tracking over netlink (nf_conntrack_netlink): %s",
		    ask_strerror(errno));
}
