/* A firewall as iptables-save tells it. */
#include "xt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"
#include "word.h"
#include "xtwords.h"

#define XT_LINE_MAX	4096

struct xtread {
	struct model	*m;
	const struct guard *guard;
	const char	*program, *without;
	uint8_t		families;
	char		table[64];	/* "iptables filter" */
	/* The rule that is read. */
	char		*words[XTWORDS_MAX];
	size_t		nwords;
	struct model_match matches[MODEL_MATCHES_MAX];
	size_t		n;
};

static struct model_match *
xt_push(struct xtread *r, enum model_what what, bool negated)
{
	if (r->n == MODEL_MATCHES_MAX) {
		r->n--;
		what = MODEL_UNKNOWN;
	}
	r->matches[r->n] = (struct model_match){ .what = what,
	    .negated = negated };
	return (&r->matches[r->n++]);
}

/* --- values, with commas between them --- */

typedef bool value_of(const char *text, struct model_value *);

static bool
port_value(const char *text, struct model_value *v)
{
	char low[16];
	size_t len = strcspn(text, ":");

	snprintf(low, sizeof(low), "%.*s", (int)(len < 15 ? len : 15), text);
	v->high = 65535;
	if (low[0] != '\0' && !word_number(low, 65535, &v->low))
		return (false);
	if (text[len] == '\0')
		v->high = v->low;
	else if (text[len + 1] != '\0')
		return (word_number(text + len + 1, 65535, &v->high));
	return (low[0] != '\0' || text[len] == ':');
}

static bool
state_value(const char *text, struct model_value *v)
{
	v->low = v->high = word_state(text);
	return (true);
}

static bool
protocol_value(const char *text, struct model_value *v)
{
	if (!word_protocol(text, &v->low))
		return (false);
	v->high = v->low;
	return (true);
}

static bool
interface_value(const char *text, struct model_value *v)
{
	word_interface(text, v);
	return (true);
}

static void
push_list(struct xtread *r, enum model_what what, bool negated,
    value_of *value, const char *text)
{
	struct model_match *match = xt_push(r, what, negated);
	struct model_value v;
	char one[128];
	size_t len;

	for (;; text += len + 1) {
		len = strcspn(text, ",");
		v = (struct model_value){ .low = 0 };
		snprintf(one, sizeof(one), "%.*s", (int)(len < 127 ? len :
		    127), text);
		if (value(one, &v))
			model_value(r->m, match, &v);
		else
			match->what = MODEL_UNKNOWN;
		if (text[len] == '\0')
			return;
	}
}

/* --- options --- */

static void
push_flags(struct xtread *r, bool negated, const char *mask,
    const char *wanted)
{
	/* A first packet has SYN, and nothing else. */
	bool hit = strstr(mask, "SYN") != NULL || strcmp(mask, "ALL") == 0 ?
	    strcmp(wanted, "SYN") == 0 : strcmp(wanted, "NONE") == 0;

	xt_push(r, MODEL_ALWAYS, hit == negated);
}

/* What has a list of values behind it. */
static const struct xt_list {
	const char	*name;
	enum model_what	what;
	value_of	*value;
} lists[] = {
	{ "-i", MODEL_IIF, interface_value },
	{ "-o", MODEL_OIF, interface_value },
	{ "-s", MODEL_SADDR, word_addresses },
	{ "-d", MODEL_DADDR, word_addresses },
	{ "--src-range", MODEL_SADDR, word_addresses },
	{ "--dst-range", MODEL_DADDR, word_addresses },
	{ "-p", MODEL_PROTO, protocol_value },
	{ "--dport", MODEL_DPORT, port_value },
	{ "--dports", MODEL_DPORT, port_value },
	{ "--state", MODEL_STATE, state_value },
	{ "--ctstate", MODEL_STATE, state_value }
};

/* What only says more, or what a client can choose, and the values behind it. */
static const struct xt_option {
	const char	*name;
	enum { IDLE, CHOSEN, NEVER } how;
	size_t		values;
} options[] = {
	{ "-m", IDLE, 1 }, { "--comment", IDLE, 1 },
	{ "--icmp-type", IDLE, 1 }, { "--icmpv6-type", IDLE, 1 },
	{ "--sport", CHOSEN, 1 }, { "--sports", CHOSEN, 1 },
	{ "--mac-source", CHOSEN, 1 }, { "--limit", CHOSEN, 1 },
	{ "--limit-burst", CHOSEN, 1 }, { "--probability", CHOSEN, 1 },
	{ "--mode", CHOSEN, 1 }, { "--every", CHOSEN, 1 },
	{ "--packet", CHOSEN, 1 }, { "--timestart", CHOSEN, 1 },
	{ "--timestop", CHOSEN, 1 }, { "--weekdays", CHOSEN, 1 },
	{ "--datestart", CHOSEN, 1 }, { "--datestop", CHOSEN, 1 },
	{ "--uid-owner", NEVER, 1 }, { "--gid-owner", NEVER, 1 }
};

static bool
push_option(struct xtread *r, const char *name, bool negated, size_t *values)
{
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcmp(options[i].name, name) != 0)
			continue;
		*values = options[i].values;
		if (options[i].how == CHOSEN)
			xt_push(r, MODEL_SOME, negated);
		else if (options[i].how == NEVER)
			xt_push(r, MODEL_ALWAYS, !negated);
		return (true);
	}
	return (false);
}

static const char *
word_at(const struct xtread *r, size_t i)
{
	return (i < r->nwords ? r->words[i] : "");
}

/* One with values that have a meaning of their own. */
static bool
push_special(struct xtread *r, size_t at, bool negated, size_t *values)
{
	const char *name = r->words[at], *value = word_at(r, at + 1);
	bool hit;

	*values = 1;
	if (strcmp(name, "--syn") == 0) {
		*values = 0;
		xt_push(r, MODEL_ALWAYS, negated);
	} else if (strcmp(name, "--tcp-flags") == 0) {
		*values = 2;
		push_flags(r, negated, value, word_at(r, at + 2));
	} else if (strcmp(name, "--ctdir") == 0) {
		hit = strcmp(value, "ORIGINAL") == 0;
		xt_push(r, MODEL_ALWAYS, hit == negated);
	} else if (strcmp(name, "--ctstatus") == 0) {
		hit = strstr(value, "DNAT") != NULL;
		xt_push(r, hit ? MODEL_SENT : MODEL_ALWAYS, hit == negated);
		r->matches[r->n - 1].negated = hit ? negated : !negated;
	} else if (strcmp(name, "--dst-type") == 0 ||
	    strcmp(name, "--src-type") == 0) {
		/* Neither end is this host. */
		hit = strstr(value, "UNICAST") != NULL;
		xt_push(r, MODEL_ALWAYS, hit == negated);
	} else if (strcmp(name, "--match-set") == 0) {
		*values = 2;
		xt_push(r, guard_has_set(r->guard, r->table, value) ?
		    MODEL_GRANTS : MODEL_UNKNOWN, negated);
	} else
		return (false);
	return (true);
}

static bool
is_target(const char *word)
{
	return (strcmp(word, "-j") == 0 || strcmp(word, "-g") == 0);
}

/* The option at the word; returns where the next one is. */
static size_t
read_option(struct xtread *r, size_t at)
{
	bool negated = strcmp(r->words[at], "!") == 0;
	const char *name;
	size_t i, values = 1;

	at += negated;
	name = word_at(r, at);
	if (is_target(name)) {
		xt_push(r, MODEL_UNKNOWN, false);
		return (at);
	}
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (strcmp(lists[i].name, name) == 0) {
			push_list(r, lists[i].what, negated, lists[i].value,
			    word_at(r, at + 1));
			return (at + 2);
		}
	if (at < r->nwords && (push_option(r, name, negated, &values) ||
	    push_special(r, at, negated, &values)))
		return (at + 1 + values);
	xt_push(r, MODEL_UNKNOWN, negated);
	for (at++; at < r->nwords && r->words[at][0] != '-' &&
	    strcmp(r->words[at], "!") != 0; at++)
		;
	return (at);
}

/* --- rules --- */

static bool
is_one_of(const char *const *all, const char *name)
{
	for (; *all != NULL; all++)
		if (strcmp(*all, name) == 0)
			return (true);
	return (false);
}

static bool
is_untracking(const struct xtread *r, const char *target)
{
	size_t i;

	for (i = 0; strcmp(target, "CT") == 0 && i < r->nwords; i++)
		if (strcmp(r->words[i], "--notrack") == 0)
			return (true);
	return (strcmp(target, "NOTRACK") == 0);
}

/* "1.2.3.4:53", "[2001:db8::1]:53", "1.2.3.4-1.2.3.9:53", or a port alone. */
static void
xt_destination(const struct xtread *r, struct model_rule *rule)
{
	const char *text = "", *end;
	uint32_t port;
	size_t i;

	for (i = 0; i + 1 < r->nwords; i++)
		if (strncmp(r->words[i], "--to", 4) == 0)
			text = r->words[i + 1];
	text += text[0] == '[';
	end = text + strcspn(text, r->families == MODEL_V4 ? ":-" : "]-");
	if (addr_parse(text, (size_t)(end - text), &rule->to) == -1)
		rule->to.family = 0;
	end = strrchr(text, ':');
	end = end == NULL ? text : end + 1;
	if (strcmp(end, text) != 0 || rule->to.family == 0)
		if (word_number(end, 65535, &port))
			rule->port = (uint16_t)port;
}

static enum model_verdict
verdict_of(struct xtread *r, const char *target, uint32_t *chain)
{
	static const char *const drop[] = { "DROP", "REJECT", "TARPIT",
	    NULL };
	static const char *const take[] = { "REDIRECT", "TPROXY", NULL };
	static const char *const send[] = { "DNAT", "NETMAP", NULL };
	static const char *const idle[] = { "LOG", "NFLOG", "ULOG", "MARK",
	    "CONNMARK", "CT", "TCPMSS", "TRACE", "SET", "TTL",
	    "HL", "DSCP", "TOS", "CLASSIFY", "AUDIT", "CHECKSUM", "SECMARK",
	    "CONNSECMARK", "FLOWOFFLOAD", "TEE", NULL };
	static const char *const accept[] = { "ACCEPT", "SNAT", "MASQUERADE",
	    NULL };

	*chain = model_find(r->m, r->table, target);
	if (*chain != MODEL_NONE)
		return (MODEL_JUMP);
	if (is_one_of(drop, target))
		return (MODEL_DROP);
	if (is_one_of(take, target))
		return (MODEL_TAKE);
	if (is_one_of(send, target))
		return (MODEL_SEND);
	if (is_untracking(r, target))
		return (MODEL_UNTRACK);
	if (is_one_of(idle, target))
		return (MODEL_CONTINUE);
	if (strcmp(target, "RETURN") == 0)
		return (MODEL_RETURN);
	/* What a program or an unknown target decides, nobody knows. */
	if (!is_one_of(accept, target))
		xt_push(r, MODEL_UNKNOWN, false);
	return (MODEL_ACCEPT);
}

static void
add_xt_rule(struct xtread *r, const char *line)
{
	enum model_verdict verdict = MODEL_CONTINUE;
	uint32_t chain, target = MODEL_NONE;
	struct model_rule *rule;
	char *text;
	size_t at;

	chain = model_chain(r->m, r->table, r->words[1], r->families);
	for (r->n = 0, at = 2; at < r->nwords;) {
		if (!is_target(r->words[at])) {
			at = read_option(r, at);
			continue;
		}
		verdict = verdict_of(r, word_at(r, at + 1), &target);
		if (verdict == MODEL_JUMP && r->words[at][1] == 'g')
			verdict = MODEL_GOTO;
		break;		/* the rest is the target's */
	}
	if (r->m->nrules == MODEL_RULES_MAX) {
		r->m->full = true;
		return;
	}
	rule = model_rule(r->m, chain, r->matches, r->n, verdict);
	rule->target = target;
	if (verdict == MODEL_SEND || verdict == MODEL_TAKE)
		xt_destination(r, rule);
	if ((text = strdup(line)) != NULL)
		rule->text = text;
}

/* ":FORWARD DROP [0:0]" */
static void
read_head(struct xtread *r)
{
	static const struct {
		const char	*table, *chain;
		enum model_hook	hook;
		long		priority;
	} hooks[] = {
		{ "raw", "PREROUTING", MODEL_PREROUTING, -300 },
		{ "mangle", "PREROUTING", MODEL_PREROUTING, -150 },
		{ "nat", "PREROUTING", MODEL_PREROUTING, -100 },
		{ "mangle", "INPUT", MODEL_INPUT, -150 },
		{ "filter", "INPUT", MODEL_INPUT, 0 },
		{ "security", "INPUT", MODEL_INPUT, 50 },
		{ "nat", "INPUT", MODEL_INPUT, 100 },
		{ "mangle", "FORWARD", MODEL_FORWARD, -150 },
		{ "filter", "FORWARD", MODEL_FORWARD, 0 },
		{ "security", "FORWARD", MODEL_FORWARD, 50 },
		{ "mangle", "POSTROUTING", MODEL_POSTROUTING, -150 },
		{ "nat", "POSTROUTING", MODEL_POSTROUTING, 100 } };
	const char *name = r->words[0] + 1, *policy = word_at(r, 1);
	const char *table = strchr(r->table, ' ') + 1;
	struct model_chain *c;
	uint32_t at;
	size_t i;

	at = model_chain(r->m, r->table, name, r->families);
	c = &r->m->chains[at];
	c->grants = guard_has_chain(r->guard, c->table, c->name);
	if (strcmp(policy, "-") == 0)
		return;
	c->drops = strcmp(policy, "DROP") == 0;
	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (strcmp(hooks[i].chain, name) == 0 &&
		    strcmp(hooks[i].table, table) == 0) {
			c->hook = hooks[i].hook;
			c->priority = hooks[i].priority;
		}
}

static void
read_line(struct xtread *r, const char *line, size_t len)
{
	char text[XT_LINE_MAX], words[XT_LINE_MAX];

	snprintf(text, sizeof(text), "%.*s", (int)(len < XT_LINE_MAX ? len :
	    XT_LINE_MAX - 1), line);
	memcpy(words, text, sizeof(words));
	if (text[0] == '*') {
		snprintf(r->table, sizeof(r->table), "%s %.30s", r->program,
		    text + 1);
		if (r->without != NULL && strcmp(r->without, text + 1) == 0)
			r->table[0] = '\0';
		return;
	}
	if (r->table[0] == '\0')
		return;
	r->nwords = xtwords_split(words, r->words);
	if (r->nwords > 0 && r->words[0][0] == ':')
		read_head(r);
	else if (r->nwords > 1 && strcmp(r->words[0], "-A") == 0) {
		add_xt_rule(r, text);
		/* What was cut may say less than it seems. */
		if (len >= XT_LINE_MAX)
			r->m->full = true;
	}
}

void
xt_parse(struct model *m, const struct guard *g, const char *program,
    uint8_t family, const char *without, const char *text)
{
	static struct xtread r;
	size_t len;

	r = (struct xtread){ .m = m, .guard = g, .program = program,
	    .without = without, .families = model_family(family) };
	for (; *text != '\0'; text += len + (text[len] == '\n')) {
		len = strcspn(text, "\n");
		read_line(&r, text, len);
	}
}
