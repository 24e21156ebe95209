/* A packet of a client that some matches hold for, and others do not. */
#include "solve.h"

#include <netinet/in.h>

#include <string.h>

#define TRIED_MAX	4096	/* values of a field */

bool
solve_is_inner(const struct addr *a)
{
	static const struct addr_net nets[] = {
		{ { ADDR_V4, { 0 } }, 8 },
		{ { ADDR_V4, { 10 } }, 8 },
		{ { ADDR_V4, { 127 } }, 8 },
		{ { ADDR_V4, { 172, 16 } }, 12 },
		{ { ADDR_V4, { 192, 168 } }, 16 },
		{ { ADDR_V4, { 169, 254 } }, 16 },
		{ { ADDR_V4, { 224 } }, 3 },
		{ { ADDR_V6, { 0 } }, 8 },
		{ { ADDR_V6, { 0xfc } }, 7 },
		{ { ADDR_V6, { 0xfe, 0x80 } }, 10 },
		{ { ADDR_V6, { 0xff } }, 8 }
	};
	size_t i;

	for (i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if (addr_in_net(a, &nets[i]))
			return (true);
	return (false);
}

/* --- does it fit? --- */

static const struct model_match *
wish_of(const struct solve *s, size_t i)
{
	return (&s->m->matches[s->wants[i].match]);
}

static bool
spend(struct solve *s, const struct model_match *match)
{
	uint64_t cost = 1 + match->n / 8;

	*s->steps -= cost < *s->steps ? cost : *s->steps;
	return (*s->steps > 0);
}

/* Are all matches of that kind as they should be? */
static bool
fits(struct solve *s, enum model_what what, const struct judge_packet *p)
{
	const struct model_match *match;
	size_t i;

	for (i = 0; i < s->n; i++) {
		match = wish_of(s, i);
		if (match->what != what)
			continue;
		if (!spend(s, match) || judge_may_match(s->m, match, p) !=
		    s->wants[i].hold)
			return (false);
	}
	return (true);
}

/* --- numbers --- */

struct numbers {
	uint32_t	at[TRIED_MAX];
	size_t		n;
};

static void
add_number(struct solve *s, struct numbers *all, uint32_t number, uint32_t most)
{
	if (number > most)
		return;
	if (all->n < TRIED_MAX)
		all->at[all->n++] = number;
	else
		s->cut = true;
}

/* The ends of what matches of that kind name, and what is beside them. */
static void
add_ends(struct solve *s, struct numbers *all, enum model_what what,
    uint32_t most)
{
	const struct model_match *match;
	const struct model_value *v;
	size_t i;

	for (i = 0; i < s->n; i++) {
		match = wish_of(s, i);
		if (match->what != what)
			continue;
		for (v = s->m->values + match->first;
		    v < s->m->values + match->first + match->n; v++) {
			add_number(s, all, v->low, most);
			add_number(s, all, v->high, most);
			add_number(s, all, v->high + 1, most);
			add_number(s, all, v->low - 1, most);
		}
	}
}

/* Pings and the like open no connection. */
static bool
is_signal(uint32_t proto)
{
	return (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6 ||
	    proto == IPPROTO_IGMP);
}

static bool
solve_port(struct solve *s, const struct numbers *ports,
    struct judge_packet *p)
{
	size_t i;

	for (i = 0; i < ports->n; i++) {
		p->dport = (uint16_t)ports->at[i];
		if (p->dport != 0 && fits(s, MODEL_DPORT, p))
			return (true);
	}
	return (false);
}

static bool
solve_service(struct solve *s, struct judge_packet *p)
{
	static const uint8_t usual[] = { IPPROTO_TCP, IPPROTO_UDP,
	    IPPROTO_SCTP, IPPROTO_ESP, IPPROTO_GRE, IPPROTO_IPV6, 253 };
	static struct numbers protos, ports;
	size_t i;

	protos.n = ports.n = 0;
	for (i = 0; i < sizeof(usual); i++)
		add_number(s, &protos, usual[i], 255);
	add_ends(s, &protos, MODEL_PROTO, 255);
	add_number(s, &ports, WAYS_PORT_ANY, 65535);
	add_ends(s, &ports, MODEL_DPORT, 65535);
	for (i = 0; i < protos.n; i++) {
		p->proto = (uint8_t)protos.at[i];
		if (!is_signal(p->proto) && fits(s, MODEL_PROTO, p) &&
		    solve_port(s, &ports, p))
			return (true);
	}
	return (false);
}

/* --- addresses --- */

/* The next one, or the one before. */
static struct addr
beside(struct addr a, bool next)
{
	size_t i = addr_len(a.family);

	while (i > 0) {
		i--;
		if (next ? ++a.bytes[i] != 0 : a.bytes[i]-- != 0)
			break;
	}
	return (a);
}

typedef bool try_address(struct solve *, struct judge_packet *,
    const struct addr *, bool meant);

/* Try the ends of what matches of that kind name, and what is beside them. */
static bool
try_ends(struct solve *s, enum model_what what, struct judge_packet *p,
    try_address *try)
{
	const struct model_match *match;
	const struct model_value *v;
	struct addr ends[4];
	size_t i, k, tried = 0;
	bool meant;

	for (i = 0; i < s->n; i++) {
		match = wish_of(s, i);
		if (match->what != what)
			continue;
		meant = s->wants[i].hold != match->negated;
		for (v = s->m->values + match->first;
		    v < s->m->values + match->first + match->n; v++) {
			if (v->from.family != s->family)
				continue;
			if (tried++ >= TRIED_MAX || *s->steps == 0) {
				s->cut = true;
				return (false);
			}
			ends[0] = v->from;
			ends[1] = v->to;
			ends[2] = beside(v->to, true);
			ends[3] = beside(v->from, false);
			for (k = 0; k < 4; k++)
				if (try(s, p, &ends[k], meant && k < 2))
					return (true);
		}
	}
	return (false);
}

/* The first and the last one of a net of IPv4 are nobody's. */
static bool
is_of_net(const struct addr *a, const struct addr_net *net)
{
	struct addr other;

	if (!addr_in_net(a, net))
		return (false);
	if (net->prefix > 30 || a->family == ADDR_V6)
		return (true);
	other = beside(*a, true);
	return (!addr_equal(a, &net->base) && addr_in_net(&other, net));
}

/* Can the address come in there?  Those of an interface's net come by it. */
static bool
is_linked(const struct ways_world *w, const struct addr *a, const char *iif)
{
	bool here = false;
	size_t i;

	for (i = 0; i < w->nnets; i++) {
		if (!w->nets[i].here || !addr_in_net(a, &w->nets[i].net))
			continue;
		if (strncmp(iif, w->iifs[w->nets[i].iif], IFNAMSIZ) == 0)
			return (true);
		here = true;
	}
	return (!here);
}

/*
 * meant: a rule names it as one that it is for; if nobody knows the clients, or
 * everybody is one, it is.
 */
static bool
is_client(const struct solve *s, const struct addr *a, bool meant)
{
	const struct ways_world *w = s->world;
	bool known = false, everybody = false;
	size_t i;

	for (i = 0; i < w->nnets; i++) {
		if (w->nets[i].net.base.family != s->family)
			continue;
		known = true;
		if (w->nets[i].net.prefix == 0)
			everybody = true;
		else if (is_of_net(a, &w->nets[i].net))
			return (true);
	}
	return ((meant && (everybody || !known)) ||
	    addr_equal(a, &w->client[s->family == ADDR_V6]));
}

static bool
try_client(struct solve *s, struct judge_packet *p, const struct addr *a,
    bool meant)
{
	const struct ways_world *w = s->world;
	size_t i;

	if (!is_client(s, a, meant))
		return (false);
	p->saddr = *a;
	if (!fits(s, MODEL_SADDR, p))
		return (false);
	p->iif = "";
	if (w->niifs == 0)
		return (true);
	for (i = 0; i < w->niifs; i++) {
		p->iif = w->iifs[i];
		if (is_linked(w, a, p->iif) && fits(s, MODEL_IIF, p))
			return (true);
	}
	return (false);
}

static bool
solve_client(struct solve *s, struct judge_packet *p)
{
	const struct ways_world *w = s->world;
	struct addr one;
	size_t i;

	if (try_client(s, p, &w->client[s->family == ADDR_V6], false))
		return (true);
	for (i = 0; i < w->nnets; i++) {
		one = ways_address(&w->nets[i].net);
		if (one.family == s->family && w->nets[i].net.prefix > 0 &&
		    try_client(s, p, &one, false))
			return (true);
	}
	if (try_ends(s, MODEL_SADDR, p, try_client))
		return (true);
	for (i = 0; i < w->nnets; i++) {
		one = beside(w->nets[i].net.base, true);
		if (one.family == s->family && try_client(s, p, &one, false))
			return (true);
	}
	return (false);
}

static bool
try_outer(struct solve *s, struct judge_packet *p, const struct addr *a,
    bool meant)
{
	(void)meant;
	p->daddr = *a;
	return (!solve_is_inner(a) && fits(s, MODEL_DADDR, p));
}

static bool
try_any(struct solve *s, struct judge_packet *p, const struct addr *a,
    bool meant)
{
	(void)meant;
	p->daddr = *a;
	return (fits(s, MODEL_DADDR, p));
}

/* Those in the internet come first: one between inner nets, too. */
static bool
solve_target(struct solve *s, struct judge_packet *p)
{
	static const struct addr outer[] = { { ADDR_V4, { 11, 0, 0, 1 } },
	    { ADDR_V4, { 128, 1, 1, 1 } }, { ADDR_V4, { 170, 1, 1, 1 } },
	    { ADDR_V4, { 172, 32, 1, 1 } }, { ADDR_V4, { 200, 1, 1, 1 } },
	    { ADDR_V4, { 1, 1, 1, 1 } }, { ADDR_V6, { 0x2a, [15] = 1 } },
	    { ADDR_V6, { 0x20, 0x01, [15] = 1 } } };
	size_t i;

	if (try_outer(s, p, &s->world->stranger[s->family == ADDR_V6], false))
		return (true);
	for (i = 0; i < sizeof(outer) / sizeof(outer[0]); i++)
		if (outer[i].family == s->family &&
		    try_outer(s, p, &outer[i], false))
			return (true);
	return (try_ends(s, MODEL_DADDR, p, try_outer) ||
	    try_ends(s, MODEL_DADDR, p, try_any));
}

/* --- all --- */

static bool
solve_way(struct solve *s, struct judge_packet *p)
{
	const struct ways_world *w = s->world;
	size_t i;

	p->oif = "";
	for (i = 0; i < w->noifs || i < w->nall; i++) {
		p->oif = w->oifs[i];
		if (fits(s, MODEL_OIF, p))
			return (true);
	}
	return (i == 0);
}

bool
solve_packet(struct solve *s, struct judge_packet *p)
{
	static const enum model_what fixed[] = { MODEL_FAMILY, MODEL_STATE,
	    MODEL_ALWAYS, MODEL_GRANTS, MODEL_SENT };
	size_t i;

	ways_any(s->world, s->family, IPPROTO_TCP, WAYS_PORT_ANY, p);
	/* Rules before can make it so. */
	p->sent = s->m->sends ? JUDGE_PERHAPS : JUDGE_NOT;
	p->untracked = s->m->untracks ? JUDGE_PERHAPS : JUDGE_NOT;
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (!fits(s, fixed[i], p))
			return (false);
	p->sent = p->untracked = JUDGE_NOT;
	return (solve_service(s, p) && solve_way(s, p) &&
	    solve_target(s, p) && solve_client(s, p));
}
