/* Where a packet goes around dnsfw. */
#include "ways.h"

#include <netinet/in.h>

#include <string.h>

#define PORT_ANY	40001	/* which no rule is meant for */

/* The packet for a rule, as far as the rules on the way to it have made it. */
struct wish {
	struct judge_packet packet;
	unsigned int	set;		/* bits of enum model_what */
};

struct look {
	const struct model *m;
	const struct ways_world *world;
	uint8_t		family;
	uint64_t	*steps;
	ways_fn		*fn;
	void		*arg;
};

static void
any_packet(const struct ways_world *w, uint8_t family, uint8_t proto,
    uint16_t port, struct judge_packet *out)
{
	size_t i = family == ADDR_V4 ? 0 : 1;

	*out = (struct judge_packet){
	    .iif = w->niifs == 0 ? "" : w->iifs[0],
	    .oif = w->noifs == 0 ? "" : w->oifs[0],
	    .saddr = w->client[i], .daddr = w->stranger[i],
	    .proto = proto, .dport = port };
}

/* One that is hardly another machine's than a client's. */
static struct addr
address_in(const struct addr_net *net)
{
	struct addr a = net->base;
	size_t len = addr_len(a.family);

	if (net->prefix + 3U <= len * 8)
		a.bytes[len - 1] |= 5;
	return (a);
}

bool
ways_packet(const struct ways_world *w, size_t i, uint8_t family,
    uint8_t proto, uint16_t port, struct judge_packet *out)
{
	const struct ways_net *n;

	any_packet(w, family, proto, port, out);
	if (i < w->niifs) {
		out->iif = w->iifs[i];
		return (true);
	}
	i -= w->niifs;
	if (i < w->noifs) {
		out->oif = w->oifs[i];
		return (true);
	}
	i -= w->noifs;
	if (i >= w->nnets)
		return (i == 0 && w->niifs + w->noifs == 0);
	n = &w->nets[i];
	/* Everybody is no client of its own. */
	if (n->net.base.family == family && n->net.prefix > 0) {
		out->saddr = address_in(&n->net);
		out->iif = w->niifs == 0 ? "" : w->iifs[n->iif];
	}
	return (true);
}

/* --- a value that the match wants --- */

static bool
is_matched(const struct model_match *match, bool hit)
{
	return (hit != match->negated);
}

/* Is one of its values so? */
static bool
has_any(const struct look *l, const struct model_match *match,
    const char *name, const struct addr *a, uint32_t number)
{
	const struct model_value *v = l->m->values + match->first;
	uint32_t i;

	for (i = 0; i < match->n; i++, v++)
		if (name != NULL ? judge_has_name(v, name) : a != NULL ?
		    judge_has_address(v, a) :
		    number >= v->low && number <= v->high)
			return (true);
	return (false);
}

static bool
wish_name(const struct look *l, const struct model_match *match,
    const char **name, bool fixed, const char names[][IFNAMSIZ], size_t n)
{
	size_t i;

	if ((*name)[0] == '\0' || is_matched(match,
	    has_any(l, match, *name, NULL, 0)))
		return (true);
	for (i = 0; !fixed && i < n; i++)
		if (is_matched(match, has_any(l, match, names[i], NULL,
		    0))) {
			*name = names[i];
			return (true);
		}
	return (false);
}

/* An address of the value that a client has. */
static bool
client_in(const struct look *l, const struct model_value *v, struct addr *out)
{
	const struct ways_world *w = l->world;
	size_t i;

	for (i = 0; i < w->nnets; i++) {
		*out = v->from;
		if (addr_in_net(out, &w->nets[i].net))
			return (true);
		*out = w->nets[i].net.base;
		if (judge_has_address(v, out))
			return (true);
	}
	return (false);
}

/* A client that is not among the addresses. */
static bool
other_client(const struct look *l, const struct model_match *match,
    struct addr *a)
{
	const struct ways_world *w = l->world;
	struct addr one;
	size_t i;

	for (i = 0; i < w->nnets; i++) {
		one = address_in(&w->nets[i].net);
		if (one.family != l->family ||
		    has_any(l, match, NULL, &one, 0))
			continue;
		*a = one;
		return (true);
	}
	return (false);
}

static bool
wish_address(const struct look *l, const struct model_match *match,
    struct addr *a, bool fixed)
{
	const struct model_value *v = l->m->values + match->first;
	struct addr one;
	uint32_t i;

	if (is_matched(match, has_any(l, match, NULL, a, 0)))
		return (true);
	if (fixed)
		return (false);
	if (match->negated)
		return (match->what == MODEL_SADDR &&
		    other_client(l, match, a));
	for (i = 0; i < match->n; i++, v++) {
		if (v->from.family != l->family)
			continue;
		one = v->from;
		if (match->what == MODEL_SADDR && !client_in(l, v, &one))
			continue;
		*a = one;
		return (true);
	}
	return (false);
}

/* Pings and the like open no connection. */
static bool
is_signal(uint32_t proto)
{
	return (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ||
	    proto == IPPROTO_IGMP);
}

static bool
wish_number(const struct look *l, const struct model_match *match,
    uint32_t *number, bool fixed)
{
	const struct model_value *v = l->m->values + match->first;
	uint32_t i;

	if (is_matched(match, has_any(l, match, NULL, NULL, *number)))
		return (true);
	if (fixed || match->negated)
		return (false);
	for (i = 0; i < match->n; i++, v++) {
		if (match->what == MODEL_PROTO && is_signal(v->low))
			continue;
		*number = v->low;
		return (true);
	}
	return (false);
}

/* Make the packet as the match wants it; false: it cannot be for a client. */
static bool
wish_match(const struct look *l, const struct model_match *match,
    struct wish *w)
{
	bool fixed = (w->set & 1U << match->what) != 0, ok = true;
	uint32_t number;

	if (match->what == MODEL_IIF)
		ok = wish_name(l, match, &w->packet.iif, fixed,
		    l->world->iifs, l->world->niifs);
	else if (match->what == MODEL_OIF)
		ok = wish_name(l, match, &w->packet.oif, fixed,
		    l->world->oifs, l->world->noifs);
	else if (match->what == MODEL_SADDR)
		ok = wish_address(l, match, &w->packet.saddr, fixed);
	else if (match->what == MODEL_DADDR)
		ok = wish_address(l, match, &w->packet.daddr, fixed);
	else if (match->what == MODEL_PROTO) {
		number = w->packet.proto;
		ok = wish_number(l, match, &number, fixed);
		w->packet.proto = (uint8_t)number;
	} else if (match->what == MODEL_DPORT) {
		number = w->packet.dport;
		ok = wish_number(l, match, &number, fixed);
		w->packet.dport = (uint16_t)number;
	} else if (match->what == MODEL_FAMILY)
		ok = is_matched(match, has_any(l, match, NULL, NULL,
		    l->family));
	else if (match->what == MODEL_STATE)
		ok = is_matched(match, has_any(l, match, NULL, NULL,
		    MODEL_NEW));
	else if (match->what == MODEL_ALWAYS)
		ok = !match->negated;
	else if (match->what == MODEL_GRANTS)
		ok = match->negated;
	w->set |= 1U << match->what;
	return (ok);
}

static bool
wish_rule(const struct look *l, const struct model_rule *r, struct wish *w)
{
	uint32_t i;

	for (i = 0; i < r->n; i++)
		if (!wish_match(l, &l->m->matches[r->first + i], w))
			return (false);
	return (true);
}

/* --- all rules --- */

static void
try_packet(const struct look *l, const struct judge_packet *p)
{
	struct judgement j;

	judge(l->m, p, l->steps, &j);
	if (*l->steps > 0)
		l->fn(l->arg, p, &j);
}

static void
look_chain(const struct look *l, uint32_t chain, const struct wish *wish,
    unsigned int depth)
{
	const struct model_rule *r;
	struct wish own;
	uint32_t i;

	if (depth > JUDGE_DEPTH_MAX)
		return;
	for (i = l->m->chains[chain].first; i != MODEL_NONE && *l->steps > 0;
	    i = r->next) {
		r = &l->m->rules[i];
		--*l->steps;
		own = *wish;
		if ((r->verdict != MODEL_ACCEPT && r->target == MODEL_NONE) ||
		    !wish_rule(l, r, &own))
			continue;
		if (r->verdict == MODEL_ACCEPT)
			try_packet(l, &own.packet);
		else
			look_chain(l, r->target, &own, depth + 1);
	}
}

int
ways_each(const struct model *m, const struct ways_world *world,
    uint8_t family, uint64_t *steps, ways_fn *fn, void *arg)
{
	struct look l = { .m = m, .world = world, .family = family,
	    .steps = steps, .fn = fn, .arg = arg };
	struct wish wish = { .set = 0 };
	uint32_t i;

	any_packet(world, family, IPPROTO_TCP, PORT_ANY, &wish.packet);
	for (i = 0; i < m->nchains; i++)
		if (m->chains[i].hook == MODEL_FORWARD &&
		    (m->chains[i].families & model_family(family)) != 0)
			look_chain(&l, i, &wish, 0);
	return (*steps == 0 ? -1 : 0);
}
