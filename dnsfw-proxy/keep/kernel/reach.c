/*
 * Whether a packet can come to our chain.  All that leads somewhere in our table
 * is noted, and followed backwards from the chain.  Messages are read by
 * attributes, as libnftnl gives up a rule that has something new to it.
 */
#include "reach.h"

#include <linux/netfilter/nf_tables.h>

#include <string.h>

#include "hash.h"
#include "nlattr.h"

#define NODES_MAX	256	/* from which our chain can be reached */
#define NEAR		16	/* ways of before that may be the same */
#define HOOK		0	/* a node; the others are hashes */

/* A chain (c) or map (m); the name with its NUL, as the kernel has it. */
static uint64_t
node(char kind, const char *name, size_t len)
{
	char key[1 + NFT_NAME_MAXLEN] = { kind };

	if (len > NFT_NAME_MAXLEN)
		len = NFT_NAME_MAXLEN;
	memcpy(key + 1, name, len);
	return (hash_bytes(key, 1 + len));
}

static void
add_way(struct reach *r, char kind, const struct nlattr *to)
{
	struct reach_way way = { .from = r->from };
	size_t i;

	if (to == NULL)
		return;
	way.to = node(kind, mnl_attr_get_payload(to),
	    mnl_attr_get_payload_len(to));
	for (i = r->nways; i > 0 && r->nways - i < NEAR; i--) {
		if (memcmp(&r->ways[i - 1], &way, sizeof(way)) == 0)
			return;
	}
	if (r->nways == REACH_WAYS_MAX)
		r->full = true;
	else
		r->ways[r->nways++] = way;
}

static bool
is_ours(const struct reach *r, const struct nlmsghdr *nlh)
{
	/* In all messages that are read here, it is the first attribute. */
	return (nlattr_is(nlattr_get(nlh, NFTA_CHAIN_TABLE), r->table));
}

void
reach_take_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct reach *r = arg;

	r->from = HOOK;
	if (is_ours(r, nlh) && nlattr_get(nlh, NFTA_CHAIN_HOOK) != NULL)
		add_way(r, 'c', nlattr_get(nlh, NFTA_CHAIN_NAME));
}

static void
note_map(struct reach *r, const struct nlattr *name)
{
	size_t i, len;

	if (name == NULL)
		return;
	add_way(r, 'm', name);
	for (i = 0; i < r->nmaps; i++) {
		if (nlattr_is(name, r->maps[i]))
			return;
	}
	len = mnl_attr_get_payload_len(name);
	if (r->nmaps == REACH_MAPS_MAX || len > sizeof(r->maps[0]))
		r->full = true;
	else
		memcpy(r->maps[r->nmaps++], mnl_attr_get_payload(name), len);
}

static int
take_lead(const struct nlattr *expr, void *arg)
{
	const struct nlattr *name = nlattr_nested(expr, NFTA_EXPR_NAME);
	const struct nlattr *data = nlattr_nested(expr, NFTA_EXPR_DATA);
	const struct nlattr *to = nlattr_nested(data, NFTA_LOOKUP_DREG);
	struct reach *r = arg;

	if (nlattr_is(name, "immediate"))
		add_way(r, 'c', nlattr_nested(nlattr_nested(nlattr_nested(data,
		    NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT),
		    NFTA_VERDICT_CHAIN));
	else if (nlattr_is(name, "lookup") && to != NULL &&
	    nlattr_u32(to) == NFT_REG_VERDICT)
		note_map(r, nlattr_nested(data, NFTA_LOOKUP_SET));
	return (MNL_CB_OK);
}

void
reach_take_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *chain = nlattr_get(nlh, NFTA_RULE_CHAIN);
	const struct nlattr *all = nlattr_get(nlh, NFTA_RULE_EXPRESSIONS);
	struct reach *r = arg;

	if (!is_ours(r, nlh) || chain == NULL || all == NULL)
		return;
	r->from = node('c', mnl_attr_get_payload(chain),
	    mnl_attr_get_payload_len(chain));
	(void)mnl_attr_parse_nested(all, take_lead, r);
}

static int
take_verdict_of(const struct nlattr *element, void *arg)
{
	add_way(arg, 'c', nlattr_nested(nlattr_nested(nlattr_nested(element,
	    NFTA_SET_ELEM_DATA), NFTA_DATA_VERDICT), NFTA_VERDICT_CHAIN));
	return (MNL_CB_OK);
}

void
reach_take_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *all = nlattr_get(nlh,
	    NFTA_SET_ELEM_LIST_ELEMENTS);

	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_verdict_of, arg);
}

void
reach_begin(struct reach *r, const char *table)
{
	r->table = table;
	r->nways = r->nmaps = 0;
	r->full = false;
}

void
reach_map(struct reach *r, size_t i)
{
	r->from = node('m', r->maps[i], strlen(r->maps[i]) + 1);
}

/* Backwards from the chain, as few lead there. */
bool
reach_found(const struct reach *r, const char *chain)
{
	uint64_t nodes[NODES_MAX], from;
	size_t i, j, k, n = 0;

	nodes[n++] = node('c', chain, strlen(chain) + 1);
	for (i = 0; i < n; i++) {
		for (j = 0; j < r->nways; j++) {
			from = r->ways[j].from;
			if (r->ways[j].to != nodes[i])
				continue;
			for (k = 0; k < n && nodes[k] != from; k++)
				;
			if (from == HOOK || (k == n && n == NODES_MAX))
				return (true);
			if (k == n)
				nodes[n++] = from;
		}
	}
	return (r->full);
}
