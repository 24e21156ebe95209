/*
 * The decision against a naive model: seeded random lists and questions, of which
 * DNSFW_MODEL_DECISIONS asks for more.
 */
#include <criterion/criterion.h>

#include <netinet/in.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "acl/compile.h"
#include "acl/decide.h"
#include "acl/image.h"
#include "addrtext.h"
#include "compile_text.h"
#include "names.h"
#include "pick.h"

/*
 * The rules of a list as the model has them: plain, in A4's own words, one for each
 * client and name of a line.
 */
#define MODEL_LINES	40
#define MODEL_NAMES	3	/* of a line */
#define MODEL_PORTS	4	/* the same */
#define MODEL_GROUPS	2	/* of clients, and of names */
#define MODEL_ITEMS	3	/* of a group */
#define MODEL_OF_LINE	(MODEL_ITEMS * MODEL_NAMES * MODEL_ITEMS)
#define MODEL_RULES	(MODEL_LINES * MODEL_OF_LINE)
#define MODEL_LINE_SIZE	256

struct rule {
	unsigned int	line;
	struct addr_net	net;
	char		text[16];	/* the pattern */
	char		op;		/* '>' '~' '|' '=' */
	uint8_t		proto;
	uint16_t	ports[MODEL_PORTS];
	unsigned int	nports;
	struct addr	local;
};

struct groups {
	unsigned int	n;		/* 0, or MODEL_GROUPS of each */
	struct addr_net	nets[MODEL_GROUPS][MODEL_ITEMS];
	char		names[MODEL_GROUPS][MODEL_ITEMS][16];
};

/* Few labels and few nets, so that much coincides. */
static void
random_name(char *out, unsigned int min)
{
	static const char *const labels[] = { "a", "b", "aB", "ba" };
	unsigned int i, n = min + pick(4);

	for (*out = '\0', i = 0; i < n; i++)
		sprintf(out + strlen(out), "%s%s", i == 0 ? "" : ".",
		    labels[pick(4)]);
}

static void
random_addr(struct addr *out)
{
	memset(out, 0, sizeof(*out));
	out->family = pick(3) == 0 ? ADDR_V6 : ADDR_V4;
	out->bytes[0] = (uint8_t)(10 + pick(2));
	out->bytes[1] = (uint8_t)pick(2);
	out->bytes[addr_len(out->family) - 1] = (uint8_t)pick(3);
}

static void
random_pattern(char *out)
{
	switch (pick(4)) {
	case 0:
		strcpy(out, "*");
		break;
	case 1:
		strcpy(out, "*.");
		random_name(out + 2, 1);
		break;
	default:
		random_name(out, 1);
	}
}

static void
random_net(struct addr_net *out)
{
	static const uint8_t lengths[] = { 0, 7, 8, 16, 31, 32, 32, 127 };

	random_addr(&out->base);
	out->prefix = lengths[pick(7 + (out->base.family == ADDR_V6))];
	addr_mask(&out->base, out->prefix);
}

/* One port, two, or a range; *text: as a rule has them. */
static void
random_ports(struct rule *r, char *text)
{
	unsigned int first = 1 + pick(5), i;

	r->ports[0] = (uint16_t)first;
	r->nports = 1;
	sprintf(text, "%u", first);
	if (pick(3) > 0)
		return;
	if (pick(2) == 0) {
		r->ports[r->nports++] = (uint16_t)(first % 5 + 1);
		sprintf(text, "%u, %u", first, r->ports[1]);
		return;
	}
	r->nports = 1 + pick(MODEL_PORTS);
	for (i = 1; i < r->nports; i++)
		r->ports[i] = (uint16_t)(first + i);
	sprintf(text, "%u-%u", first, first + r->nports - 1);
}

/* The groups, as text, with a line for each; every second list has them. */
static unsigned int
random_groups(struct groups *g, char *text)
{
	char base[ADDR_TEXT_MAX];
	unsigned int i, k;

	g->n = pick(2) * MODEL_GROUPS;
	for (*text = '\0', i = 0; i < g->n; i++) {
		for (k = 0; k < MODEL_ITEMS; k++) {
			random_net(&g->nets[i][k]);
			/* The first, a second line, and more on that. */
			text += k == 2 ? sprintf(text, ",") : sprintf(text,
			    k == 0 ? "@c%u = " : "\n@C%u +=", i);
			text += sprintf(text, "%s/%u",
			    addr_print(&g->nets[i][k].base, base),
			    g->nets[i][k].prefix);
		}
		for (k = 0; k < MODEL_ITEMS; k++) {
			random_pattern(g->names[i][k]);
			text += k > 0 ? sprintf(text, " , ") :
			    sprintf(text, "\n@n%u = ", i);
			text += sprintf(text, "%s", g->names[i][k]);
		}
		text += sprintf(text, "\n");
	}
	return (3 * g->n);
}

/* The clients of a line; returns how many. */
static unsigned int
random_clients(const struct groups *g, struct addr_net out[MODEL_ITEMS],
    char *text)
{
	char base[ADDR_TEXT_MAX];
	unsigned int i = pick(MODEL_GROUPS);

	if (g->n > 0 && pick(3) == 0) {
		sprintf(text, "@c%u", i);
		memcpy(out, g->nets[i], sizeof(g->nets[i]));
		return (MODEL_ITEMS);
	}
	random_net(out);
	sprintf(text, "%s/%u", addr_print(&out->base, base), out->prefix);
	return (1);
}

/* The names of a line; returns how many. */
static unsigned int
random_names(const struct groups *g, char out[][16], char *text)
{
	unsigned int i, k, n = 0, items;

	items = pick(3) > 0 ? 1 : 1 + pick(MODEL_NAMES);
	for (i = 0; i < items; i++) {
		text += sprintf(text, "%s", i == 0 ? "" : pick(2) ? "," :
		    ", ");
		k = pick(MODEL_GROUPS);
		if (g->n > 0 && pick(4) == 0) {
			text += sprintf(text, "@n%u", k);
			memcpy(out[n], g->names[k], sizeof(g->names[k]));
			n += MODEL_ITEMS;
			continue;
		}
		random_pattern(out[n]);
		text += sprintf(text, "%s", out[n++]);
	}
	return (n);
}

/* What a line says, as text and as the rules that it is; returns their number. */
static unsigned int
random_line(const struct groups *g, struct rule *out, char *text)
{
	char names[MODEL_NAMES * MODEL_ITEMS][16], local[ADDR_TEXT_MAX];
	char ports[16], client[64], targets[128];
	struct addr_net nets[MODEL_ITEMS];
	unsigned int i, n, nnets = random_clients(g, nets, client);
	struct rule r = { .op = ">>>~~|="[pick(7)] };

	n = random_names(g, names, targets);
	r.proto = pick(2) ? IPPROTO_TCP : IPPROTO_UDP;
	random_ports(&r, ports);
	if (r.op == '=')
		random_addr(&r.local);
	for (i = 0; i < n * nnets; i++) {
		out[i] = r;
		out[i].net = nets[i / n];
		strcpy(out[i].text, names[i % n]);
	}
	if (r.op == '>')
		sprintf(text, "%s -> %s:%s:%s\n", client, targets,
		    r.proto == IPPROTO_TCP ? "TCP" : "UDP", ports);
	else if (r.op == '~')
		sprintf(text, "%s ~> %s\n", client, targets);
	else
		sprintf(text, "%s -| %s%s%s\n", client, targets,
		    r.op == '=' ? " = " : "", r.op == '=' ?
		    addr_print(&r.local, local) : "");
	return (n * nnets);
}

static bool
same_key(const struct rule *a, const struct rule *b)
{
	return (a->net.prefix == b->net.prefix &&
	    addr_equal(&a->net.base, &b->net.base) &&
	    strcasecmp(a->text, b->text) == 0);
}

static bool
allows(const struct rule *r)
{
	return (r->op == '>' || r->op == '~');
}

/* A6: against the first rule of the same key, which is in force. */
static bool
model_conflict(const struct rule *rules, unsigned int n, const struct rule *r)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (same_key(&rules[i], r))
			return (allows(&rules[i]) != allows(r) ||
			    (!allows(r) && (rules[i].op != r->op ||
			    !addr_equal(&rules[i].local, &r->local))));
	return (false);
}

static bool
model_matches(const struct rule *r, const struct addr *client,
    const char *name)
{
	const char *suffix = r->text + 1;	/* ".name" */
	size_t n, s;

	if (!addr_in_net(client, &r->net))
		return (false);
	if (strcmp(r->text, "*") == 0)
		return (true);
	if (name == NULL)
		return (false);
	if (r->text[0] != '*')
		return (strcasecmp(r->text, name) == 0);
	n = strlen(name);
	s = strlen(suffix);
	return (n > s && strcasecmp(name + n - s, suffix) == 0);
}

/* Larger is more specific; only among rules that match the same name. */
static size_t
specificity(const struct rule *r)
{
	size_t len = r->text[0] == '*' ? strlen(r->text) - 1 : 1000;

	return (r->net.prefix * 10000U + len);
}

/* The labels of the pattern, without the asterisk. */
static uint8_t
labels(const struct rule *r)
{
	const char *p = r->text[0] == '*' ? r->text + 1 : r->text;
	unsigned int n = r->text[0] != '*';

	for (; *p != '\0'; p++)
		n += *p == '.';
	return ((uint8_t)n);
}

static void
model_add_ports(struct acl_decision *out, const struct rule *r)
{
	unsigned int i, k;

	for (k = 0; k < r->nports; k++) {
		for (i = 0; i < out->nports; i++)
			if (out->ports[i].port == r->ports[k] &&
			    out->ports[i].proto == r->proto)
				break;
		if (i < out->nports)
			continue;
		out->ports[out->nports].proto = r->proto;
		out->ports[out->nports++].port = r->ports[k];
	}
}

static void
model_decide(const struct rule *rules, unsigned int n,
    const struct addr *client, const char *name, struct acl_decision *out)
{
	bool used[MODEL_RULES] = { false };
	size_t first = 0;
	const struct rule *r;
	unsigned int i, best;

	memset(out, 0, sizeof(*out));
	for (;;) {
		for (best = n, i = 0; i < n; i++)
			if (!used[i] && model_matches(&rules[i], client,
			    name) && (best == n || specificity(&rules[i]) >
			    specificity(&rules[best])))
				best = i;
		if (best == n)
			break;
		used[best] = true;
		r = &rules[best];
		if (out->verdict == ACL_NOMATCH) {
			out->verdict = allows(r) ? ACL_ALLOW : r->op == '|' ?
			    ACL_BLOCK : ACL_LOCAL;
			out->line = r->line;
			out->local = r->local;
			first = specificity(r);
			out->resolve_first = r->op == '~';
			out->depth = labels(r);
		}
		if (!allows(r))
			break;
		if (specificity(r) == first)
			out->resolve_first &= r->op == '~';
		if (out->depth < labels(r))
			out->depth = labels(r);
		if (r->op == '>')
			model_add_ports(out, r);
		out->resolve |= r->op == '~';
		out->any |= r->op == '~' && strcmp(r->text, "*") == 0;
	}
}

/* A name that the rule is for, or below its pattern; no rule has a label "x". */
static void
name_for(const struct rule *r, char *out)
{
	if (strcmp(r->text, "*") == 0)
		strcpy(out, "x");
	else
		sprintf(out, "%s%s", r->text[0] == '*' ? "x" : "",
		    r->text + (r->text[0] == '*'));
}

static bool
is_below(const char *below, const char *name)
{
	size_t len = strlen(name), all = strlen(below);

	return (len == 0 || (all > len + 1 && below[all - len - 1] == '.' &&
	    strcasecmp(below + all - len, name) == 0));
}

/*
 * D17 in its own words: is a name below this one allowed?  Of those that no
 * rule names one is like the other.  *some: a rule allows one, though others
 * may hide it.
 */
static bool
model_is_ancestor(const struct rule *rules, unsigned int n,
    const struct addr *client, const char *name, bool *some)
{
	struct acl_decision d;
	char below[40];
	bool is = false;
	unsigned int i;

	for (*some = false, i = 0; i < n; i++) {
		name_for(&rules[i], below);
		if (!is_below(below, name))
			sprintf(below, "x%s%s", *name == '\0' ? "" : ".",
			    name);
		if (!model_matches(&rules[i], client, below))
			continue;
		*some |= allows(&rules[i]);
		model_decide(rules, n, client, below, &d);
		is |= d.verdict == ACL_ALLOW;
	}
	return (is);
}

static void
count_error(void *arg, unsigned int line, unsigned int column,
    const char *text)
{
	(void)line;
	(void)column;
	(void)text;
	++*(unsigned int *)arg;
}

static void
compare_with_model(const struct acl_image *image, const struct rule *rules,
    unsigned int n, const char *text)
{
	struct acl_decision got, want;
	struct addr client;
	struct dns_name wire;
	char name[32], addr[ADDR_TEXT_MAX];
	bool none = pick(20) == 0, is, above, some;

	random_addr(&client);
	random_name(name, 0);
	name_from(name, &wire);
	acl_decide(image, &client, none ? NULL : &wire, &got);
	model_decide(rules, n, &client, none ? NULL : name, &want);
	if (want.verdict != ACL_LOCAL)
		memset(&want.local, 0, sizeof(want.local));
	cr_assert(got.verdict == want.verdict && got.line == want.line &&
	    got.resolve == want.resolve && got.any == want.any &&
	    got.nports == want.nports &&
	    got.resolve_first == want.resolve_first &&
	    got.depth == want.depth &&
	    !got.overflow && addr_equal(&got.local, &want.local),
	    "%s for:\n%s", name, text);
	above = model_is_ancestor(rules, n, &client, name, &some);
	is = acl_is_ancestor(image, &client, &wire);
	cr_assert(is ? some : !above, "%s is%s above what %s may ask for:\n%s",
	    name, is ? " not" : "", addr_print(&client, addr), text);
	for (n = 0; n < got.nports; n++)
		cr_assert(got.ports[n].proto == want.ports[n].proto &&
		    got.ports[n].port == want.ports[n].port, "%s for:\n%s",
		    name, text);
}

/*
 * Lines, and the rules that they are; returns the number of these.  *conflicts: the
 * rules of lines that conflict with one before, which are there as well, or NULL: so
 * that there are none.
 */
static unsigned int
random_list(struct rule rules[MODEL_RULES], char *text, unsigned int *conflicts)
{
	unsigned int lines = 1 + pick(MODEL_LINES), line, n, more, bad, i;
	struct groups groups;

	line = 1 + random_groups(&groups, text);
	for (text += strlen(text), n = 0; lines-- > 0;) {
		more = random_line(&groups, rules + n, text);
		for (bad = i = 0; i < more; i++) {
			rules[n + i].line = line;
			bad += model_conflict(rules, n, &rules[n + i]);
		}
		if (conflicts != NULL)
			*conflicts += bad;
		else if (bad > 0)
			continue;
		text += strlen(text);
		n += more;
		line++;
	}
	*text = '\0';
	return (n);
}

Test(acl_model, A4_A5_A6_agree_with_the_model, .timeout = 3600)
{
	static struct rule rules[MODEL_RULES];
	static char text[(MODEL_LINES + 1) * MODEL_LINE_SIZE];
	const char *more = getenv("DNSFW_MODEL_DECISIONS");
	unsigned int round, i, n, conflicts, errors;
	unsigned int rounds = more != NULL ? (unsigned int)atoi(more) / 100 :
	    400;
	struct acl_compiled c;
	const struct acl_image *image;
	const char *why;

	for (round = 0; round < rounds; round++) {
		/* With the conflicts first, to count them; then without. */
		conflicts = errors = 0;
		random_list(rules, text, &conflicts);
		cr_assert_eq(compile_text(text, strlen(text), false,
		    count_error, &errors, &c), conflicts > 0 ? -1 : 0);
		/* Of groups one is told for many. */
		cr_assert(*text == '@' ? (errors > 0) == (conflicts > 0) :
		    errors == conflicts, "%u errors:\n%s", errors, text);
		free(c.image);
		n = random_list(rules, text, NULL);
		cr_assert_eq(compile_text(text, strlen(text), false,
		    count_error, &errors, &c), 0);
		image = acl_image_open(c.image, c.size, &why);
		cr_assert_not_null(image, "%s", why);
		cr_assert_null(acl_image_check(image));
		for (i = 0; i < 100; i++)
			compare_with_model(image, rules, n, text);
		free(c.image);
	}
}
