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

#define TOLD_MAX	50	/* rules that are told of, of a family */
#define PORT_ANY	40001	/* which no rule is meant for */

struct around {
	const struct model *m;
	const struct guard *guard;
	const struct ways_world *world;
	struct findings	*findings;
	uint64_t	steps;
	bool		*told;		/* of rules, of either family */
	bool		*unsure;	/* of rules */
	unsigned int	ntold;
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
	mend_rule_text(a->m, j->unsure, text);
	findings_add(a->findings, NOTE, "not-understood", "",
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
	if (j->rule != MODEL_NONE)
		a->told[j->rule] = true;
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
		return;
	}
	if (wanted)
		closed_find(a->m, a->guard, a->world, a->family, &a->steps,
		    a->findings);
	for (i = 0; ways_packet(a->world, i, a->family, IPPROTO_TCP, PORT_ANY,
	    &p); i++) {
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
	p.dport = PORT_ANY;
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
		if (j.rule != MODEL_NONE)
			a->told[j.rule] = true;
	}
}

/* --- rules for some --- */

static bool
is_inner(const struct addr *a)
{
	static const struct addr_net nets[] = {
		{ { ADDR_V4, { 10 } }, 8 },
		{ { ADDR_V4, { 172, 16 } }, 12 },
		{ { ADDR_V4, { 192, 168 } }, 16 },
		{ { ADDR_V4, { 169, 254 } }, 16 },
		{ { ADDR_V4, { 224 } }, 3 },
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

static void
take_way(void *arg, const struct judge_packet *p, const struct judgement *j)
{
	char cause[MEND_MAX], mend[MEND_MAX], packet[160];
	struct around *a = arg;

	note_unsure(a, j);
	if (j->end != JUDGE_ACCEPTED || j->rule == MODEL_NONE ||
	    a->told[j->rule] || a->ntold++ >= TOLD_MAX)
		return;
	a->told[j->rule] = true;
	cause_text(a, j, cause);
	packet_text(p, packet);
	mend_acceptance(a->m, a->guard, a->world, a->family, j->rule,
	    j->chain, mend);
	/* One that a rule is for, as a server that is asked beside dnsfw. */
	if (is_inner(&p->daddr) && p->dport == 53)
		findings_add(a->findings, WARNING, "dns-elsewhere", mend,
		    "clients can ask an inner DNS server, which may resolve "
		    "what dnsfw refuses (%s): %s", packet, cause);
	else if (is_inner(&p->daddr))
		findings_add(a->findings, NOTE, "exception", "",
		    "dnsfw is not asked for some inner addresses (%s): %s",
		    packet, cause);
	else
		findings_add(a->findings, ERROR, is_sure(j) ? "not-closed" :
		    "accept-before", mend, "some connections go around dnsfw "
		    "(%s): %s", packet, cause);
}

/* --- all --- */

static void
look_family(struct around *a, bool other)
{
	size_t i;

	a->ntold = 0;
	tell_any(a, a->world->wanted[a->family == ADDR_V6], other);
	for (i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		tell_port(a, &ports[i]);
	(void)ways_each(a->m, a->world, a->family, &a->steps, take_way, a);
	if (a->ntold > TOLD_MAX)
		findings_add(a->findings, ERROR, "more", "", "there are more "
		    "rules for %s by which clients go around dnsfw",
		    family_name(a->family));
}

void
around_find(const struct model *m, const struct guard *guard,
    const struct ways_world *world, const bool forwards[2],
    struct findings *findings)
{
	static const uint8_t all[2] = { ADDR_V4, ADDR_V6 };
	struct around a = { .m = m, .guard = guard, .world = world,
	    .findings = findings, .steps = WAYS_STEPS_MAX,
	    .last_rule = MODEL_NONE,
	    .told = calloc(m->nrules + 1UL, 1),
	    .unsure = calloc(m->nrules + 1UL, 1) };
	struct judge_packet p;
	size_t i;

	if (a.told == NULL || a.unsure == NULL)
		err(1, "calloc");
	for (i = 0; i < 2; i++) {
		(void)ways_packet(world, 0, all[i], IPPROTO_TCP, PORT_ANY,
		    &p);
		judge(m, &p, &a.steps, &a.any[i]);
	}
	for (i = 0; i < 2; i++) {
		a.family = all[i];
		if (forwards[i])
			look_family(&a, is_sure(&a.any[1 - i]));
	}
	if (a.steps == 0 || m->full)
		findings_add(findings, NOTE, "not-all", "", "the firewall has "
		    "too many rules, or too long ones: not all of it was "
		    "looked at");
	free(a.told);
	free(a.unsure);
}
