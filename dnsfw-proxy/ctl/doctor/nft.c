/* A firewall as "nft -j list ruleset" tells it. */
#include "nft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../utf8.h"
#include "nftrule.h"
#include "nftset.h"

#define ASKED_MAX	64	/* sets that are asked for */
#define NAME_CHARACTERS	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789_-./"

/* --- the listing --- */

/*
 * Do the table's chains get no packets?  Older programs tell anything for the
 * flag's name; the others are newer.
 */
static bool
is_dormant(const json_t *table)
{
	const json_t *flags = json_object_get(table, "flags"), *one;
	size_t i, n = json_is_array(flags) ? json_array_size(flags) : 1;
	const char *text;

	for (i = 0; i < n; i++) {
		one = json_is_array(flags) ? json_array_get(flags, i) : flags;
		text = json_string_value(one);
		if (text != NULL && strcmp(text, "owner") != 0 &&
		    strcmp(text, "persist") != 0)
			return (true);
	}
	return (false);
}

static bool
is_of_dormant(const struct nftlist *l, const char *table)
{
	const json_t *one;
	char name[NFTLIST_TABLE_MAX];
	size_t i;

	for (i = 0; i < json_array_size(l->all); i++) {
		one = json_object_get(json_array_get(l->all, i), "table");
		if (!is_dormant(one))
			continue;
		snprintf(name, sizeof(name), "%.8s %.240s",
		    nftlist_member(one, "family"), nftlist_member(one, "name"));
		if (strcmp(name, table) == 0)
			return (true);
	}
	return (false);
}

static void
read_chain(struct nftlist *l, const json_t *chain, const char *table)
{
	static const char *const hooks[] = { [MODEL_NO_HOOK] = "",
	    [MODEL_PREROUTING] = "prerouting", [MODEL_INPUT] = "input",
	    [MODEL_FORWARD] = "forward",
	    [MODEL_POSTROUTING] = "postrouting" };
	const char *hook = nftlist_member(chain, "hook");
	struct model_chain *c;
	uint32_t at;
	size_t i;

	at = model_chain(l->m, table, nftlist_member(chain, "name"),
	    nftlist_families(chain));
	c = &l->m->chains[at];
	c->families = nftlist_families(chain);
	for (i = MODEL_PREROUTING; i <= MODEL_POSTROUTING; i++)
		if (strcmp(hooks[i], hook) == 0 && !is_of_dormant(l, table))
			c->hook = (enum model_hook)i;
	c->priority = (long)json_integer_value(json_object_get(chain,
	    "prio"));
	c->drops = strcmp(nftlist_member(chain, "policy"), "drop") == 0;
	c->grants = guard_has_chain(l->guard, c->table, c->name);
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
	struct nftlist l = { .m = m, .guard = g, .elements = elements,
	    .arg = arg };
	json_t *root, *chain, *rule;
	char table[NFTLIST_TABLE_MAX];
	bool is_listing;
	size_t i;

	make_utf8(text, len);
	if ((root = json_loadb(text, len, 0, NULL)) == NULL)
		return (-1);
	l.all = json_object_get(root, "nftables");
	nftset_find(&l);
	for (i = 0; i < json_array_size(l.all); i++) {
		chain = json_object_get(json_array_get(l.all, i), "chain");
		rule = json_object_get(json_array_get(l.all, i), "rule");
		nftlist_table(chain != NULL ? chain : rule, table);
		if (nftlist_families(chain != NULL ? chain : rule) == 0)
			continue;
		if (is_skipped(skip, table)) {
			m->mixed |= nftrule_is_native(rule);
			continue;
		}
		if (chain != NULL)
			read_chain(&l, chain, table);
		else
			nftrule_read(&l, rule, table);
	}
	is_listing = json_is_array(l.all);
	nftset_forget(&l);
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
