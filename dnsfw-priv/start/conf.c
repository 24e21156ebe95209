/* The options, as each of the others is told them. */
#include "conf.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "log.h"
#include "never.h"
#include "spawn.h"

/* Records a second that the helper obeys, and at once. */
#define RATE		20000
#define BURST		1000

static void
complete_worker(const struct keepconf *k, struct msg_config *c)
{
	const struct host *h;
	size_t i;

	c->type = MSG_CONFIG;
	c->nbinds = (uint8_t)k->binds.n;
	c->firewall = k->firewall != KEEPCONF_NONE;
	c->audit = k->audit;
	c->min_rule_time = k->min_rule_time;
	c->max_rule_time = k->max_rule_time;
	c->nupstreams = (uint8_t)k->upstreams.n;
	for (i = 0; i < k->upstreams.n; i++) {
		h = &k->upstreams.at[i];
		c->upstreams[i].family = h->addr.family;
		c->upstreams[i].port = (uint16_t)k->upstream_port;
		c->upstreams[i].scope = h->scope;
		memcpy(c->upstreams[i].addr, h->addr.bytes, 16);
	}
}

void
conf_complete(struct options *o, const char *acl)
{
	struct keepconf *k = &o->keep;

	complete_worker(k, &o->worker);
	k->version = KEEPCONF_VERSION;
	k->size = sizeof(*k);
	k->unprivileged = geteuid() != 0;
	if (k->check_only)
		k->nworkers = 0;
	if (k->firewall != KEEPCONF_NFTABLES)
		strcpy(k->table.name, "filter");
	k->acl_name = (uint32_t)(acl - o->acl_file);
	snprintf(k->acl_path, sizeof(k->acl_path), "%s", o->acl_file);
}

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

/* Is each within its place?  The helper looks at them so, too. */
static bool
are_stamps(const struct stamps *s)
{
	const struct stamp *at = &s->at[0][0];
	const struct stamp *end = at + STAMP_COUNT * STAMPS_SUBS;

	while (at < end && at->len <= STAMPS_BYTES)
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
