/* The options, as each of the others is told them. */
#include "conf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "addrtext.h"
#include "filter.h"
#include "make.h"
#include "never.h"

#define SCOPE_MAX	1800	/* bytes; the status line has 100 more */

/* Records a second that the helper obeys, and at once. */
#define RATE		20000
#define BURST		1000

static uint8_t
put_msg_nets(struct msg_net *out, const struct nets *nets)
{
	size_t i;

	for (i = 0; i < nets->n; i++) {
		out[i].family = nets->at[i].base.family;
		out[i].prefix = nets->at[i].prefix;
		memcpy(out[i].base, nets->at[i].base.bytes, 16);
	}
	return ((uint8_t)nets->n);
}

void
conf_worker(const struct options *o, struct msg_config *c)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	c->type = MSG_CONFIG;
	c->nbinds = (uint8_t)o->binds.n;
	c->refuse_with = (uint8_t)o->refuse_with;
	c->log_format = (uint8_t)o->log_format;
	c->log_level = (uint8_t)o->log_level;
	c->firewall = o->firewall != KEEPCONF_NONE;
	c->timeout = o->timeout;
	c->min_rule_time = o->min_rule_time;
	c->max_rule_time = o->max_rule_time;
	c->max_connections = o->max_connections;
	c->nupstreams = (uint8_t)o->upstreams.n;
	for (i = 0; i < o->upstreams.n; i++) {
		c->upstreams[i].family = o->upstreams.at[i].addr.family;
		c->upstreams[i].port = (uint16_t)o->upstream_port;
		c->upstreams[i].scope = o->upstreams.at[i].scope;
		memcpy(c->upstreams[i].addr, o->upstreams.at[i].addr.bytes, 16);
	}
	c->nclient_nets = put_msg_nets(c->client_nets, &o->client_nets);
	c->ndeny_nets = put_msg_nets(c->deny_nets, &o->deny_nets);
	c->nallow_nets = put_msg_nets(c->allow_nets, &o->allow_nets);
	c->randomize_case = (uint8_t)o->randomize_case;
	c->upstream_tcp = (uint8_t)o->upstream_tcp;
	c->family_filter = (uint8_t)o->family_filter;
	c->block_aliases = (uint8_t)o->block_aliases;
	c->bypass_pass = (uint8_t)o->bypass_pass;
}

/* Append to k->scope; what has no room is cut. */
static void __attribute__((format(printf, 2, 3)))
append(struct keepconf *k, const char *fmt, ...)
{
	size_t len = strlen(k->scope);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(k->scope + len, SCOPE_MAX - len, fmt, ap);
	va_end(ap);
}

static void
append_hosts(struct keepconf *k, const struct hosts *hosts, uint32_t port)
{
	char text[HOST_TEXT_MAX];
	size_t i;

	for (i = 0; i < hosts->n; i++)
		append(k, "%s%s", i == 0 ? "" : ", ",
		    host_print(&hosts->at[i], text));
	append(k, " port %u; ", port);
}

/* What the status line says. */
static void
put_scope(const struct options *o, struct keepconf *k)
{
	append_hosts(k, &o->binds, o->bind_port);
	append(k, "upstream ");
	append_hosts(k, &o->upstreams, o->upstream_port);
	if (o->firewall == KEEPCONF_NFTABLES)
		append(k, "nftables %s %s", o->table.text, o->chain);
	else if (o->firewall == KEEPCONF_IPTABLES)
		append(k, "iptables %s", o->chain);
	else
		append(k, "no firewall");
}

static void
put_unchecked_user(struct keepconf *k, const struct user *user,
    const char *name, const char *option)
{
	if (!user->exists)
		append(k, "not checked: the user \"%s\" (--%s), who does not "
		    "exist here\n", name, option);
}

/* What --check says of itself. */
static void
put_unchecked(const struct options *o, const struct users *u,
    struct keepconf *k)
{
	put_unchecked_user(k, &u->helper, o->priv_user, "priv-user");
	put_unchecked_user(k, &u->keeper, o->keeper_user, "keeper-user");
	put_unchecked_user(k, &u->proxy, o->proxy_user, "proxy-user");
	if (k->unprivileged && u->keeper.exists)
		append(k, "not checked: whether the user \"%s\" "
		    "(--keeper-user) may read the ACL\n", o->keeper_user);
	if (o->chain != NULL)
		append(k, "not checked: the firewall and its chain \"%s\"\n",
		    o->chain);
	append(k, "not checked: the addresses and the port of --bind\n");
}

void
conf_keeper(const struct options *o, const struct users *u, const char *acl,
    struct keepconf *k)
{
	*k = (struct keepconf){ .version = KEEPCONF_VERSION,
	    .size = sizeof(*k), .uid = u->keeper.uid, .gid = u->keeper.gid,
	    .nworkers = o->check_only ? 0 : o->workers,
	    .min_rule_time = o->min_rule_time,
	    .max_rule_time = o->max_rule_time, .max_grants = o->max_grants,
	    .firewall = (uint8_t)o->firewall,
	    .table_family = o->table.family,
	    .hold_live = (uint8_t)o->hold_live,
	    .kill_connections = (uint8_t)o->kill_connections,
	    .check_only = (uint8_t)o->check_only,
	    .unprivileged = geteuid() != 0,
	    .acl_name = (uint32_t)(acl - o->acl_file) };
	snprintf(k->table, sizeof(k->table), "%s",
	    o->table.name == NULL ? "filter" : o->table.name);
	snprintf(k->chain, sizeof(k->chain), "%s",
	    o->chain == NULL ? "" : o->chain);
	snprintf(k->user, sizeof(k->user), "%s", o->keeper_user);
	snprintf(k->acl_path, sizeof(k->acl_path), "%s", o->acl_file);
	if (o->check_only)
		put_unchecked(o, u, k);
	else
		put_scope(o, k);
}

static uint8_t
put_nets(struct addr_net *out, const struct nets *nets)
{
	memcpy(out, nets->at, nets->n * sizeof(*out));
	return ((uint8_t)nets->n);
}

/* May this host be a client?  It asks from a loopback address (G5). */
static bool
has_loopback(const struct nets *nets)
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

void
conf_helper(const struct options *o, struct user user, struct stamps *s)
{
	struct stamps_wish wish = { .ipset = o->firewall == KEEPCONF_IPTABLES,
	    .flows = o->hold_live || o->kill_connections,
	    .kill = o->kill_connections, .table_family = o->table.family,
	    .table = o->table.name, .chain = o->chain,
	    .max_grants = o->max_grants };
	struct limits *l = &s->limits;

	s->version = ORDER_VERSION;
	s->size = sizeof(*s);
	s->uid = user.uid;
	s->gid = user.gid;
	l->left_max = o->max_rule_time * 1000;
	l->rate = RATE;
	l->burst = BURST;
	l->local = has_loopback(&o->client_nets);
	l->nclients = put_nets(l->clients, &o->client_nets);
	l->ndenied = put_nets(l->denied, &o->deny_nets);
	l->nallowed = put_nets(l->allowed, &o->allow_nets);
	never_fill(l);
	filter_make(s);
	stamps_make(&wish, s);
}
