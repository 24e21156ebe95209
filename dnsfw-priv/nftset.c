/*
 * --firewall nftables (F2): sets in the operator's table, and rules in the
 * operator's chain that look into them.  The kernel's interface is
 * linux/netfilter/nf_tables.h; its numbers are in network byte order.
 */
#include "backend.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/set.h>

#include "log.h"
#include "nfrule.h"
#include "nftelem.h"
#include "nlsock.h"
#include "place.h"
#include "reach.h"
#include "watch.h"
#include "xttable.h"

#define RULE_COMMENT	"dnsfw:managed"	/* by which we know our rules */
#define SET_COMMENT	"dnsfw: live grants"

#define TYPE_FIELDS	5	/* that nft puts together at most */
#define DESCRIPTION_MAX	256	/* bytes; five fields and all flags fit */

/* Of nft's user data for rules, and for sets. */
#define RULE_RECORD_COMMENT	0
#define SET_RECORD_COMMENT	7

static const struct backend_config *config;
static uint8_t families;		/* MSG_FAMILY_*: of the table */

/* The table's and chain's name as nft has it, for the log. */
static char table_text[sizeof("inet ") + NFTSET_NAME_MAX + 1];
static char chain_text[sizeof("inet  ") + 2 * NFTSET_NAME_MAX + 1];

static void
nftset_open(const struct backend_config *c)
{
	config = c;
	families = MSG_FAMILY_V4 | MSG_FAMILY_V6;
	if (c->table_family == NFPROTO_IPV4)
		families = MSG_FAMILY_V4;
	else if (c->table_family == NFPROTO_IPV6)
		families = MSG_FAMILY_V6;
	snprintf(table_text, sizeof(table_text), "%s %s",
	    nfrule_family(c->table_family), c->table);
	snprintf(chain_text, sizeof(chain_text), "%s %s", table_text, c->chain);
	nftelem_open(c);
	nlsock_open();
	watch_open(c->table_family, c->table, c->chain);
}

static bool
in_use(const struct nftset *set)
{
	return ((families & set->bit) != 0);
}

/*
 * Twice the grants, as what has expired keeps its place until the kernel's
 * collector has run, a second later or more.
 */
static uint32_t
wanted_size(void)
{
	return (2 * config->max_grants);
}

static struct nftnl_set *
new_set(const struct nftset *set)
{
	struct nftnl_set *s = nfrule_need(nftnl_set_alloc());

	nftnl_set_set_str(s, NFTNL_SET_TABLE, config->table);
	nftnl_set_set_str(s, NFTNL_SET_NAME, set->name);
	return (s);
}

static void
on_set(const struct nlmsghdr *nlh, void *arg)
{
	(void)nftnl_set_nlmsg_parse(nlh, arg);
}

/* The set as it is in the kernel; or NULL, and errno says. */
static struct nftnl_set *
get_set(const struct nftset *set)
{
	struct nftnl_set *s = new_set(set);

	nlsock_begin();
	nftnl_set_nlmsg_build_payload(nfrule_message(NFT_MSG_GETSET, 0,
	    config->table_family), s);
	if (nlsock_run(on_set, s) == 0)
		return (s);
	nftnl_set_free(s);
	return (NULL);
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
check_set(const struct nftset *set)
{
	struct nftnl_set *s = get_set(set);
	uint32_t type, len, flags;
	char is[DESCRIPTION_MAX], must[DESCRIPTION_MAX];

	if (s == NULL) {
		if (errno == ENOENT)
			return (0);
		log_error("set %s: %s", set->name, nlsock_strerror(errno));
		return (-1);
	}
	type = nftnl_set_get_u32(s, NFTNL_SET_KEY_TYPE);
	len = nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN);
	flags = nftnl_set_get_u32(s, NFTNL_SET_FLAGS);
	nftnl_set_free(s);
	if (type == set->key_type && len == set->key_len &&
	    flags == NFT_SET_TIMEOUT)
		return (0);
	log_error("%s %s in table %s is \"%s\", but must be a set with \"%s\"; "
	    "remove it (nft delete %s %s %s) with the rules that use it, dnsfw "
	    "makes it anew", kind_text(flags), set->name, table_text,
	    describe(type, flags, is),
	    describe(set->key_type, NFT_SET_TIMEOUT, must),
	    kind_text(flags), table_text, set->name);
	return (-1);
}

/* Our sets would make iptables' own tools blind. */
static int
check_table(void)
{
	switch (xttable_look(config->table_family, config->table)) {
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
	log_error("table %s: %s", table_text, nlsock_strerror(errno));
	return (-1);
}

static int
nftset_check(uint8_t *found)
{
	size_t i;

	if (check_table() == -1 ||
	    nfrule_is_owned(config->table_family, config->table))
		return (-1);
	switch (nfrule_chain(config->table_family, config->table,
	    config->chain)) {
	case NFRULE_CHAIN_REGULAR:
		break;
	case NFRULE_CHAIN_BASE:
		log_error("chain %s has a hook; dnsfw needs a chain of its own "
		    "without one, to which yours jumps", chain_text);
		return (-1);
	case NFRULE_CHAIN_MISSING:
		log_error("there is no chain %s; make the table and then: "
		    "nft add chain %s", chain_text, chain_text);
		return (-1);
	case NFRULE_CHAIN_ERROR:
		log_error("chain %s: %s", chain_text, nlsock_strerror(errno));
		return (-1);
	}
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (in_use(&nftelem_sets[i]) &&
		    check_set(&nftelem_sets[i]) == -1)
			return (-1);
	}
	*found = families;
	return (0);
}

static bool
nftset_is_missing(void)
{
	return (nfrule_is_missing(config->table_family, config->table,
	    config->chain) && xttable_look(config->table_family,
	    config->table) != XTTABLE_USED);
}

static bool
is_own(const struct nlmsghdr *rule)
{
	const struct nlattr *user = nlsock_attr(rule, NFTA_RULE_USERDATA);
	uint8_t comment[NFRULE_COMMENT_MAX];
	uint32_t len;

	len = nfrule_comment(comment, RULE_RECORD_COMMENT, RULE_COMMENT);
	return (user != NULL && mnl_attr_get_payload_len(user) == len &&
	    memcmp(mnl_attr_get_payload(user), comment, len) == 0);
}

/* The set, made if it is not there; one that is gets the size. */
static void
put_set(const struct nftset *set, uint32_t id)
{
	struct nftnl_set *s = new_set(set);
	uint8_t comment[NFRULE_COMMENT_MAX];

	nftnl_set_set_u32(s, NFTNL_SET_ID, id);
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, set->key_type);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, set->key_len);
	nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, wanted_size());
	nftnl_set_set_data(s, NFTNL_SET_USERDATA, comment,
	    nfrule_comment(comment, SET_RECORD_COMMENT, SET_COMMENT));
	nftnl_set_nlmsg_build_payload(nfrule_message(NFT_MSG_NEWSET,
	    NLM_F_CREATE, config->table_family), s);
	nftnl_set_free(s);
}

/* Kernels before 6.5 do not change the size of a set that exists. */
static void
verify_size(const struct nftset *set)
{
	struct nftnl_set *s = get_set(set);
	uint32_t size;

	if (s == NULL)
		return;
	size = nftnl_set_get_u32(s, NFTNL_SET_DESC_SIZE);
	nftnl_set_free(s);
	if (size != wanted_size())
		log_warn("set %s has room for %u, not for %u as "
		    "--max-grants asks for: this kernel does not change that; "
		    "it will when the set is made anew", set->name, size,
		    wanted_size());
}

static void
put_payload(struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t len,
    uint32_t reg)
{
	struct nftnl_expr *e = nfrule_expr(r, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

static void
put_meta(struct nftnl_rule *r, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *e = nfrule_expr(r, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
}

/* Only packets whose source address is this host's. */
static void
put_from_here(struct nftnl_rule *r)
{
	struct nftnl_expr *e = nfrule_expr(r, "fib");
	uint32_t local = RTN_LOCAL;

	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR);
	nfrule_cmp(r, NFT_REG_1, &local, sizeof(local));
}

/* The packet's fields, one behind the other in the registers, are the key. */
static void
put_rule(const struct nftset *set, uint64_t before)
{
	bool v4 = set->family == ADDR_V4;
	uint32_t len = (uint32_t)addr_len(set->family);
	uint32_t source = v4 ? 12 : 8;		/* RFC 791, RFC 8200 */
	uint8_t family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint32_t next = NFT_REG32_00;		/* a register of 32 bits */
	struct nftnl_rule *r = nfrule_new(config->table, config->chain);
	uint8_t comment[NFRULE_COMMENT_MAX];
	struct nftnl_expr *e;

	if (config->table_family == NFPROTO_INET) {
		put_meta(r, NFT_META_NFPROTO, NFT_REG_1);
		nfrule_cmp(r, NFT_REG_1, &family, sizeof(family));
	}
	if (set->local)
		put_from_here(r);
	else {
		put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source, len, next);
		next += len / NFT_REG32_SIZE;
	}
	put_meta(r, NFT_META_L4PROTO, next++);
	put_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, next++);
	put_payload(r, NFT_PAYLOAD_NETWORK_HEADER, source + len, len, next);
	e = nfrule_expr(r, "lookup");
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set->name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00);
	nfrule_accept(r);
	nftnl_rule_set_data(r, NFTNL_RULE_USERDATA, comment,
	    nfrule_comment(comment, RULE_RECORD_COMMENT, RULE_COMMENT));
	if (before != 0)
		nftnl_rule_set_u64(r, NFTNL_RULE_POSITION, before);
	nfrule_put(NFT_MSG_NEWRULE, before != 0 ? NLM_F_CREATE :
	    NLM_F_CREATE | NLM_F_APPEND, config->table_family, r);
}

static void
put_removal(uint64_t handle)
{
	struct nftnl_rule *r = nfrule_new(config->table, config->chain);

	nftnl_rule_set_u64(r, NFTNL_RULE_HANDLE, handle);
	nfrule_put(NFT_MSG_DELRULE, 0, config->table_family, r);
}

static int
nftset_prepare(uint8_t wanted, backend_refill *refill)
{
	struct place place;
	size_t i;

	(void)wanted;	/* of one table: all or none */
	(void)refill;
	if (place_look(config->table_family, config->table, config->chain,
	    is_own, &place) == -1) {
		log_error("chain %s: %s", chain_text, nlsock_strerror(errno));
		return (-1);
	}
	nfrule_batch();
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (!in_use(&nftelem_sets[i]))
			continue;
		put_set(&nftelem_sets[i], (uint32_t)i + 1);
		put_rule(&nftelem_sets[i], place.before);
	}
	/* After that, as they may be what tells the place. */
	for (i = 0; i < place.nown; i++)
		put_removal(place.own[i]);
	if (nfrule_commit() == -1) {
		log_error("cannot put sets and rules into chain %s: %s",
		    chain_text, nlsock_strerror(errno));
		return (-1);
	}
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (in_use(&nftelem_sets[i]))
			verify_size(&nftelem_sets[i]);
	}
	return (0);
}

static uint8_t
nftset_chains(void)
{
	return (nfrule_is_regular(config->table_family, config->table,
	    config->chain) ? families : 0);
}

static int
nftset_effect(uint8_t wanted, uint8_t *reached, uint8_t *blocked)
{
	struct place place;
	bool leads;

	if (reach_look(config->table_family, config->table, config->chain,
	    &leads) == -1 || place_look(config->table_family, config->table,
	    config->chain, is_own, &place) == -1)
		return (-1);
	*reached = leads ? wanted : 0;
	*blocked = place.blocked & wanted;
	return (0);
}

const struct backend backend_nftables = {
	.open = nftset_open,
	.check = nftset_check,
	.is_missing = nftset_is_missing,
	.prepare = nftset_prepare,
	.chains = nftset_chains,
	.effect = nftset_effect,
	.list = nftelem_list,
	.add = nftelem_add,
	.remove = nftelem_remove
};
