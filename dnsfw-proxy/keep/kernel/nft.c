/*
 * --firewall nftables (F2): sets in the operator's table, and rules in the
 * operator's chain that look into them.  The kernel's interface is
 * linux/netfilter/nf_tables.h; its numbers are in network byte order.
 */
#include "backend.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"
#include "effect.h"
#include "log.h"
#include "nftelem.h"
#include "nlattr.h"
#include "watch.h"
#include "xttable.h"

/* By which we know our rules: nft's user data of one comment. */
#define RULE_COMMENT	"\0\x0e" "dnsfw:managed"

#define RUNS_MAX	5	/* of a listing while the chain changes */
#define TYPE_FIELDS	5	/* that nft puts together at most */
#define DESCRIPTION_MAX	256	/* bytes; five fields and all flags fit */

static const struct backend_config *nft_config;
static struct effect_names nft_names;

/* The table's and chain's name as nft has it, for the log. */
static char table_text[sizeof("inet ") + NFTSET_NAME_MAX + 1];
static char chain_text[sizeof("inet  ") + 2 * NFTSET_NAME_MAX + 1];

static int
take_set(const struct nlattr *expr, void *arg)
{
	const struct nlattr *set;
	unsigned int *whose = arg, i;

	if (!nlattr_is(nlattr_nested(expr, NFTA_EXPR_NAME), "lookup"))
		return (MNL_CB_OK);
	set = nlattr_nested(nlattr_nested(expr, NFTA_EXPR_DATA),
	    NFTA_LOOKUP_SET);
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (nlattr_is(set, nftelem_sets[i].name))
			*whose = i;
	}
	return (MNL_CB_OK);
}

/* Ours has our comment, and is for the kind whose set it looks into. */
static unsigned int
nft_whose(const struct nlmsghdr *rule)
{
	const struct nlattr *user = nlattr_get(rule, NFTA_RULE_USERDATA);
	const struct nlattr *all = nlattr_get(rule, NFTA_RULE_EXPRESSIONS);
	unsigned int whose = PLACE_OURS;

	if (user == NULL ||
	    mnl_attr_get_payload_len(user) != sizeof(RULE_COMMENT) ||
	    memcmp(mnl_attr_get_payload(user), RULE_COMMENT,
	    sizeof(RULE_COMMENT)) != 0)
		return (PLACE_OTHER);
	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_set, &whose);
	return (whose);
}

static uint8_t
table_families(void)
{
	if (nft_config->table_family == NFPROTO_INET)
		return (MSG_FAMILY_V4 | MSG_FAMILY_V6);
	return (nft_config->table_family == NFPROTO_IPV4 ? MSG_FAMILY_V4 :
	    MSG_FAMILY_V6);
}

static void
nft_open(const struct backend_config *c)
{
	struct watch_names names = { .family = c->table_family,
	    .table = c->table, .chain = c->chain };
	size_t i;

	nft_config = c;
	nft_names = (struct effect_names){ .table = c->table,
	    .chain = c->chain, .families = { table_families() },
	    .whose = nft_whose };
	snprintf(table_text, sizeof(table_text), "%s %s",
	    chain_family(c->table_family), c->table);
	snprintf(chain_text, sizeof(chain_text), "%s %s", table_text, c->chain);
	nftelem_open(c->chain);
	for (i = 0; i < BACKEND_KINDS; i++)
		names.sets[i] = nftelem_sets[i].name;
	watch_open(&names);
}

static bool
is_of_table(size_t kind)
{
	return ((table_families() & backend_bit(kind)) != 0);
}

/*
 * Twice the grants, as what has expired keeps its place until the kernel's
 * collector has run, a second later or more.
 */
static uint32_t
wanted_size(void)
{
	return (2 * nft_config->max_grants);
}

/* A set as it is in the kernel. */
struct nft_head {
	bool		there;
	uint32_t	type, len, flags, size;
};

static void
take_head(const struct nlmsghdr *nlh, void *arg)
{
	struct nft_head *h = arg;

	h->there = true;
	h->type = nlattr_u32(nlattr_get(nlh, NFTA_SET_KEY_TYPE));
	h->len = nlattr_u32(nlattr_get(nlh, NFTA_SET_KEY_LEN));
	h->flags = nlattr_u32(nlattr_get(nlh, NFTA_SET_FLAGS));
	h->size = nlattr_u32(nlattr_nested(nlattr_get(nlh, NFTA_SET_DESC),
	    NFTA_SET_DESC_SIZE));
}

static const char *
kind_text(uint32_t flags)
{
	return ((flags & NFT_SET_MAP) != 0 ? "map" : "set");
}

/* A set's key and flags as nft writes them. */
static const char *
describe(uint32_t type, uint32_t flags, char text[DESCRIPTION_MAX])
{
	static const char *types[1 << NFTSET_BITS] = {
	    [NFTSET_IPV4] = "ipv4_addr", [NFTSET_IPV6] = "ipv6_addr",
	    [NFTSET_PROTO] = "inet_proto", [NFTSET_SERVICE] = "inet_service" };
	static const char *names[] = { NULL, "constant", "interval", NULL,
	    "timeout", "dynamic", NULL, NULL, "expressions" };
	const char *between = "type ", *field;
	uint32_t bits;
	size_t i, n = 0;

	for (bits = TYPE_FIELDS * NFTSET_BITS; bits > 0; bits -= NFTSET_BITS) {
		if (type >> (bits - NFTSET_BITS) == 0)
			continue;
		field = types[type >> (bits - NFTSET_BITS) &
		    ((1U << NFTSET_BITS) - 1)];
		n += (size_t)snprintf(text + n, DESCRIPTION_MAX - n, "%s%s",
		    between, field == NULL ? "another" : field);
		between = " . ";
	}
	between = "; flags ";
	/* The names are in the order of the bits NFT_SET_*. */
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if ((flags & 1U << i) == 0 || names[i] == NULL)
			continue;
		n += (size_t)snprintf(text + n, DESCRIPTION_MAX - n, "%s%s",
		    between, names[i]);
		between = ",";
	}
	return (text);
}

/* Is the name free, or that of a set as ours? */
static int
check_nftset(size_t kind)
{
	const struct nftset *set = &nftelem_sets[kind];
	struct nft_head h = { .there = false };
	char is[DESCRIPTION_MAX], must[DESCRIPTION_MAX];

	if (list_whole(STAMP_HEAD, (uint8_t)kind, NULL, take_head, &h) ==
	    LIST_BROKEN) {
		log_error("set %s: %s", set->name, ask_strerror(errno));
		return (-1);
	}
	if (!h.there || (h.type == set->key_type && h.len == set->key_len &&
	    h.flags == NFT_SET_TIMEOUT))
		return (0);
	log_error("%s %s in table %s is \"%s\", but must be a set with \"%s\"; "
	    "remove it (nft delete %s %s %s) with the rules that use it, dnsfw "
	    "makes it anew", kind_text(h.flags), set->name, table_text,
	    describe(h.type, h.flags, is),
	    describe(set->key_type, NFT_SET_TIMEOUT, must),
	    kind_text(h.flags), table_text, set->name);
	return (-1);
}

/* Our sets would make iptables' own tools blind. */
static int
check_table(void)
{
	switch (xttable_look(nft_config->table_family, nft_config->table)) {
	case XTTABLE_OTHER:
		return (0);
	case XTTABLE_NAMED:
		log_warn("table %s has a name that iptables takes for its own: "
		    "while dnsfw uses it, iptables-save saves nothing of what "
		    "iptables puts there; another name has no such trouble",
		    table_text);
		return (0);
	case XTTABLE_USED:
		log_error("table %s is that of iptables: with sets in it, "
		    "iptables-save would save none of its rules; use "
		    "--firewall iptables, or a table of your own, like "
		    "\"inet dnsfw\"", table_text);
		return (-1);
	case XTTABLE_ERROR:
		break;
	}
	log_error("table %s: %s", table_text, ask_strerror(errno));
	return (-1);
}

static int
check_chain(void)
{
	switch (chain_look(0)) {
	case CHAIN_REGULAR:
		return (0);
	case CHAIN_BASE:
		log_error("chain %s has a hook; dnsfw needs a chain of its own "
		    "without one, to which yours jumps", chain_text);
		return (-1);
	case CHAIN_MISSING:
		log_error("there is no chain %s; make the table and then: "
		    "nft add chain %s", chain_text, chain_text);
		return (-1);
	case CHAIN_UNKNOWN:
		break;
	}
	log_error("chain %s: %s", chain_text, ask_strerror(errno));
	return (-1);
}

static int
nft_check(uint8_t *found)
{
	size_t i;

	if (check_table() == -1 || chain_is_owned(0,
	    chain_family(nft_config->table_family), nft_config->table) ||
	    check_chain() == -1)
		return (-1);
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (is_of_table(i) && check_nftset(i) == -1)
			return (-1);
	}
	*found = table_families();
	return (0);
}

static bool
nft_is_missing(void)
{
	return (chain_look(0) == CHAIN_MISSING &&
	    xttable_look(nft_config->table_family, nft_config->table) !=
	    XTTABLE_USED);
}

static int
nft_chains(uint8_t *there)
{
	enum chain_kind kind = chain_look(0);

	*there = kind == CHAIN_REGULAR ? table_families() : 0;
	return (kind == CHAIN_UNKNOWN ? -1 : 0);
}

/* Kernels before 6.5 do not change the size of a set that exists. */
static void
verify_size(size_t kind)
{
	struct nft_head h = { .there = false };

	(void)list_whole(STAMP_HEAD, (uint8_t)kind, NULL, take_head, &h);
	if (h.there && h.size != wanted_size())
		log_warn("set %s has room for %u, not for %u as "
		    "--max-grants asks for: this kernel does not change that; "
		    "it will when the set is made anew",
		    nftelem_sets[kind].name, h.size, wanted_size());
}

static enum list_step
look_at_rules(struct place *place)
{
	enum list_step step = LIST_CHANGED;
	int i;

	for (i = 0; i < RUNS_MAX && step == LIST_CHANGED; i++) {
		place_begin(place, table_families(), nft_whose);
		step = list_whole(STAMP_RULES, 0, NULL, place_take, place);
	}
	place_end(place);
	return (step);
}

/*
 * Sets of which one that is there gets the size, and rules of which those that
 * are there stay; of one table, so of all families.
 */
static enum backend_step
nft_prepare(struct backend_prepare *p)
{
	struct order_make order = { .what = STAMP_RULE };
	enum list_step step;
	struct ask_result r;
	unsigned int kinds = 0;
	struct place place;
	size_t i;

	(void)p;
	step = look_at_rules(&place);
	if (step != LIST_END) {
		log_error("chain %s: cannot list its rules: %s", chain_text,
		    step == LIST_CHANGED ? "they change all the time" :
		    ask_strerror(errno));
		return (PREPARE_UNKNOWN);
	}
	for (i = 0; i < BACKEND_KINDS; i++)
		kinds |= is_of_table(i) ? 1U << i : 0;
	order.sets = (uint8_t)kinds;
	order.rules = order.sets & (uint8_t)~place.kinds;
	order.position = order.rules != 0 ? place.before : 0;
	r = ask_make(&order);
	if (r.what != ASK_DONE || r.error != 0) {
		log_error("cannot put sets and rules into chain %s: %s",
		    chain_text, ask_text(&r));
		return (r.what == ASK_UNKNOWN ? PREPARE_UNKNOWN :
		    PREPARE_FAILED);
	}
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (is_of_table(i))
			verify_size(i);
	}
	return (PREPARE_DONE);
}

static enum list_step
nft_effect(struct backend_effect *e, unsigned int datagrams)
{
	return (effect_step(e, &nft_names, datagrams));
}

const struct backend backend_nftables = {
	.open = nft_open,
	.check = nft_check,
	.is_missing = nft_is_missing,
	.chains = nft_chains,
	.prepare = nft_prepare,
	.effect = nft_effect,
	.effect_drop = effect_drop,
	.entries = nftelem_entries,
	.entries_step = nftelem_entries_step,
	.add = nftelem_add,
	.remove = nftelem_remove,
	.test = nftelem_test
};
