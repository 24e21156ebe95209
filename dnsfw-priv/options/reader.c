/* All that is read at the start. */
#include "reader.h"

#include <string.h>

#include "hosts.h"
#include "log.h"
#include "users.h"
#include "watchdog.h"

static void
complete_worker(const struct keepconf *k, struct msg_config *c)
{
	const struct host *h;
	size_t i;

	c->type = MSG_CONFIG;
	c->nbinds = (uint8_t)k->binds.n;
	c->firewall = k->firewall != KEEPCONF_NONE;
	c->audit = k->audit;
	c->nworkers = k->nworkers;
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
reader_read(struct options *o, int argc, char **argv,
    const struct options_file *file, bool root)
{
	struct keepconf *k = &o->keep;

	options_parse(o, argc, argv, file);
	if (!root && !k->check_only)
		fatalx("dnsfw must be started as root; its processes become "
		    "the users \"%s\", \"%s\" and \"%s\" by themselves",
		    k->users[KEEPCONF_HELPER].name,
		    k->users[KEEPCONF_KEEPER].name,
		    k->users[KEEPCONF_PROXY].name);
	users_find(k);
	hosts_zones(k);
	hosts_upstreams(k);
	if (k->check_only)
		k->nworkers = 0;
	if (k->firewall != KEEPCONF_NFTABLES)
		strcpy(k->table.name, "filter");
	k->watchdog = watchdog_read();
	complete_worker(k, &o->worker);
	k->size = sizeof(*k);
	k->version = KEEPCONF_VERSION;
}
