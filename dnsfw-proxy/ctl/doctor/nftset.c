/* The sets and maps of a listing of nft. */
#include "nftset.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX	(NFTLIST_TABLE_MAX + 256)

static const char *
set_key(const char *table, const char *name, char key[KEY_MAX])
{
	snprintf(key, KEY_MAX, "%s %.250s", table, name);
	return (key);
}

/* --- which there are --- */

/* One flag alone is no array in newer programs. */
static bool
has_flag(const json_t *flags, const char *flag)
{
	size_t i;

	if (json_is_string(flags))
		return (strcmp(json_string_value(flags), flag) == 0);
	for (i = 0; i < json_array_size(flags); i++)
		if (has_flag(json_array_get(flags, i), flag))
			return (true);
	return (false);
}

static void
add_set(struct nftlist *l, json_t *set, bool changes)
{
	char table[NFTLIST_TABLE_MAX], key[KEY_MAX];

	nftlist_table(set, table);
	set_key(table, nftlist_member(set, "name"), key);
	(void)json_object_set(l->sets, key, set);
	if (changes)
		(void)json_object_set_new(l->changing, key, json_true());
}

/* The sets that a rule adds packets' values to; nft has no flag for it there. */
static void
add_filled(struct nftlist *l, const json_t *rule)
{
	const json_t *expr = json_object_get(rule, "expr");
	char table[NFTLIST_TABLE_MAX], key[KEY_MAX];
	const char *name;
	size_t i;

	nftlist_table(rule, table);
	for (i = 0; i < json_array_size(expr); i++) {
		name = nftlist_member(json_object_get(json_array_get(expr, i),
		    "set"), "set");
		if (name[0] == '@')
			(void)json_object_set_new(l->changing, set_key(table,
			    name + 1, key), json_true());
	}
}

void
nftset_find(struct nftlist *l)
{
	json_t *one, *found, *flags;
	size_t i;

	l->sets = json_object();
	l->changing = json_object();
	for (i = 0; i < json_array_size(l->all); i++) {
		one = json_array_get(l->all, i);
		if ((found = json_object_get(one, "set")) != NULL) {
			flags = json_object_get(found, "flags");
			add_set(l, found, has_flag(flags, "timeout") ||
			    has_flag(flags, "dynamic"));
		} else if ((found = json_object_get(one, "map")) != NULL)
			add_set(l, found, false);
		else
			add_filled(l, json_object_get(one, "rule"));
	}
}

void
nftset_forget(struct nftlist *l)
{
	json_decref(l->sets);
	json_decref(l->changing);
}

/* --- what is in them --- */

json_t *
nftset_elements(const struct nftlist *l, const char *table,
    const char *name)
{
	char key[KEY_MAX];
	json_t *found;

	set_key(table, name, key);
	if (json_object_get(l->changing, key) != NULL)
		return (NULL);
	found = json_object_get(json_object_get(l->sets, key), "elem");
	if (found != NULL)
		return (json_incref(found));
	return (l->elements(l->arg, table, name));
}
