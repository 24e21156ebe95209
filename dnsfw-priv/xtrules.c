/* The rules of an iptables chain. */
#include "xtrules.h"

#include <sys/socket.h>

#include <netinet/in.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "nfrule.h"
#include "place.h"
#include "reach.h"

#define SET_REVISION	4	/* struct xt_set_info_match_v4 */
#define ADDRTYPE_REVISION 1	/* struct xt_addrtype_info_v1 */
#define LEGACY_MAX	(64U << 20)	/* bytes of a legacy table */

/* Both families have one interface, but for the layout of an entry. */
static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
    IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES &&
    sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
    offsetof(struct ipt_get_entries, entrytable) ==
    offsetof(struct ip6t_get_entries, entrytable), "iptables-legacy");

struct family {
	uint8_t		bit;		/* MSG_FAMILY_* */
	uint8_t		number;		/* NFPROTO_* */
	const char	*command;
	const char	*legacy;	/* names of the tables that are there */
	int		domain;		/* of the socket for legacy */
	int		level;		/* of its options */
	size_t		target_offset;	/* of that field in an entry */
	size_t		next_offset;
	size_t		entry_size;
};

static const struct family families[] = {
	{ MSG_FAMILY_V4, NFPROTO_IPV4, "iptables",
	    "/proc/self/net/ip_tables_names", AF_INET, IPPROTO_IP,
	    offsetof(struct ipt_entry, target_offset),
	    offsetof(struct ipt_entry, next_offset),
	    sizeof(struct ipt_entry) },
	{ MSG_FAMILY_V6, NFPROTO_IPV6, "ip6tables",
	    "/proc/self/net/ip6_tables_names", AF_INET6, IPPROTO_IPV6,
	    offsetof(struct ip6t_entry, target_offset),
	    offsetof(struct ip6t_entry, next_offset),
	    sizeof(struct ip6t_entry) }
};

#define NFAMILIES	(sizeof(families) / sizeof(families[0]))

static int legacy_sockets[NFAMILIES];	/* -1: no legacy table to ask for */

/* Is the table there?  Other ways to ask would make it. */
static bool
has_legacy_table(const struct family *f)
{
	char names[256];	/* one a line, of five */
	int fd = open(f->legacy, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return (false);
	n = read(fd, names, sizeof(names) - 1);
	close(fd);
	names[n > 0 ? n : 0] = '\0';
	return (strstr(names, XTRULES_TABLE) != NULL);
}

void
xtrules_open(void)
{
	size_t i;

	for (i = 0; i < NFAMILIES; i++)
		legacy_sockets[i] = !has_legacy_table(&families[i]) ? -1 :
		    socket(families[i].domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Does one of the size bytes of entries begin a chain of that name? */
static bool
has_chain(const struct family *f, const char *entries, size_t size,
    const char *chain)
{
	struct xt_error_target target;
	uint16_t to_target, to_next;

	while (size >= f->entry_size) {
		memcpy(&to_target, entries + f->target_offset, 2);
		memcpy(&to_next, entries + f->next_offset, 2);
		if (to_next < f->entry_size || to_next > size)
			return (false);
		if (to_target <= to_next &&
		    to_next - to_target >= (int)sizeof(target)) {
			memcpy(&target, entries + to_target, sizeof(target));
			if (strncmp(target.target.u.user.name,
			    XT_ERROR_TARGET, XT_EXTENSION_MAXNAMELEN) == 0 &&
			    strncmp(target.errorname, chain,
			    sizeof(target.errorname)) == 0)
				return (true);
		}
		entries += to_next;
		size -= to_next;
	}
	return (false);
}

/* Is the chain in iptables-legacy, whose rules nf_tables does not show? */
static bool
in_legacy(size_t i, const char *chain)
{
	struct ipt_getinfo info = { .name = XTRULES_TABLE };
	struct ipt_get_entries *get;
	socklen_t len = sizeof(info);
	bool found = false;

	if (legacy_sockets[i] == -1 || getsockopt(legacy_sockets[i],
	    families[i].level, IPT_SO_GET_INFO, &info, &len) == -1 ||
	    info.size > LEGACY_MAX)
		return (false);
	len = (socklen_t)sizeof(*get) + info.size;
	get = calloc(1, len);
	if (get == NULL)
		return (false);
	memcpy(get->name, XTRULES_TABLE, sizeof(XTRULES_TABLE));
	get->size = info.size;
	if (getsockopt(legacy_sockets[i], families[i].level,
	    IPT_SO_GET_ENTRIES, get, &len) == 0)
		found = has_chain(&families[i], (const char *)get->entrytable,
		    info.size, chain);
	free(get);
	return (found);
}

/* Chains that iptables has even where nf_tables has not made them yet. */
static bool
is_built_in(const char *chain)
{
	return (strcmp(chain, "INPUT") == 0 || strcmp(chain, "FORWARD") == 0 ||
	    strcmp(chain, "OUTPUT") == 0);
}

int
xtrules_check(const char *chain, uint8_t *found)
{
	const struct family *f;
	size_t i;

	*found = 0;
	for (i = 0; i < NFAMILIES; i++) {
		f = &families[i];
		if (nfrule_is_owned(f->number, XTRULES_TABLE))
			return (-1);
		switch (nfrule_chain(f->number, XTRULES_TABLE, chain)) {
		case NFRULE_CHAIN_REGULAR:
			*found |= f->bit;
			continue;
		case NFRULE_CHAIN_BASE:
			log_error("%s: chain %s has a hook; dnsfw, which "
			    "flushes its chain, needs one of its own, to which "
			    "yours jumps", f->command, chain);
			return (-1);
		case NFRULE_CHAIN_ERROR:
			log_error("%s: chain %s: %s", f->command, chain,
			    nlsock_strerror(errno));
			return (-1);
		case NFRULE_CHAIN_MISSING:
			break;
		}
		if (is_built_in(chain)) {
			log_error("%s: chain %s is built in; dnsfw, which "
			    "flushes its chain, needs one of its own, to which "
			    "yours jumps (%s -N NAME)", f->command, chain,
			    f->command);
			return (-1);
		}
		if (in_legacy(i, chain))
			log_warn("%s: chain %s exists in %s-legacy only, which "
			    "dnsfw cannot program: make it with %s-nft -N %s, "
			    "and move the other rules there", f->command,
			    chain, f->command, f->command, chain);
		else
			log_warn("%s: there is no chain %s in table %s; "
			    "connections of this family are granted when it "
			    "is made (%s -N %s)", f->command, chain,
			    XTRULES_TABLE, f->command, chain);
	}
	if (*found != 0)
		return (0);
	log_error("neither iptables nor ip6tables has a chain %s to fill",
	    chain);
	return (-1);
}

uint8_t
xtrules_which(bool (*is)(uint8_t, const char *, const char *),
    const char *chain)
{
	uint8_t found = 0;
	size_t i;

	for (i = 0; i < NFAMILIES; i++) {
		if (is(families[i].number, XTRULES_TABLE, chain))
			found |= families[i].bit;
	}
	return (found);
}

static int
take_expr(const struct nlattr *expr, void *arg)
{
	*(bool *)arg |= nlsock_is(nlsock_nested(nlsock_nested(expr,
	    NFTA_EXPR_DATA), NFTA_MATCH_NAME), "set");
	return (MNL_CB_OK);
}

/* It looks into a set, as all of ours. */
static bool
is_own(const struct nlmsghdr *rule)
{
	const struct nlattr *all = nlsock_attr(rule, NFTA_RULE_EXPRESSIONS);
	bool own = false;

	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_expr, &own);
	return (own);
}

int
xtrules_effect(const char *chain, uint8_t wanted, uint8_t *reached,
    uint8_t *blocked)
{
	struct place place;
	bool leads;
	size_t i;

	*reached = *blocked = 0;
	for (i = 0; i < NFAMILIES; i++) {
		if ((families[i].bit & wanted) == 0)
			continue;
		if (reach_look(families[i].number, XTRULES_TABLE, chain,
		    &leads) == -1 || place_look(families[i].number,
		    XTRULES_TABLE, chain, is_own, &place) == -1)
			return (-1);
		*reached |= leads ? families[i].bit : 0;
		*blocked |= place.blocked;
	}
	return (0);
}

/* "-m NAME", with the options in the form that the kernel's module has. */
static void
put_match(struct nftnl_rule *r, const char *name, uint32_t revision,
    const void *options, uint32_t len)
{
	struct nftnl_expr *e = nfrule_expr(r, "match");
	void *info = nfrule_need(malloc(len));

	memcpy(info, options, len);
	nftnl_expr_set_str(e, NFTNL_EXPR_MT_NAME, name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_MT_REV, revision);
	/* This is not copied, but freed with the expression. */
	nftnl_expr_set(e, NFTNL_EXPR_MT_INFO, info, len);
}

/* "-m set --match-set": the set's fields are all dst but for those in src. */
static void
put_set_match(struct nftnl_rule *r, uint16_t index, uint8_t fields, uint8_t src)
{
	struct xt_set_info_match_v4 info;

	memset(&info, 0, sizeof(info));
	info.match_set.index = index;
	info.match_set.dim = fields;
	info.match_set.flags = src;
	put_match(r, "set", SET_REVISION, &info, sizeof(info));
}

static void
put_rule(uint8_t family, struct nftnl_rule *r)
{
	nfrule_accept(r);
	nfrule_put(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, family, r);
}

void
xtrules_put(const char *chain, uint8_t family, uint16_t grants, uint16_t local)
{
	const struct xt_addrtype_info_v1 from_here = {
	    .source = XT_ADDRTYPE_LOCAL };
	struct nftnl_rule *r;

	/* Without a handle: all rules of the chain. */
	nfrule_put(NFT_MSG_DELRULE, 0, family, nfrule_new(XTRULES_TABLE, chain));

	r = nfrule_new(XTRULES_TABLE, chain);
	put_set_match(r, grants, IPSET_DIM_THREE, IPSET_DIM_ONE_SRC);
	put_rule(family, r);

	r = nfrule_new(XTRULES_TABLE, chain);
	put_match(r, "addrtype", ADDRTYPE_REVISION, &from_here,
	    sizeof(from_here));
	put_set_match(r, local, IPSET_DIM_TWO, 0);
	put_rule(family, r);
}
