/* The rules of a listing of nft. */
#include "nftrule.h"

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "nftfield.h"
#include "nftset.h"

#define FIELDS_MAX	8	/* of a key */
#define EXPANDED_MAX	1000000	/* elements of keys, in all rules */

/* A rule, up to where it is read. */
struct reading {
	struct nftlist	*l;
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
	struct model_match implied[2], *match;
	size_t i, n = nftfield_implied(r->l->m, f, implied);

	for (i = 0; i < n; i++) {
		match = push(r, implied[i].what);
		if (match->what != MODEL_UNKNOWN)
			*match = implied[i];
	}
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

/* What stands on the right: its own values, or those of a set. */
static json_t *
find_right(const struct reading *r, json_t *right)
{
	const char *text = json_string_value(right);
	json_t *found;

	if (text != NULL && text[0] == '@')
		return (nftset_elements(r->l, r->table, text + 1));
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
	if (match->what == MODEL_SENT && !contains(right, f.known)) {
		match->what = MODEL_ALWAYS;
		match->negated = !negated;
		return;
	}
	if (match->what == MODEL_UNKNOWN || match->what == MODEL_SENT)
		return;		/* there are too many */
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
		/* Several of them in a rule multiply. */
		if (++r->l->expanded == EXPANDED_MAX)
			r->l->m->full = true;
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
	const char *op = nftlist_member(match, "op"), *text;
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

/* To where it sends a packet, as far as that is one address. */
static void
nft_destination(const json_t *what, struct model_rule *rule)
{
	const json_t *addr = json_object_get(what, "addr"), *range;
	const json_t *port = json_object_get(what, "port");
	const char *text;

	if ((range = json_object_get(addr, "range")) != NULL)
		addr = json_array_get(range, 0);
	text = json_string_value(addr);
	if (text == NULL || addr_parse(text, strlen(text), &rule->to) == -1)
		rule->to.family = 0;
	if (json_is_integer(port))
		rule->port = (uint16_t)json_integer_value(port);
}

static void
add_nft_rule(struct reading *r, enum model_verdict verdict, const json_t *what)
{
	struct model_rule *rule = model_rule(r->l->m, r->chain, r->matches,
	    r->n, verdict);
	uint32_t at;

	rule->handle = r->handle;
	if (verdict == MODEL_SEND || verdict == MODEL_TAKE)
		nft_destination(what, rule);
	if (verdict != MODEL_JUMP && verdict != MODEL_GOTO)
		return;
	at = model_chain(r->l->m, r->table, nftlist_member(what, "target"),
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
	    { "redirect", MODEL_TAKE }, { "dnat", MODEL_SEND },
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

static bool
is_rest(const json_t *element)
{
	const char *text = json_string_value(element);

	return (text != NULL && strcmp(text, "*") == 0);
}

/* What no other element of the map is for. */
static void
push_rest(struct reading *r, const json_t *key, const json_t *all)
{
	json_t *others = json_array(), *one;
	size_t i;

	if (json_object_get(key, "concat") != NULL) {
		push(r, MODEL_SOME);
		json_decref(others);
		return;
	}
	for (i = 0; i < json_array_size(all); i++) {
		one = json_array_get(json_array_get(all, i), 0);
		if (!is_rest(one))
			(void)json_array_append(others, one);
	}
	push_match(r, key, others, true);
	json_decref(others);
}

static void
read_vmap(struct reading *r, const json_t *vmap)
{
	json_t *all = find_right(r, json_object_get(vmap, "data"));
	size_t i, n = r->n;
	const json_t *pair;

	for (i = 0; i < json_array_size(all) && !r->l->m->full; i++) {
		pair = json_array_get(all, i);
		if (is_rest(json_array_get(pair, 0)))
			push_rest(r, json_object_get(vmap, "key"), all);
		else
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
	    "flow", "ct helper", "ct timeout", "ct expectation",
	    "comment", "last", "secmark", "dup" };
	/* A set can be full, and have limits of its own. */
	static const char *const some[] = { "limit", "quota", "ct count",
	    "meter", "set", "map" };
	size_t i;

	if (key == NULL)
		return (false);
	if (strcmp(key, "notrack") == 0) {
		add_nft_rule(r, MODEL_UNTRACK, NULL);
		return (true);
	}
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

/* --- a rule --- */

bool
nftrule_is_native(const json_t *rule)
{
	const json_t *expr = json_object_get(rule, "expr"), *one, *right;
	const json_t *low;
	const char *text;
	size_t i;

	for (i = 0; i < json_array_size(expr); i++) {
		one = json_array_get(expr, i);
		right = json_object_get(json_object_get(one, "match"), "right");
		low = json_array_get(json_object_get(right, "range"), 0);
		text = json_string_value(right);
		if (json_object_get(one, "vmap") != NULL ||
		    json_object_get(right, "set") != NULL ||
		    json_is_string(low) || (text != NULL && text[0] == '@'))
			return (true);
	}
	return (false);
}

void
nftrule_read(struct nftlist *l, const json_t *rule, const char *table)
{
	static struct reading r;

	r.l = l;
	r.table = table;
	r.families = nftlist_families(rule);
	r.chain = model_chain(l->m, table, nftlist_member(rule, "chain"), r.families);
	r.handle = (uint64_t)json_integer_value(json_object_get(rule,
	    "handle"));
	r.expr = json_object_get(rule, "expr");
	r.n = 0;
	r.strange = false;
	read_statements(&r, 0);
}
