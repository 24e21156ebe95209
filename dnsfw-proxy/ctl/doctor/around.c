/* What of a firewall lets clients go around dnsfw. */
#include "around.h"

#include <netinet/in.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "closed.h"
#include "mend.h"
#include "search.h"
#include "solve.h"

#define TOLD_MAX	50	/* rules that are told of, of a family */

struct around {
	const struct model *m;
	const struct guard *guard;
	const struct ways_world *world;
	struct findings	*findings;
	uint64_t	steps;
	bool		*told;		/* of rules, and then of chains' ends */
	bool		*unsure;	/* of rules */
	unsigned int	ntold, nnoted, nunsure;
	bool		unfinished;	/* there is more */
	uint32_t	last_rule;
	char		last_text[MEND_MAX];
	uint8_t		family;
	struct judgement any[2];	/* of what no rule is meant for */
};

static const char *
family_name(uint8_t family)
{
	return (family == ADDR_V4 ? "IPv4" : "IPv6");
}

static bool
is_sure(const struct judgement *j)
{
	return (j->reached || j->maybe_reached);
}

/* Was what accepts it told?  Its last one is for no chain at all. */
static bool *
told_flag(struct around *a, const struct judgement *j)
{
	return (&a->told[j->rule != MODEL_NONE ? j->rule :
	    a->m->nrules + (j->chain != MODEL_NONE ? j->chain :
	    a->m->nchains)]);
}

/* And that it does so for inner addresses? */
static bool *
noted(struct around *a, const struct judgement *j)
{
	return (told_flag(a, j) + a->m->nrules + a->m->nchains + 1);
}

/* By what it is accepted, in words; nft is not asked twice in a row for one rule. */
static void
cause_text(struct around *a, const struct judgement *j, char out[MEND_MAX])
{
	if (j->rule != MODEL_NONE && j->rule == a->last_rule) {
		memcpy(out, a->last_text, MEND_MAX);
		return;
	}
	if (j->rule != MODEL_NONE)
		mend_rule_text(a->m, j->rule, out);
	else if (j->chain != MODEL_NONE)
		snprintf(out, MEND_MAX, "the end of %s, whose policy is "
		    "accept", model_chain_text(a->m, j->chain));
	else
		snprintf(out, MEND_MAX, "no chain with the hook \"forward\"");
	a->last_rule = j->rule;
	memcpy(a->last_text, out, MEND_MAX);
}

/* --- what is not understood --- */

static void
note_unsure(struct around *a, const struct judgement *j)
{
	char text[MEND_MAX];

	if (j->unsure == MODEL_NONE || a->unsure[j->unsure])
		return;
	a->unsure[j->unsure] = true;
	if (a->nunsure++ >= TOLD_MAX)
		return;
	mend_rule_text(a->m, j->unsure, text);
	findings_add(a->findings, WARNING, "not-understood", "",
	    "rule not understood: %s; it may let clients around dnsfw", text);
}

/* --- anything --- */

static bool
has_way(struct around *a)
{
	uint32_t i;

	for (i = 0; i < a->m->nchains; i++)
		if (a->m->chains[i].hook == MODEL_FORWARD &&
		    (a->m->chains[i].families & model_family(a->family)) !=
		    0 && model_leads(a->m, i, JUDGE_DEPTH_MAX,
		    &a->steps))
			return (true);
	return (false);
}

static void
tell_no_jump(struct around *a, bool open, bool other)
{
	char mend[MEND_MAX];
	const char *name = family_name(a->family);

	mend_jump(a->m, a->guard, a->world, a->family, mend);
	if (open && other) {
		if (a->guard->table != NULL)
			mend_acceptance(a->m, a->guard, a->world, a->family,
			    a->any[a->family == ADDR_V6].rule,
			    a->any[a->family == ADDR_V6].chain, mend);
		findings_add(a->findings, ERROR, "family-around", mend,
		    "%s goes around dnsfw: it is forwarded, and no rule leads "
		    "from FORWARD to dnsfw's chain %s", name,
		    a->guard->chain);
	} else
		findings_add(a->findings, ERROR, "no-jump", mend,
		    "no rule leads %s packets from FORWARD to dnsfw's chain "
		    "%s: %s", name, a->guard->chain, open ?
		    "clients reach everything" : "grants open nothing");
}

/* What no rule is meant for is accepted. */
static void
tell_open(struct around *a, const struct judgement *j)
{
	char cause[MEND_MAX], mend[MEND_MAX];

	cause_text(a, j, cause);
	mend_acceptance(a->m, a->guard, a->world, a->family, j->rule,
	    j->chain, mend);
	findings_add(a->findings, ERROR, is_sure(j) ? "not-closed" :
	    "accept-before", mend, is_sure(j) ? "what dnsfw did not allow is "
	    "accepted behind its chain, by %s" : "clients' connections to "
	    "everywhere are accepted before they come to dnsfw, by %s", cause);
	*told_flag(a, j) = true;
}

/* A connection to anywhere. */
static void
tell_any(struct around *a, bool wanted, bool other)
{
	const struct judgement *any = &a->any[a->family == ADDR_V6];
	bool open = any->end == JUDGE_ACCEPTED, way = has_way(a);
	struct judge_packet p;
	struct judgement j;
	size_t i;

	if (!is_sure(any) && !way && (open || wanted)) {
		tell_no_jump(a, open, other);
		*told_flag(a, any) = open;
		return;
	}
	if (wanted)
		closed_find(a->m, a->guard, a->world, a->family, &a->steps,
		    a->findings);
	for (i = 0; ways_packet(a->world, i, a->family, IPPROTO_TCP,
	    WAYS_PORT_ANY, &p); i++) {
		judge(a->m, &p, &a->steps, &j);
		note_unsure(a, &j);
		if (j.end == JUDGE_ACCEPTED && a->steps > 0)
			tell_open(a, &j);
	}
}

/* --- what leads around by DNS --- */

static const struct dns_port {
	uint8_t		proto;
	uint16_t	port;
	enum severity	severity;
	const char	*what, *text;
} ports[] = {
	{ IPPROTO_UDP, 53, ERROR, "dns-elsewhere",
	    "clients can ask other DNS servers (port 53)" },
	{ IPPROTO_TCP, 53, ERROR, "dns-elsewhere",
	    "clients can ask other DNS servers (port 53)" },
	{ IPPROTO_TCP, 853, ERROR, "dot",
	    "clients can use DNS over TLS elsewhere (TCP port 853)" },
	{ IPPROTO_UDP, 853, ERROR, "doq",
	    "clients can use DNS over QUIC elsewhere (UDP port 853)" },
	{ IPPROTO_UDP, 443, WARNING, "quic",
	    "clients can use QUIC to everywhere (UDP port 443)" }
};

/* Is it so for everything, and told already? */
static bool
is_for_all(struct around *a, const struct judge_packet *packet,
    const struct judgement *j)
{
	struct judge_packet p = *packet;
	struct judgement any;

	p.proto = IPPROTO_TCP;
	p.dport = WAYS_PORT_ANY;
	judge(a->m, &p, &a->steps, &any);
	return (any.end == JUDGE_ACCEPTED && any.rule == j->rule &&
	    any.chain == j->chain);
}

static void
tell_port(struct around *a, const struct dns_port *port)
{
	char cause[MEND_MAX], mend[MEND_MAX];
	struct judge_packet p;
	struct judgement j;
	size_t i;

	for (i = 0; ways_packet(a->world, i, a->family, port->proto,
	    port->port, &p); i++) {
		judge(a->m, &p, &a->steps, &j);
		note_unsure(a, &j);
		if (j.end != JUDGE_ACCEPTED || a->steps == 0 ||
		    is_for_all(a, &p, &j))
			continue;
		cause_text(a, &j, cause);
		mend_acceptance(a->m, a->guard, a->world, a->family, j.rule,
		    j.chain, mend);
		findings_add(a->findings, port->severity, port->what, mend,
		    "%s, by %s", port->text, cause);
		*told_flag(a, &j) = true;
	}
}

/* --- rules for some --- */

static void
packet_text(const struct judge_packet *p, char out[160])
{
	char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];

	addr_print(&p->saddr, from);
	addr_print(&p->daddr, to);
	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP)
		snprintf(out, 160, "%s to %s, %s port %u", from, to,
		    p->proto == IPPROTO_TCP ? "TCP" : "UDP", p->dport);
	else
		snprintf(out, 160, "%s to %s, protocol %u", from, to,
		    p->proto);
}

/* By a program of this host a client can get anywhere; DNS is dnsfw's. */
static void
note_taken(struct around *a, const struct judge_packet *p,
    const struct judgement *j)
{
	char text[MEND_MAX], mend[64] = "";
	uint32_t rule = j->path[j->npath - 1];
	unsigned int port = a->m->rules[rule].port;

	if (port == 0)
		port = p->dport;
	if (port == 53 || port == a->world->port || a->unsure[rule])
		return;
	a->unsure[rule] = true;
	mend_rule_text(a->m, rule, text);
	if (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP)
		snprintf(mend, sizeof(mend), COMMAND_LISTENERS,
		    p->proto == IPPROTO_TCP ? 't' : 'u', port);
	findings_add(a->findings, NOTE, "taken", mend, "connections of clients "
	    "go to port %u of this host, whose program was not looked at; the "
	    "command tells which it is: %s", port, text);
}

/* Does it go out where no route leads to everywhere? */
static bool
is_sideways(const struct ways_world *w, const struct judge_packet *p)
{
	size_t i;

	for (i = 0; i < w->noifs; i++)
		if (strcmp(w->oifs[i], p->oif) == 0)
			return (false);
	return (w->noifs > 0);
}

static void
tell_way(struct around *a, const struct judge_packet *p,
    const struct judgement *j, bool inner)
{
	char cause[MEND_MAX], mend[MEND_MAX], packet[160];

	cause_text(a, j, cause);
	packet_text(p, packet);
	mend_acceptance(a->m, a->guard, a->world, a->family, j->rule,
	    j->chain, mend);
	/* One that a rule is for, as a server that is asked beside dnsfw. */
	if (inner && p->dport == 53 && !is_sideways(a->world, p))
		findings_add(a->findings, WARNING, "dns-elsewhere", mend,
		    "clients can ask an inner DNS server, which may resolve "
		    "what dnsfw refuses (%s): %s", packet, cause);
	else if (is_sideways(a->world, p))
		findings_add(a->findings, NOTE, "exception", mend, "dnsfw is "
		    "not asked for what goes out by %s (%s): %s", p->oif,
		    packet, cause);
	else if (inner)
		findings_add(a->findings, NOTE, "exception", mend,
		    "dnsfw is not asked for some inner addresses (%s): %s",
		    packet, cause);
	else
		findings_add(a->findings, ERROR, is_sure(j) ? "not-closed" :
		    "accept-before", mend, "some connections go around dnsfw "
		    "(%s): %s", packet, cause);
}

/* Notes are counted apart: none of them hides what is wrong. */
static bool
take_way(void *arg, const struct judge_packet *p, const struct judgement *j)
{
	struct around *a = arg;
	unsigned int *n;
	bool inner;

	note_unsure(a, j);
	if (j->end == JUDGE_TAKEN && j->npath > 0)
		note_taken(a, p, j);
	if (j->end != JUDGE_ACCEPTED || *told_flag(a, j))
		return (true);
	inner = solve_is_inner(&j->daddr) || is_sideways(a->world, p);
	if (inner && *noted(a, j))
		return (true);
	*(inner ? noted(a, j) : told_flag(a, j)) = true;
	n = inner && (is_sideways(a->world, p) || p->dport != 53) ?
	    &a->nnoted : &a->ntold;
	if ((*n)++ < TOLD_MAX)
		tell_way(a, p, j, inner);
	return (a->ntold <= TOLD_MAX);
}

/* --- all --- */

static void
look_family(struct around *a, bool other)
{
	size_t i;

	a->ntold = a->nnoted = 0;
	tell_any(a, a->world->wanted[a->family == ADDR_V6], other);
	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		tell_port(a, &ports[i]);
	if (!search_each(a->m, a->world, a->family, &a->steps, take_way, a))
		a->unfinished = true;
	if (a->ntold > TOLD_MAX)
		findings_add(a->findings, ERROR, "more", a->findings->again,
		    "there are more rules for %s by which clients go around "
		    "dnsfw: look again when these are mended",
		    family_name(a->family));
	if (a->nnoted > TOLD_MAX)
		findings_add(a->findings, NOTE, "more", a->findings->again,
		    "there are more exceptions for %s: look again when these "
		    "are mended", family_name(a->family));
}

static void
find_all(const struct model *m, const struct guard *guard,
    const struct ways_world *world, const bool forwards[2],
    struct findings *findings)
{
	static const uint8_t all[2] = { ADDR_V4, ADDR_V6 };
	struct around a = { .m = m, .guard = guard, .world = world,
	    .findings = findings, .steps = SEARCH_STEPS_MAX,
	    .last_rule = MODEL_NONE,
	    .told = calloc(2, m->nrules + m->nchains + 1UL),
	    .unsure = calloc(m->nrules + 1UL, 1) };
	struct judge_packet p;
	size_t i;

	if (a.told == NULL || a.unsure == NULL)
		err(1, "calloc");
	for (i = 0; i < 2; i++) {
		(void)ways_packet(world, 0, all[i], IPPROTO_TCP, WAYS_PORT_ANY,
		    &p);
		judge(m, &p, &a.steps, &a.any[i]);
	}
	for (i = 0; i < 2; i++) {
		a.family = all[i];
		if (forwards[i])
			look_family(&a, is_sure(&a.any[1 - i]));
	}
	if (a.nunsure > TOLD_MAX)
		findings_add(findings, WARNING, "more", "", "there are more "
		    "rules that are not understood");
	if (a.steps == 0 || a.unfinished)
		findings_add(findings, WARNING, "not-all", "", "the firewall "
		    "has too many rules: not all of it was looked at");
	free(a.told);
	free(a.unsure);
}

void
around_find(const struct model *m, const struct guard *guard,
    const struct ways_world *world, const bool forwards[2],
    struct findings *findings)
{
	if (m->mixed)
		findings_add(findings, WARNING, "not-understood", "",
		    "rules not understood: nft made some in a table of "
		    "iptables, of which iptables-save tells only a part; they "
		    "may let clients around dnsfw");
	/* What is missing could be what leads to dnsfw, or what closes. */
	if (m->full)
		findings_add(findings, WARNING, "not-all", "", "the firewall "
		    "has too many rules, or too long ones: it was not looked "
		    "at");
	else
		find_all(m, guard, world, forwards, findings);
}
