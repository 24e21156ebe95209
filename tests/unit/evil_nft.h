/*
 * The nftables ruleset of the host, as nft tells it in JSON: the elements of our
 * sets, and all that is not ours.
 */
#ifndef EVIL_NFT_H
#define EVIL_NFT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "helper_rig.h"

static inline json_t *
nft_ruleset(void)
{
	json_t *root = json_loads(rig_output("nft -nj list ruleset 2>/dev/null"),
	    0, NULL);
	json_t *list = json_incref(json_object_get(root, "nftables"));

	cr_assert(json_is_array(list));
	json_decref(root);
	return (list);
}

static inline bool
nft_has(const json_t *o, const char *key, const char *value)
{
	const char *s = json_string_value(json_object_get(o, key));

	return (s != NULL && strcmp(s, value) == 0);
}

static inline bool
nft_is_our_set(const json_t *set)
{
	return (nft_has(set, "family", "inet") && nft_has(set, "table", "filter") &&
	    (nft_has(set, "name", "dns_ipv4_allow") ||
	    nft_has(set, "name", "dns_ipv4_allow_local") ||
	    nft_has(set, "name", "dns_ipv6_allow") ||
	    nft_has(set, "name", "dns_ipv6_allow_local")));
}

/* In a chain of ours; the operator's own rule there drops. */
static inline bool
nft_is_our_rule(const json_t *rule)
{
	const json_t *expr = json_object_get(rule, "expr");
	const json_t *last = json_array_get(expr, json_array_size(expr) - 1);

	return (nft_has(rule, "table", "filter") &&
	    (nft_has(rule, "family", "inet") ? nft_has(rule, "chain", "dns") &&
	    json_object_get(last, "accept") != NULL :
	    nft_has(rule, "chain", "DNSFW")));
}

/* All but elements and rules of ours, with its handles. */
static inline char *
nft_not_ours(void)
{
	json_t *list = nft_ruleset(), *kept = json_array(), *item;
	char *text;
	size_t i;

	json_array_foreach(list, i, item) {
		if (json_object_get(item, "metainfo") != NULL ||
		    nft_is_our_rule(json_object_get(item, "rule")))
			continue;
		if (nft_is_our_set(json_object_get(item, "set")))
			json_object_del(json_object_get(item, "set"), "elem");
		json_array_append(kept, item);
	}
	text = json_dumps(kept, JSON_SORT_KEYS | JSON_INDENT(1));
	json_decref(kept);
	json_decref(list);
	return (text);
}

/* Each element of our sets, which is none without an end. */
static inline void
nft_each_element(void (*take)(const json_t *element))
{
	json_t *list = nft_ruleset(), *item, *set, *element;
	size_t i, k;

	json_array_foreach(list, i, item) {
		set = json_object_get(item, "set");
		if (!nft_is_our_set(set))
			continue;
		json_array_foreach(json_object_get(set, "elem"), k, element)
			take(json_object_get(element, "elem"));
	}
	json_decref(list);
}

#endif
