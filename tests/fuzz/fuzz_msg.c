/*
 * A record of the channel between the processes.  One decoder at most takes
 * it, as it is, and only what the rest of the program may rely on.
 */
#include <netinet/in.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "controlmsg.h"
#include "hostmsg.h"
#include "includemsg.h"
#include "msg.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool holds)
{
	if (!holds)
		abort();
}

/* The bytes that an address of the family does not have are zero. */
static void
check_addr(uint8_t family, const uint8_t bytes[16])
{
	size_t i;

	require(family == ADDR_V4 || family == ADDR_V6);
	for (i = addr_len(family); i < 16; i++)
		require(bytes[i] == 0);
}

static void
check_net(uint8_t family, uint8_t prefix, const uint8_t base[16])
{
	struct addr_net net = { { family, { 0 } }, prefix };

	check_addr(family, base);
	require(prefix <= 8 * addr_len(family));
	memcpy(net.base.bytes, base, 16);
	require(addr_in_net(&net.base, &net));
}

static void
check_grant(const struct msg_grant *g)
{
	static const uint8_t none[16];
	size_t n = strnlen(g->label, MSG_LABEL_SIZE);

	check_addr(g->family, g->client);
	check_addr(g->family, g->dst);
	require(g->proto == IPPROTO_TCP || g->proto == IPPROTO_UDP);
	require(g->port != 0 && g->ttl <= MSG_TTL_MAX);
	require(g->local == 0 || (g->local == 1 &&
	    memcmp(g->client, none, sizeof(none)) == 0));
	require(n > 0 && n < MSG_LABEL_SIZE && n == strspn(g->label,
	    "abcdefghijklmnopqrstuvwxyz0123456789._*-"));
	for (; n < MSG_LABEL_SIZE; n++)
		require(g->label[n] == '\0');
}

/* A check has the fields of a grant but the destination. */
static void
check_check(const struct msg_check *c)
{
	struct msg_grant g = { .family = c->family, .proto = c->proto,
	    .local = c->local, .port = c->port };

	require(c->pad == 0);
	memcpy(g.client, c->client, sizeof(g.client));
	memcpy(g.label, c->label, sizeof(g.label));
	check_grant(&g);
}

/* An address with its network, or the end, which has nothing else. */
static void
check_own(const struct msg_own *o)
{
	static const struct msg_own end = { .type = MSG_OWN };

	if (o->family == 0) {
		require(memcmp(o, &end, sizeof(end)) == 0);
		return;
	}
	check_addr(o->family, o->local);
	check_addr(o->family, o->broadcast);
	check_net(o->family, o->prefix, o->network);
}

static void
check_config(const struct msg_config *c)
{
	size_t i;

	require(c->nbinds >= 1 && c->nbinds <= MSG_BINDS_MAX);
	require(c->nupstreams >= 1 && c->nupstreams <= MSG_UPSTREAMS_MAX);
	require(c->client_nets.n <= MSG_NETS_MAX);
	require(c->nworkers >= 1 && c->nworkers <= MSG_WORKERS_MAX);
	require(c->client_rate <= MSG_CLIENT_RATE_MAX);
	require(c->min_rule_time >= 1 && c->timeout >= 1);
	require(c->max_rule_time >= c->min_rule_time);
	for (i = 0; i < c->nupstreams; i++) {
		check_addr(c->upstreams[i].family, c->upstreams[i].addr);
		require(c->upstreams[i].port != 0);
	}
	for (i = 0; i < c->client_nets.n; i++)
		check_net(c->client_nets.at[i].base.family,
		    c->client_nets.at[i].prefix, c->client_nets.at[i].base.bytes);
}

/* It is shown on terminals. */
static void
check_text(const char *text, size_t size, char least)
{
	size_t n = strnlen(text, size), i;

	require(n < size);
	for (i = 0; i < size; i++)
		require(i < n ? text[i] >= least && text[i] <= '~' :
		    text[i] == '\0');
}

static void
check_refusal(const struct msg_refusal *r)
{
	check_addr(r->family, r->client);
	require(r->kind < REFUSAL_KINDS && r->count > 0);
	require(r->name[0] != '\0' || r->qtype == 0);
	require(r->reason[0] != '\0');
	check_text(r->name, sizeof(r->name), '!');
	check_text(r->reason, sizeof(r->reason), ' ');
}

/* It becomes a rule of a list: no byte of it means anything else there. */
static void
check_seen(const struct msg_seen *s)
{
	size_t i, n = strnlen(s->name, MSG_SEEN_NAME);

	check_addr(s->family, s->client);
	require(s->naddresses <= MSG_SEEN_ADDRESSES && s->other <= 1);
	for (i = 0; i < s->naddresses; i++)
		check_addr(s->addresses[i].family, s->addresses[i].bytes);
	require(n > 0 && n < MSG_SEEN_NAME && n == strspn(s->name,
	    "abcdefghijklmnopqrstuvwxyz0123456789._-"));
}

/* A message is taken as it came, by the decoder of its type; 1 or 0. */
static unsigned int
taken(enum msg_err err, enum msg_type type, const void *out, size_t out_size,
    const uint8_t *data, size_t size)
{
	require((unsigned int)err < MSG_ERR_COUNT);
	require(*msg_strerror(err) != '\0');
	require((err == MSG_ESIZE) == (size != out_size));
	if (err != MSG_OK)
		return (0);
	require(data[0] == type && memcmp(out, data, size) == 0);
	return (1);
}

static unsigned int
plain(const uint8_t *data, size_t size, enum msg_type type)
{
	struct msg_plain m;

	return (taken(msg_plain_decode(data, size, type, &m), type, &m,
	    sizeof(m), data, size));
}

/* What the keeper takes. */
static unsigned int
requests(const uint8_t *data, size_t size)
{
	struct msg_ready ready;
	struct msg_grant grant;
	struct msg_checked checked;
	struct msg_include include;
	struct msg_host host;
	struct msg_sealed sealed;
	struct msg_refusal refusal;
	struct msg_hits hits;
	struct msg_counters counters;
	struct msg_seen seen;
	struct msg_known asked;
	unsigned int n;

	n = taken(msg_ready_decode(data, size, &ready), MSG_READY, &ready,
	    sizeof(ready), data, size);
	n += plain(data, size, MSG_REJECTED);
	n += taken(msg_checked_decode(data, size, &checked), MSG_CHECKED,
	    &checked, sizeof(checked), data, size);
	if (taken(msg_grant_decode(data, size, &grant), MSG_GRANT, &grant,
	    sizeof(grant), data, size)) {
		check_grant(&grant);
		n++;
	}
	if (taken(msg_hits_decode(data, size, &hits), MSG_HITS, &hits,
	    sizeof(hits), data, size)) {
		require(hits.line >= 1 && hits.line <= MSG_LINES_MAX);
		n++;
	}
	if (taken(msg_refusal_decode(data, size, &refusal), MSG_REFUSAL,
	    &refusal, sizeof(refusal), data, size)) {
		check_refusal(&refusal);
		n++;
	}
	if (taken(msg_seen_decode(data, size, &seen), MSG_SEEN, &seen,
	    sizeof(seen), data, size)) {
		check_seen(&seen);
		n++;
	}
	n += taken(msg_known_decode(data, size, MSG_ASKED, &asked), MSG_ASKED,
	    &asked, sizeof(asked), data, size);
	n += taken(msg_counters_decode(data, size, &counters), MSG_COUNTERS,
	    &counters, sizeof(counters), data, size);
	if (taken(msg_include_decode(data, size, &include), MSG_INCLUDE,
	    &include, sizeof(include), data, size)) {
		require(aclpath_is_good(include.path, strlen(include.path)));
		require(include.directory || aclpath_is_file(include.path,
		    strlen(include.path)));
		n++;
	}
	if (taken(msg_host_decode(data, size, &host), MSG_HOST, &host,
	    sizeof(host), data, size)) {
		check_addr(host.family, host.base);
		require(host.host < MSG_HOSTS_MAX);
		n++;
	}
	if (taken(msg_sealed_decode(data, size, &sealed), MSG_SEALED,
	    &sealed, sizeof(sealed), data, size)) {
		require(sealed.size > 0 && sealed.size <= IMAGE_SIZE_MAX);
		n++;
	}
	return (n);
}

/* A question of dnsfwctl, which any local user may have sent. */
static void
check_question(const uint8_t *data, size_t size)
{
	struct control_ask ask;

	if (!control_ask_decode(data, size, &ask))
		return;
	require(size == sizeof(ask) && memcmp(&ask, data, size) == 0);
	require(ask.version == CONTROL_VERSION);
	require(ask.what >= CONTROL_STATS && ask.what <= CONTROL_SEEN);
	require(ask.family != 0 || ask.what != CONTROL_REVOKE);
	if (ask.family != 0)
		check_addr(ask.family, ask.client);
}

/* What the children take. */
static unsigned int
replies(const uint8_t *data, size_t size)
{
	struct msg_result result;
	struct msg_included included;
	struct msg_policy policy;
	struct msg_own own;
	struct msg_known known;
	struct msg_neighbour neighbour;
	struct msg_check check;
	struct msg_config config;
	unsigned int n;

	n = plain(data, size, MSG_STOP) + plain(data, size, MSG_FORGET) +
	    plain(data, size, MSG_STATS) + plain(data, size, MSG_RELOAD) +
	    plain(data, size, MSG_PING) + plain(data, size, MSG_PONG);
	if (taken(msg_own_decode(data, size, &own), MSG_OWN, &own,
	    sizeof(own), data, size)) {
		check_own(&own);
		n++;
	}
	if (taken(msg_check_decode(data, size, &check), MSG_CHECK, &check,
	    sizeof(check), data, size)) {
		check_check(&check);
		n++;
	}
	n += taken(msg_result_decode(data, size, &result), MSG_RESULT,
	    &result, sizeof(result), data, size);
	n += taken(msg_known_decode(data, size, MSG_KNOWN, &known), MSG_KNOWN,
	    &known, sizeof(known), data, size);
	if (taken(msg_neighbour_decode(data, size, &neighbour), MSG_NEIGHBOUR,
	    &neighbour, sizeof(neighbour), data, size)) {
		check_addr(neighbour.family, neighbour.client);
		n++;
	}
	n += taken(msg_included_decode(data, size, &included), MSG_INCLUDED,
	    &included, sizeof(included), data, size);
	n += taken(msg_policy_decode(data, size, &policy), MSG_POLICY,
	    &policy, sizeof(policy), data, size);
	if (taken(msg_config_decode(data, size, &config), MSG_CONFIG,
	    &config, sizeof(config), data, size)) {
		check_config(&config);
		n++;
	}
	return (n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	require(requests(data, size) + replies(data, size) <= 1);
	check_question(data, size);
	return (0);
}
