/*
 * Whether a packet can come to our chain.  All that leads somewhere in our table
 * is noted, and followed backwards from the chain.  Messages are read by
 * attributes, as libnftnl gives up a rule that has something new to it.
 */
#include "reach.h"

#include <linux/netfilter/nf_tables.h>

#include <string.h>

#include "hash.h"
#include "nfrule.h"

#define WAYS_MAX	4096
#define MAPS_MAX	64
#define NODES_MAX	256	/* from which our chain can be reached */
#define NEAR		16	/* ways of before that may be the same */
#define HOOK		0	/* a node; the others are hashes */

struct way {
	uint64_t	from, to;
};

struct table {
	const char	*name;
	uint64_t	 from;		/* node of the message that is read */
	struct way	 ways[WAYS_MAX];
	size_t		 nways;
	char		 maps[MAPS_MAX][NFT_SET_MAXNAMELEN];
	size_t		 nmaps;
	bool		 full;
};

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
add_way(struct table *t, char kind, const struct nlattr *to)
{
	struct way way = { .from = t->from };
	size_t i;

	if (to == NULL)
		return;
	way.to = node(kind, mnl_attr_get_payload(to),
	    mnl_attr_get_payload_len(to));
	for (i = t->nways; i > 0 && t->nways - i < NEAR; i--) {
		if (memcmp(&t->ways[i - 1], &way, sizeof(way)) == 0)
			return;
	}
	if (t->nways == WAYS_MAX)
		t->full = true;
	else
		t->ways[t->nways++] = way;
}

static bool
is_ours(const struct table *t, const struct nlmsghdr *nlh)
{
	/* In all messages that are read here, it is the first attribute. */
	return (nlsock_is(nlsock_attr(nlh, NFTA_CHAIN_TABLE), t->name));
}

static void
on_chain(const struct nlmsghdr *nlh, void *arg)
{
	struct table *t = arg;

	t->from = HOOK;
	if (is_ours(t, nlh) && nlsock_attr(nlh, NFTA_CHAIN_HOOK) != NULL)
		add_way(t, 'c', nlsock_attr(nlh, NFTA_CHAIN_NAME));
}

static void
note_map(struct table *t, const struct nlattr *name)
{
	size_t i, len;

	if (name == NULL)
		return;
	add_way(t, 'm', name);
	for (i = 0; i < t->nmaps; i++) {
		if (nlsock_is(name, t->maps[i]))
			return;
	}
	len = mnl_attr_get_payload_len(name);
	if (t->nmaps == MAPS_MAX || len > sizeof(t->maps[0]))
		t->full = true;
	else
		memcpy(t->maps[t->nmaps++], mnl_attr_get_payload(name), len);
}

static int
take_expr(const struct nlattr *expr, void *arg)
{
	const struct nlattr *name = nlsock_nested(expr, NFTA_EXPR_NAME);
	const struct nlattr *data = nlsock_nested(expr, NFTA_EXPR_DATA);
	const struct nlattr *to = nlsock_nested(data, NFTA_LOOKUP_DREG);
	struct table *t = arg;

	if (nlsock_is(name, "immediate"))
		add_way(t, 'c', nlsock_nested(nlsock_nested(nlsock_nested(data,
		    NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT),
		    NFTA_VERDICT_CHAIN));
	else if (nlsock_is(name, "lookup") && to != NULL &&
	    nlsock_u32(to) == NFT_REG_VERDICT)
		note_map(t, nlsock_nested(data, NFTA_LOOKUP_SET));
	return (MNL_CB_OK);
}

static void
on_rule(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *chain = nlsock_attr(nlh, NFTA_RULE_CHAIN);
	const struct nlattr *all = nlsock_attr(nlh, NFTA_RULE_EXPRESSIONS);
	struct table *t = arg;

	if (!is_ours(t, nlh) || chain == NULL || all == NULL)
		return;
	t->from = node('c', mnl_attr_get_payload(chain),
	    mnl_attr_get_payload_len(chain));
	(void)mnl_attr_parse_nested(all, take_expr, t);
}

static int
take_element(const struct nlattr *element, void *arg)
{
	add_way(arg, 'c', nlsock_nested(nlsock_nested(nlsock_nested(element,
	    NFTA_SET_ELEM_DATA), NFTA_DATA_VERDICT), NFTA_VERDICT_CHAIN));
	return (MNL_CB_OK);
}

static void
on_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *all = nlsock_attr(nlh,
	    NFTA_SET_ELEM_LIST_ELEMENTS);

	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_element, arg);
}

/* All ways of the table, and the maps that some of them lead to. */
static int
read_ways(struct table *t, uint8_t family)
{
	struct nlmsghdr *nlh;
	size_t i;

	nlsock_begin();
	(void)nfrule_message(NFT_MSG_GETCHAIN, NLM_F_DUMP, family);
	if (nlsock_run(on_chain, t) == -1)
		return (-1);
	nlsock_begin();
	nlh = nfrule_message(NFT_MSG_GETRULE, NLM_F_DUMP, family);
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, t->name);
	if (nlsock_run(on_rule, t) == -1)
		return (-1);
	for (i = 0; i < t->nmaps; i++) {
		t->from = node('m', t->maps[i], strlen(t->maps[i]) + 1);
		nlsock_begin();
		nlh = nfrule_message(NFT_MSG_GETSETELEM, NLM_F_DUMP, family);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, t->name);
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, t->maps[i]);
		if (nlsock_run(on_elements, t) == -1)
			return (-1);
	}
	return (0);
}

/* Backwards from the chain, as few lead there. */
static bool
is_reached(const struct table *t, const char *chain)
{
	uint64_t nodes[NODES_MAX], from;
	size_t i, j, k, n = 0;

	nodes[n++] = node('c', chain, strlen(chain) + 1);
	for (i = 0; i < n; i++) {
		for (j = 0; j < t->nways; j++) {
			from = t->ways[j].from;
			if (t->ways[j].to != nodes[i])
				continue;
			for (k = 0; k < n && nodes[k] != from; k++)
				;
			if (from == HOOK || (k == n && n == NODES_MAX))
				return (true);
			if (k == n)
				nodes[n++] = from;
		}
	}
	return (t->full);
}

int
reach_look(uint8_t family, const char *table, const char *chain, bool *reached)
{
	static struct table t;

	t.name = table;
	t.nways = t.nmaps = 0;
	t.full = false;
	if (read_ways(&t, family) == -1)
		return (-1);
	*reached = is_reached(&t, chain);
	return (0);
}
