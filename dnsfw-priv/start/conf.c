/* What the helper is told of the options. */
#include "conf.h"

#include <string.h>

#include "addrtext.h"
#include "log.h"
#include "never.h"
#include "spawn.h"

/* Records a second that the helper obeys, and at once. */
#define RATE		20000
#define BURST		1000

static uint8_t
put_nets(struct addr_net *out, const struct msg_nets *nets)
{
	memcpy(out, nets->at, nets->n * sizeof(*out));
	return (nets->n);
}

/* May this host be a client?  It asks from a loopback address (G5). */
static bool
has_loopback(const struct msg_nets *nets)
{
	static const struct addr loopback[] = {
		{ .family = ADDR_V4, .bytes = { 127, 0, 0, 1 } },
		{ .family = ADDR_V6, .bytes = { [15] = 1 } }
	};
	size_t i;

	for (i = 0; i < nets->n; i++) {
		if (addr_is_loopback(&nets->at[i].base) ||
		    addr_in_net(&loopback[0], &nets->at[i]) ||
		    addr_in_net(&loopback[1], &nets->at[i]))
			return (true);
	}
	return (nets->n == 0);
}

/*
 * Is each within its place?  The helper looks at them so, too; and what comes
 * behind one in its buffer has to be aligned (NLMSG_ALIGNTO).
 */
static bool
are_stamps(const struct stamps *s)
{
	const struct stamp *at = &s->at[0][0];
	const struct stamp *end = at + STAMP_COUNT * STAMPS_SUBS;

	while (at < end && at->len <= STAMPS_BYTES && at->len % 4 == 0)
		at++;
	return (at == end && s->nfilter > 0 && s->nfilter <= STAMPS_FILTER_MAX);
}

void
conf_helper(const struct options *o, struct stamps *s)
{
	const struct keepconf *k = &o->keep;
	struct limits *l = &s->limits;

	spawn_stamp(k, s);
	if (!are_stamps(s))
		fatalx("what dnsfw-stamp has made are no stamps");
	/* The rest is not for it to say. */
	s->version = ORDER_VERSION;
	s->size = sizeof(*s);
	s->uid = k->users[KEEPCONF_HELPER].uid;
	s->gid = k->users[KEEPCONF_HELPER].gid;
	*l = (struct limits){ .left_max = k->max_rule_time * 1000,
	    .rate = RATE, .burst = BURST,
	    .local = has_loopback(&o->worker.client_nets) };
	l->nclients = put_nets(l->clients, &o->worker.client_nets);
	l->ndenied = put_nets(l->denied, &o->worker.deny_nets);
	l->nallowed = put_nets(l->allowed, &o->worker.allow_nets);
	never_fill(l);
}
