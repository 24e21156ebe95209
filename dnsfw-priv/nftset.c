/*
 * --firewall nftables (F2): sets in the operator's table, and rules in the
 * operator's chain that look into them.  The kernel's interface is
 * linux/netfilter/nf_tables.h; its numbers are in network byte order.
 */
#include "backend.h"

#include <arpa/inet.h>
#include <endian.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "nfrule.h"
#include "nftset.h"
#include "nlsock.h"
#include "watch.h"

#define RULE_COMMENT	"dnsfw:managed"	/* by which we know our rules */
#define SET_COMMENT	"dnsfw: live grants"
#define OWN_RULES_MAX	64		/* four, unless somebody copied them */

/* nft's numbers for the types of a key's fields, six bits each. */
#define TYPE_IPV4	7U
#define TYPE_IPV6	8U
#define TYPE_PROTO	12U
#define TYPE_SERVICE	13U
#define TYPE_FLOW(t)	(TYPE_PROTO << 12 | TYPE_SERVICE << 6 | (t))
#define TYPE_GRANT(t)	((t) << 18 | TYPE_FLOW(t))

#define SET_RECORD_COMMENT	7	/* of nft's user data for a set */

struct nftset nftset_sets[BACKEND_KINDS] = {
	{ "_ipv4_allow", ADDR_V4, MSG_FAMILY_V4, 0,
	    TYPE_GRANT(TYPE_IPV4), 16, "" },
	{ "_ipv4_allow_local", ADDR_V4, MSG_FAMILY_V4, 1,
	    TYPE_FLOW(TYPE_IPV4), 12, "" },
	{ "_ipv6_allow", ADDR_V6, MSG_FAMILY_V6, 0,
	    TYPE_GRANT(TYPE_IPV6), 40, "" },
	{ "_ipv6_allow_local", ADDR_V6, MSG_FAMILY_V6, 1,
	    TYPE_FLOW(TYPE_IPV6), 24, "" }
};

static const struct backend_config *config;
static uint8_t families;		/* MSG_FAMILY_*: of the table */

/* The table's and chain's name as nft has it, for the log. */
static char chain_text[sizeof("inet  ") + 2 * NFTSET_NAME_MAX + 1];

static void
nftset_open(const struct backend_config *c)
{
	const char *family = "inet";
	size_t i;

	if (strlen(c->chain) > NFTSET_NAME_MAX ||
	    strlen(c->table) > NFTSET_NAME_MAX)
		fatalx("--table and --chain: a name has at most %d bytes",
		    NFTSET_NAME_MAX);
	config = c;
	families = MSG_FAMILY_V4 | MSG_FAMILY_V6;
	if (c->table_family == NFPROTO_IPV4) {
		families = MSG_FAMILY_V4;
		family = "ip";
	} else if (c->table_family == NFPROTO_IPV6) {
		families = MSG_FAMILY_V6;
		family = "ip6";
	}
	snprintf(chain_text, sizeof(chain_text), "%s %s %s", family, c->table,
	    c->chain);
	for (i = 0; i < BACKEND_KINDS; i++)
		snprintf(nftset_sets[i].name, sizeof(nftset_sets[i].name), "%s%s", c->chain,
		    nftset_sets[i].suffix);
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

/* Rules, sets and elements have the same two attributes first. */
static_assert((int)NFTA_RULE_TABLE == (int)NFTA_SET_TABLE &&
    (int)NFTA_SET_ELEM_LIST_TABLE == (int)NFTA_SET_TABLE &&
    (int)NFTA_RULE_CHAIN == (int)NFTA_SET_NAME &&
    (int)NFTA_SET_ELEM_LIST_SET == (int)NFTA_SET_NAME, "attributes");

struct nlmsghdr *
nftset_message(uint16_t type, uint16_t flags, const char *name)
{
	struct nlmsghdr *nlh;

	nlh = nfrule_message(type, flags, config->table_family);
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, config->table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, name);
	return (nlh);
}

/* State of check_set: what a set of that name is, if there is one. */
struct found {
	uint32_t	key_type;
	uint32_t	key_len;
	uint32_t	flags;
	uint32_t	size;
};

static void
on_set(const struct nlmsghdr *nlh, void *arg)
{
	struct found *f = arg;

	f->key_type = nlsock_u32(nlsock_attr(nlh, NFTA_SET_KEY_TYPE));
	f->key_len = nlsock_u32(nlsock_attr(nlh, NFTA_SET_KEY_LEN));
	f->flags = nlsock_u32(nlsock_attr(nlh, NFTA_SET_FLAGS));
	f->size = nlsock_u32(nlsock_nested(nlsock_attr(nlh, NFTA_SET_DESC),
	    NFTA_SET_DESC_SIZE));
}

static int
get_set(const struct nftset *set, struct found *f)
{
	memset(f, 0, sizeof(*f));
	nlsock_begin();
	(void)nftset_message(NFT_MSG_GETSET, 0, set->name);
	return (nlsock_run(on_set, f));
}

/* Is the name free, or that of a set as ours? */
static int
check_set(const struct nftset *set)
{
	const char *addr = set->family == ADDR_V4 ? "ipv4_addr" : "ipv6_addr";
	struct found f;

	if (get_set(set, &f) == -1) {
		if (errno == ENOENT)
			return (0);
		log_error("set %s: %s", set->name, nlsock_strerror(errno));
		return (-1);
	}
	if (f.key_type == set->key_type && f.key_len == set->key_len &&
	    f.flags == NFT_SET_TIMEOUT)
		return (0);
	log_error("table %s has a set %s of another type (key 0x%x of %u "
	    "bytes, flags 0x%x); it must be \"type %s%sinet_proto . "
	    "inet_service . %s; flags timeout;\": remove it, dnsfw makes it "
	    "anew", config->table, set->name, f.key_type, f.key_len, f.flags,
	    set->local ? "" : addr, set->local ? "" : " . ", addr);
	return (-1);
}

static int
nftset_check(uint8_t *found)
{
	size_t i;

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
		if (in_use(&nftset_sets[i]) && check_set(&nftset_sets[i]) == -1)
			return (-1);
	}
	*found = families;
	return (0);
}

/* The handles of our rules, in network byte order. */
struct own_rules {
	uint64_t	handles[OWN_RULES_MAX];
	size_t		n;
};

static void
on_rule(const struct nlmsghdr *nlh, void *arg)
{
	static const char ours[] = RULE_COMMENT;
	const struct nlattr *user = nlsock_attr(nlh, NFTA_RULE_USERDATA);
	const struct nlattr *handle = nlsock_attr(nlh, NFTA_RULE_HANDLE);
	struct own_rules *own = arg;
	const char *record;

	/* Kernels that do not know the filter list all chains. */
	if (user == NULL || handle == NULL || own->n == OWN_RULES_MAX ||
	    !nlsock_is(nlsock_attr(nlh, NFTA_RULE_TABLE), config->table) ||
	    !nlsock_is(nlsock_attr(nlh, NFTA_RULE_CHAIN), config->chain) ||
	    mnl_attr_get_payload_len(handle) != sizeof(uint64_t))
		return;
	record = mnl_attr_get_payload(user);
	if (mnl_attr_get_payload_len(user) == 2 + sizeof(ours) &&
	    record[0] == 0 && record[1] == sizeof(ours) &&
	    memcmp(record + 2, ours, sizeof(ours)) == 0)
		own->handles[own->n++] = mnl_attr_get_u64(handle);
}

static int
list_own_rules(struct own_rules *own)
{
	int i, rc = -1;

	/* The table may change while it is listed. */
	for (i = 0; i < NFTSET_LISTINGS && rc == -1; i++) {
		own->n = 0;
		nlsock_begin();
		(void)nftset_message(NFT_MSG_GETRULE, NLM_F_DUMP,
		    config->chain);
		rc = nlsock_run(on_rule, own);
		if (rc == -1 && errno != EINTR)
			break;
	}
	return (rc);
}

/* The set, made if it is not there; one that is gets the size. */
static void
put_set(const struct nftset *set, uint32_t id)
{
	struct nlmsghdr *nlh;
	struct nlattr *desc;

	nlh = nftset_message(NFT_MSG_NEWSET, NLM_F_CREATE, set->name);
	nlsock_put_u32(nlh, NFTA_SET_ID, id);
	nlsock_put_u32(nlh, NFTA_SET_FLAGS, NFT_SET_TIMEOUT);
	nlsock_put_u32(nlh, NFTA_SET_KEY_TYPE, set->key_type);
	nlsock_put_u32(nlh, NFTA_SET_KEY_LEN, set->key_len);
	desc = mnl_attr_nest_start(nlh, NFTA_SET_DESC);
	nlsock_put_u32(nlh, NFTA_SET_DESC_SIZE, wanted_size());
	mnl_attr_nest_end(nlh, desc);
	nfrule_put_comment(nlh, NFTA_SET_USERDATA, SET_RECORD_COMMENT,
	    SET_COMMENT);
}

/* Kernels before 6.5 do not change the size of a set that exists. */
static void
verify_size(const struct nftset *set)
{
	struct found f;

	if (get_set(set, &f) == 0 && f.size != wanted_size())
		log_warn("set %s has room for %u entries, not %u as "
		    "--max-grants asks for: this kernel does not change that; "
		    "it will when the set is made anew", set->name, f.size,
		    wanted_size());
}

static void
put_payload(struct nfrule *r, uint32_t base, uint32_t offset, uint32_t len,
    uint32_t reg)
{
	nfrule_expr(r, "payload");
	nlsock_put_u32(r->nlh, NFTA_PAYLOAD_DREG, reg);
	nlsock_put_u32(r->nlh, NFTA_PAYLOAD_BASE, base);
	nlsock_put_u32(r->nlh, NFTA_PAYLOAD_OFFSET, offset);
	nlsock_put_u32(r->nlh, NFTA_PAYLOAD_LEN, len);
}

static void
put_meta(struct nfrule *r, uint32_t key, uint32_t reg)
{
	nfrule_expr(r, "meta");
	nlsock_put_u32(r->nlh, NFTA_META_DREG, reg);
	nlsock_put_u32(r->nlh, NFTA_META_KEY, key);
}

/* Only packets whose source address is this host's. */
static void
put_from_here(struct nfrule *r)
{
	uint32_t local = RTN_LOCAL;

	nfrule_expr(r, "fib");
	nlsock_put_u32(r->nlh, NFTA_FIB_DREG, NFT_REG_1);
	nlsock_put_u32(r->nlh, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nlsock_put_u32(r->nlh, NFTA_FIB_FLAGS, NFTA_FIB_F_SADDR);
	nfrule_cmp(r, NFT_REG_1, &local, sizeof(local));
}

/* The packet's fields, one behind the other in the registers, are the key. */
static void
put_rule(const struct nftset *set)
{
	bool v4 = set->family == ADDR_V4;
	uint32_t len = (uint32_t)addr_len(set->family);
	uint32_t source = v4 ? 12 : 8;		/* RFC 791, RFC 8200 */
	uint8_t family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint32_t next;				/* a register of 32 bits */
	struct nfrule r;

	nfrule_begin(&r, config->table_family, config->table, config->chain);
	if (config->table_family == NFPROTO_INET) {
		put_meta(&r, NFT_META_NFPROTO, NFT_REG_1);
		nfrule_cmp(&r, NFT_REG_1, &family, sizeof(family));
	}
	next = NFT_REG32_00;
	if (set->local)
		put_from_here(&r);
	else {
		put_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, source, len, next);
		next += len / NFT_REG32_SIZE;
	}
	put_meta(&r, NFT_META_L4PROTO, next++);
	put_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, next++);
	put_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, source + len, len, next);
	nfrule_expr(&r, "lookup");
	mnl_attr_put_strz(r.nlh, NFTA_LOOKUP_SET, set->name);
	nlsock_put_u32(r.nlh, NFTA_LOOKUP_SREG, NFT_REG32_00);
	nfrule_accept(&r, RULE_COMMENT);
}

static int
nftset_prepare(uint8_t wanted, backend_refill *refill)
{
	struct own_rules own;
	size_t i;

	(void)wanted;	/* of one table: all or none */
	(void)refill;
	if (list_own_rules(&own) == -1) {
		log_error("chain %s: %s", chain_text, nlsock_strerror(errno));
		return (-1);
	}
	nfrule_batch();
	for (i = 0; i < own.n; i++)
		mnl_attr_put_u64(nftset_message(NFT_MSG_DELRULE, 0, config->chain),
		    NFTA_RULE_HANDLE, own.handles[i]);
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (in_use(&nftset_sets[i]))
			put_set(&nftset_sets[i], (uint32_t)i + 1);
	}
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (in_use(&nftset_sets[i]))
			put_rule(&nftset_sets[i]);
	}
	if (nfrule_commit() == -1) {
		log_error("cannot put sets and rules into chain %s: %s",
		    chain_text, nlsock_strerror(errno));
		return (-1);
	}
	for (i = 0; i < BACKEND_KINDS; i++) {
		if (in_use(&nftset_sets[i]))
			verify_size(&nftset_sets[i]);
	}
	return (0);
}

static uint8_t
nftset_chains(void)
{
	return (nfrule_chain(config->table_family, config->table,
	    config->chain) == NFRULE_CHAIN_REGULAR ? families : 0);
}

static uint8_t
nftset_jumps(void)
{
	return (nfrule_is_used(config->table_family, config->table,
	    config->chain) ? families : 0);
}

const struct backend backend_nftables = {
	.name = "nftables",
	.open = nftset_open,
	.check = nftset_check,
	.prepare = nftset_prepare,
	.chains = nftset_chains,
	.jumps = nftset_jumps,
	.list = nftelem_list,
	.add = nftelem_add,
	.remove = nftelem_remove
};
