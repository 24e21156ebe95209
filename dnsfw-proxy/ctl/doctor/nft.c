/* A firewall as "nft -j list ruleset" tells it. */
#include "nft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../utf8.h"
#include "nftfield.h"

#define FIELDS_MAX	8	/* of a key */
#define ASKED_MAX	64	/* sets that are asked for */
#define NAME_CHARACTERS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789_-./"

struct listing {
	struct model	*m;
	const struct guard *guard;
	const json_t	*all;
	nft_elements	*elements;
	void		*arg;
};

/* A rule, up to where it is read. */
struct reading {
	struct listing	*l;
	const char	*table;		/* "inet filter" */
	uint8_t		families;
	uint32_t	chain;
	uint64_t	handle;
	const json_t	*expr;
	struct model_match matches[MODEL_MATCHES_MAX];
	size_t		n;
	bool		strange;	/* a verdict may be in what is unknown */
};

static void read_statements(struct reading *, size_t from);

static const char *
member(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return (text == NULL ? "" : text);
}

static void
name_table(const json_t *object, char out[256])
{
	snprintf(out, 256, "%.8s %.240s", member(object, "family"),
	    member(object, "table"));
}

/* --- matches --- */

static struct model_match *
push(struct reading *r, enum model_what what)
{
	if (r->n == MODEL_MATCHES_MAX)
		r->n--;		/* the last one is not understood, then */
	r->matches[r->n] = (struct model_match){
	    .what = r->n == MODEL_MATCHES_MAX - 1 ? MODEL_UNKNOWN : what };
	return (&r->matches[r->n++]);
}

static void
push_implied(struct reading *r, const struct nftfield *f)
{
	struct model_match implied[2];
	size_t i, n = nftfield_implied(r->l->m, f, implied);

	for (i = 0; i < n; i++)
		*push(r, implied[i].what) = implied[i];
}

static bool
contains(const json_t *right, const char *text)
{
	const json_t *all = json_object_get(right, "set");
	size_t i;

	if (json_is_string(right))
		return (strcmp(json_string_value(right), text) == 0);
	if (all == NULL)
		all = right;
	for (i = 0; i < json_array_size(all); i++)
		if (contains(json_array_get(all, i), text))
			return (true);
	return (false);
}

/* A new packet of a client has one known value: is that meant? */
static enum model_what
known_match(const struct nftfield *f, const json_t *right, bool *hit)
{
	if (f->mask != 0) {
		*hit = nftfield_flags(right) == (f->mask & NFTFIELD_SYN);
		return (MODEL_ALWAYS);
	}
	if (strcmp(f->known, "true") != 0) {
		*hit = contains(right, f->known);
		return (MODEL_ALWAYS);
	}
	*hit = json_is_true(right) || (json_is_integer(right) &&
	    json_integer_value(right) != 0);
	return (json_is_boolean(right) || json_is_integer(right) ?
	    MODEL_ALWAYS : MODEL_UNKNOWN);
}

/* A set's elements, of which the caller has a reference, or NULL. */
static json_t *
find_elements(const struct reading *r, const char *name)
{
	const json_t *one;
	char table[256];
	json_t *found;
	size_t i;

	for (i = 0; i < json_array_size(r->l->all); i++) {
		one = json_array_get(r->l->all, i);
		if ((found = json_object_get(one, "set")) == NULL &&
		    (found = json_object_get(one, "map")) == NULL)
			continue;
		name_table(found, table);
		if (strcmp(member(found, "name"), name) == 0 &&
		    strcmp(table, r->table) == 0 &&
		    (found = json_object_get(found, "elem")) != NULL)
			return (json_incref(found));
	}
	return (r->l->elements(r->l->arg, r->table, name));
}

/* What stands on the right: its own values, or those of a set. */
static json_t *
find_right(const struct reading *r, json_t *right)
{
	const char *text = json_string_value(right);
	json_t *found;

	if (text != NULL && text[0] == '@')
		return (find_elements(r, text + 1));
	found = json_object_get(right, "set");
	return (json_incref(found == NULL ? right : found));
}

static void
push_match(struct reading *r, const json_t *left, const json_t *right,
    bool negated)
{
	struct nftfield f = nftfield_read(left);
	struct model_match *match;
	bool hit = true;

	push_implied(r, &f);
	match = push(r, f.what);
	match->negated = negated;
	if (f.what == MODEL_ALWAYS) {
		match->what = known_match(&f, right, &hit);
		match->negated = hit == negated;
	} else if (right == NULL || (f.what != MODEL_SOME &&
	    !nftfield_value(r->l->m, &f, right, match)))
		match->what = MODEL_UNKNOWN;
}

/* The fields of a key with the values of an element. */
static void
push_element(struct reading *r, const json_t *key, const json_t *element)
{
	const json_t *fields = json_object_get(key, "concat"), *values, *one;
	size_t i;

	if ((one = json_object_get(element, "elem")) != NULL)
		element = json_object_get(one, "val");
	values = json_object_get(element, "concat");
	if (fields == NULL) {
		push_match(r, key, element, false);
		return;
	}
	for (i = 0; i < json_array_size(fields) && i < FIELDS_MAX; i++)
		push_match(r, json_array_get(fields, i), json_array_get(values,
		    i), false);
}

/* Several fields together: a rule for each element.  True: all is done. */
static bool
read_concat(struct reading *r, const json_t *key, json_t *right, bool negated,
    size_t next)
{
	size_t i, n = r->n;
	json_t *all;

	if (negated || (all = find_right(r, right)) == NULL) {
		push(r, MODEL_UNKNOWN);
		return (false);
	}
	if (!json_is_array(all)) {
		push_element(r, key, all);
		json_decref(all);
		return (false);
	}
	for (i = 0; i < json_array_size(all) && !r->l->m->full; i++) {
		push_element(r, key, json_array_get(all, i));
		read_statements(r, next);
		r->n = n;
	}
	json_decref(all);
	return (true);
}

/* Less or more than a number. */
static void
push_compared(struct reading *r, const json_t *left, const json_t *right,
    const char *op)
{
	struct nftfield f = nftfield_read(left);
	struct model_value v = { .high = UINT16_MAX };
	json_int_t n = json_integer_value(right);
	struct model_match *match;

	push_implied(r, &f);
	match = push(r, f.what);
	if (f.what == MODEL_SOME)
		return;
	if ((f.what != MODEL_DPORT && f.what != MODEL_PROTO) ||
	    !json_is_integer(right) || n < 1 || n >= UINT16_MAX) {
		match->what = MODEL_UNKNOWN;
		return;
	}
	if (op[0] == '<')
		v.high = (uint32_t)n - (op[1] != '=');
	else
		v.low = (uint32_t)n + (op[1] != '=');
	model_value(r->l->m, match, &v);
}

/* True: all that follows is done. */
static bool
read_match(struct reading *r, const json_t *match, size_t next)
{
	const json_t *left = json_object_get(match, "left");
	json_t *right = json_object_get(match, "right"), *all;
	const char *op = member(match, "op"), *text;
	bool negated = strcmp(op, "!=") == 0;

	text = json_string_value(right);
	if (text != NULL && text[0] == '@' &&
	    guard_has_set(r->l->guard, r->table, text + 1)) {
		push(r, MODEL_GRANTS)->negated = negated;
		return (false);
	}
	if (op[0] == '<' || op[0] == '>') {
		push_compared(r, left, right, op);
		return (false);
	}
	if (json_object_get(left, "concat") != NULL)
		return (read_concat(r, left, right, negated, next));
	all = text != NULL && text[0] == '@' ? find_right(r, right) :
	    json_incref(right);
	push_match(r, left, all, negated);
	json_decref(all);
	return (false);
}

/* --- verdicts --- */

static void
add_nft_rule(struct reading *r, enum model_verdict verdict, const json_t *what)
{
	struct model_rule *rule = model_rule(r->l->m, r->chain, r->matches,
	    r->n, verdict);
	uint32_t at;

	rule->handle = r->handle;
	if (verdict != MODEL_JUMP && verdict != MODEL_GOTO)
		return;
	at = model_chain(r->l->m, r->table, member(what, "target"),
	    r->families);
	rule->target = at;
}

/* False: it is no verdict. */
static bool
read_verdict(struct reading *r, const json_t *statement)
{
	static const struct {
		const char	*key;
		enum model_verdict verdict;
	} all[] = { { "accept", MODEL_ACCEPT }, { "drop", MODEL_DROP },
	    { "reject", MODEL_DROP }, { "return", MODEL_RETURN },
	    { "jump", MODEL_JUMP }, { "goto", MODEL_GOTO },
	    { "redirect", MODEL_TAKE }, { "dnat", MODEL_TAKE },
	    { "tproxy", MODEL_TAKE }, { "snat", MODEL_ACCEPT },
	    { "masquerade", MODEL_ACCEPT }, { "continue", MODEL_CONTINUE } };
	const json_t *what;
	size_t i;

	/* What a program decides, nobody knows. */
	if (json_object_get(statement, "queue") != NULL) {
		push(r, MODEL_UNKNOWN);
		add_nft_rule(r, MODEL_ACCEPT, NULL);
		return (true);
	}
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		what = json_object_get(statement, all[i].key);
		if (what == NULL)
			continue;
		add_nft_rule(r, all[i].verdict, what);
		return (true);
	}
	return (false);
}

static void
read_vmap(struct reading *r, const json_t *vmap)
{
	json_t *all = find_right(r, json_object_get(vmap, "data"));
	size_t i, n = r->n;
	const json_t *pair;

	for (i = 0; i < json_array_size(all) && !r->l->m->full; i++) {
		pair = json_array_get(all, i);
		push_element(r, json_object_get(vmap, "key"),
		    json_array_get(pair, 0));
		(void)read_verdict(r, json_array_get(pair, 1));
		r->n = n;
	}
	if (all == NULL) {
		push(r, MODEL_UNKNOWN);
		add_nft_rule(r, MODEL_ACCEPT, NULL);
		r->n = n;
	}
	json_decref(all);
}

/* Those that change nothing here, and those that hold for some packets. */
static bool
read_other(struct reading *r, const char *key)
{
	static const char *const idle[] = { "counter", "log", "mangle",
	    "notrack", "flow", "ct helper", "ct timeout", "ct expectation",
	    "set", "map", "comment", "last", "secmark", "dup" };
	static const char *const some[] = { "limit", "quota", "ct count",
	    "meter" };
	size_t i;

	if (key == NULL)
		return (false);
	for (i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		if (strcmp(idle[i], key) == 0)
			return (true);
	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		if (strcmp(some[i], key) == 0) {
			push(r, MODEL_SOME);
			return (true);
		}
	return (false);
}

static void
read_statements(struct reading *r, size_t from)
{
	const json_t *statement, *one;
	size_t i;

	for (i = from; i < json_array_size(r->expr); i++) {
		statement = json_array_get(r->expr, i);
		if ((one = json_object_get(statement, "match")) != NULL) {
			if (read_match(r, one, i + 1))
				return;
			continue;
		}
		if ((one = json_object_get(statement, "vmap")) != NULL) {
			read_vmap(r, one);
			continue;
		}
		if (read_verdict(r, statement))
			return;
		if (!read_other(r, json_object_iter_key(json_object_iter(
		    (json_t *)(uintptr_t)statement)))) {
			push(r, MODEL_UNKNOWN);
			r->strange = true;
		}
	}
	if (r->strange)
		add_nft_rule(r, MODEL_ACCEPT, NULL);
}

/* --- the listing --- */

static uint8_t
families_of(const json_t *object)
{
	const char *family = member(object, "family");

	return (strcmp(family, "inet") == 0 ? MODEL_V4 | MODEL_V6 :
	    strcmp(family, "ip") == 0 ? MODEL_V4 :
	    strcmp(family, "ip6") == 0 ? MODEL_V6 : 0);
}

static void
read_chain(struct listing *l, const json_t *chain, const char *table)
{
	static const char *const hooks[] = { [MODEL_NO_HOOK] = "",
	    [MODEL_PREROUTING] = "prerouting", [MODEL_FORWARD] = "forward",
	    [MODEL_POSTROUTING] = "postrouting" };
	const char *hook = member(chain, "hook");
	struct model_chain *c;
	uint32_t at;
	size_t i;

	at = model_chain(l->m, table, member(chain, "name"),
	    families_of(chain));
	c = &l->m->chains[at];
	c->families = families_of(chain);
	for (i = MODEL_PREROUTING; i <= MODEL_POSTROUTING; i++)
		if (strcmp(hooks[i], hook) == 0)
			c->hook = (enum model_hook)i;
	c->priority = (long)json_integer_value(json_object_get(chain,
	    "prio"));
	c->drops = strcmp(member(chain, "policy"), "drop") == 0;
	c->grants = guard_has_chain(l->guard, c->table, c->name);
}

static void
read_rule(struct listing *l, const json_t *rule, const char *table)
{
	static struct reading r;

	r.l = l;
	r.table = table;
	r.families = families_of(rule);
	r.chain = model_chain(l->m, table, member(rule, "chain"), r.families);
	r.handle = (uint64_t)json_integer_value(json_object_get(rule,
	    "handle"));
	r.expr = json_object_get(rule, "expr");
	r.n = 0;
	r.strange = false;
	read_statements(&r, 0);
}

static bool
is_skipped(const char *const *skip, const char *table)
{
	for (; *skip != NULL; skip++)
		if (strcmp(*skip, table) == 0)
			return (true);
	return (false);
}

/* Comments may be anything; jansson takes UTF-8 alone. */
static void
make_utf8(char *text, size_t len)
{
	char *p = text, *end = text + len;
	size_t n;

	for (; p < end; p += n) {
		n = utf8_length(p, (size_t)(end - p));
		if (n == 0)
			*p = '?', n = 1;
	}
}

int
nft_parse(struct model *m, const struct guard *g, char *text, size_t len,
    const char *const *skip, nft_elements *elements, void *arg)
{
	struct listing l = { .m = m, .guard = g, .elements = elements,
	    .arg = arg };
	json_t *root, *chain, *rule;
	char table[256];
	bool is_listing;
	size_t i;

	make_utf8(text, len);
	if ((root = json_loadb(text, len, 0, NULL)) == NULL)
		return (-1);
	l.all = json_object_get(root, "nftables");
	for (i = 0; i < json_array_size(l.all); i++) {
		chain = json_object_get(json_array_get(l.all, i), "chain");
		rule = json_object_get(json_array_get(l.all, i), "rule");
		name_table(chain != NULL ? chain : rule, table);
		if (families_of(chain != NULL ? chain : rule) == 0 ||
		    is_skipped(skip, table))
			continue;
		if (chain != NULL)
			read_chain(&l, chain, table);
		else
			read_rule(&l, rule, table);
	}
	is_listing = json_is_array(l.all);
	json_decref(root);
	return (is_listing ? 0 : -1);
}

/* --- by asking nft --- */

static bool
is_plain(const char *name)
{
	return (name[0] != '\0' && name[0] != '-' &&
	    name[strspn(name, NAME_CHARACTERS)] == '\0');
}

static json_t *
first_elements(const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, 0, NULL), *all, *one, *found;
	size_t i;

	all = json_object_get(root, "nftables");
	for (i = 0, found = NULL; i < json_array_size(all) && found == NULL;
	    i++) {
		one = json_array_get(all, i);
		if ((found = json_object_get(one, "set")) == NULL)
			found = json_object_get(one, "map");
		if (found != NULL && (found = json_object_get(found,
		    "elem")) == NULL)
			found = json_array();	/* it is empty */
		else
			json_incref(found);
	}
	json_decref(root);
	return (found);
}

static json_t *
ask_elements(void *arg, const char *table, const char *set)
{
	unsigned int *asked = arg;
	const char *name = strchr(table, ' ') + 1;
	char family[8];
	const char *args[] = { "-j", "list", "set", family, name, set, NULL };
	json_t *found = NULL;
	char *text;
	size_t len, i;

	if (!is_plain(name) || !is_plain(set))
		return (NULL);
	snprintf(family, sizeof(family), "%.*s", (int)(name - 1 - table),
	    table);
	for (i = 0; i < 2 && found == NULL && (*asked)++ < ASKED_MAX; i++) {
		args[2] = i == 0 ? "set" : "map";
		if (run_program("nft", args, &text, &len) != RUN_DONE)
			continue;
		make_utf8(text, len);
		found = first_elements(text, len);
		free(text);
	}
	return (found);
}

enum run_result
nft_read(struct model *m, const struct guard *g, const char *const *skip)
{
	static const char *const args[] = { "-j", "-t", "list", "ruleset",
	    NULL };
	enum run_result result;
	unsigned int asked = 0;
	char *text;
	size_t len;

	result = run_program("nft", args, &text, &len);
	if (result != RUN_DONE)
		return (result);
	if (nft_parse(m, g, text, len, skip, ask_elements, &asked) == -1)
		result = RUN_FAILED;
	free(text);
	return (result);
}
