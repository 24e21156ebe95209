/*
 * dnsfw-priv: the only process with a capability.
 *
 * Root's part is the first half of main(): read options, look up users, open
 * sockets, the ACL and netlink, start the children.  No byte that a child, a
 * client or the network sent is read before the confinement block.
 */
#include <sys/resource.h>

#include <linux/capability.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "check.h"
#include "children.h"
#include "conntrack.h"
#include "drop.h"
#include "firewall.h"
#include "forbidden.h"
#include "hash.h"
#include "hosts.h"
#include "launch.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "own.h"
#include "policy.h"
#include "sandbox.h"
#include "serve.h"
#include "status.h"
#include "syscalls.h"

/* Of this process, once it serves; it also limits images under way. */
#define DESCRIPTORS_MAX	1024

static const struct backend *
select_backend(enum firewall firewall)
{
	switch (firewall) {
	case FIREWALL_IPTABLES:
		return (&backend_ipset);
	case FIREWALL_NFTABLES:
		return (&backend_nftables);
	case FIREWALL_NONE:
	case FIREWALL_UNSET:
		break;
	}
	return (&backend_none);
}

static uint8_t
put_nets(struct msg_net *out, const struct nets *nets)
{
	size_t i;

	for (i = 0; i < nets->n; i++) {
		out[i].family = nets->at[i].base.family;
		out[i].prefix = nets->at[i].prefix;
		memcpy(out[i].base, nets->at[i].base.bytes, 16);
	}
	return ((uint8_t)nets->n);
}

/* The worker's share of the options. */
static void
worker_config(const struct options *o, struct msg_config *c)
{
	size_t i;

	memset(c, 0, sizeof(*c));
	c->type = MSG_CONFIG;
	c->nbinds = (uint8_t)o->binds.n;
	c->refuse_with = (uint8_t)o->refuse_with;
	c->log_format = (uint8_t)o->log_format;
	c->log_level = (uint8_t)o->log_level;
	c->firewall = o->firewall != FIREWALL_NONE;
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
	c->nclient_nets = put_nets(c->client_nets, &o->client_nets);
	c->ndeny_nets = put_nets(c->deny_nets, &o->deny_nets);
	c->nallow_nets = put_nets(c->allow_nets, &o->allow_nets);
	c->randomize_case = o->randomize_case;
	c->upstream_tcp = o->upstream_tcp;
	c->family_filter = o->family_filter;
	c->block_aliases = o->block_aliases;
	c->bypass_pass = o->bypass_pass;
}

static void
launch_children(const struct options *o, struct user proxy,
    struct child *compiler, struct child workers[MSG_WORKERS_MAX])
{
	int fds[2 * MSG_BINDS_MAX];
	struct msg_config config;
	char name[CHILD_NAME_MAX] = "worker";
	uint8_t i;

	worker_config(o, &config);
	launch_child(compiler, "compiler", "compiler", proxy, o->acl_file,
	    NULL, 0, NULL);
	for (i = 0; i < o->workers; i++) {
		if (o->workers > 1)
			snprintf(name, sizeof(name), "worker %u", i + 1U);
		launch_child(&workers[i], "worker", name, proxy, name, fds,
		    launch_sockets(o, i, fds), &config);
	}
}

int
main(int argc, char **argv)
{
	struct child compiler, workers[MSG_WORKERS_MAX];
	struct backend_config config;
	const struct backend *backend;
	struct options o;
	struct user user, proxy;
	const char *acl, *why;
	uint32_t i;

	launch_descriptors();
	log_init(NULL);
	options_parse(&o, argc, argv);
	if (o.check_only)
		check_run(&o);
	if (geteuid() != 0)
		fatalx("dnsfw-priv must be started as root; it drops to the "
		    "user \"%s\" by itself", o.priv_user);
	launch_capabilities(o.firewall != FIREWALL_NONE);
	user = launch_user(o.priv_user, "priv-user");
	proxy = launch_user(o.proxy_user, "proxy-user");
	launch_two_users(&user, &proxy);
	hosts_zones(&o);
	serve_signals();
	acl = launch_acl_directory(o.acl_file);
	forbidden_networks(o.deny_nets.at, o.deny_nets.n, o.allow_nets.at,
	    o.allow_nets.n);
	own_open();
	hosts_upstreams(&o);
	status_open(&o);
	notify_open();
	hash_init();
	backend = select_backend(o.firewall);
	config = (struct backend_config){ .chain = o.chain, .table = o.table.name,
	    .table_family = o.table.family, .max_grants = o.max_grants };
	backend->open(&config);
	launch_children(&o, proxy, &compiler, workers);

	/*
	 * Confinement.  The empty root needs CAP_SYS_CHROOT, so it comes
	 * before the user; the user comes before no_new_privs, which both
	 * Landlock and seccomp need; seccomp is last, as it forbids the rest.
	 */
	drop_root_directory();
	drop_limits(DESCRIPTORS_MAX);
	drop_privileges(user.uid, user.gid, o.firewall == FIREWALL_NONE ? 0 :
	    1ULL << CAP_NET_ADMIN);
	why = sandbox_landlock(NULL, 0, FD_ACL_DIR);
	sandbox_seccomp(priv_rules, priv_nrules);

	if (why != NULL)
		log_warn("%s: files, TCP to other ports and signals are kept "
		    "away by the empty root directories, the users and seccomp "
		    "alone", why);
	policy_start(&compiler, o.acl_file, acl);
	for (i = 0; i < o.workers; i++)
		children_wait_ready(&workers[i]);
	if (!serve_await(backend, &compiler, workers, o.workers))
		return (0);
	firewall_start(backend, o.max_grants);
	if (o.hold_live || o.kill_connections)
		conntrack_check();
	serve(&compiler, workers, &o);
	return (0);
}
