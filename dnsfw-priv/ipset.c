/*
 * --firewall iptables (F1): four ipsets, and rules in the operator's chain
 * that match them.  The kernel's interface is linux/netfilter/ipset/ip_set.h;
 * its numbers are in network byte order, and flagged so.
 */
#include "backend.h"

#include <sys/socket.h>

#include <arpa/inet.h>

#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/nfnetlink.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "nfrule.h"
#include "nlsock.h"
#include "watch.h"
#include "xtrules.h"

/*
 * Of both set types.  Every kernel since 3.x has it, and an ipset program lists
 * only what is not newer than itself.
 */
#define REVISION	5
#define UNIT		CLOCK_SECOND	/* of timeouts */
#define DEFAULT_TIMEOUT	60	/* seconds; no element of ours goes without */

#define SUFFIX_MAX	(sizeof("-ipv4-allow-local") - 1)
static_assert(BACKEND_IPTABLES_CHAIN_MAX ==
    IPSET_MAXNAMELEN - 1 - SUFFIX_MAX, "names of sets");

struct set {
	const char	*suffix;	/* of the name, after the chain's */
	const char	*type;
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		bit;		/* MSG_FAMILY_* */
	uint8_t		local;
	char		name[IPSET_MAXNAMELEN];
	const char	*target;	/* of additions: name, or a new set's */
	bool		 replace;	/* exists, with another size */
	int		 index;		/* by which rules know it */
};

static struct set sets[BACKEND_KINDS] = {
	{ .suffix = "-ipv4-allow", .type = "hash:ip,port,ip",
	    .family = ADDR_V4, .bit = MSG_FAMILY_V4, .local = 0 },
	{ .suffix = "-ipv4-allow-local", .type = "hash:ip,port",
	    .family = ADDR_V4, .bit = MSG_FAMILY_V4, .local = 1 },
	{ .suffix = "-ipv6-allow", .type = "hash:ip,port,ip",
	    .family = ADDR_V6, .bit = MSG_FAMILY_V6, .local = 0 },
	{ .suffix = "-ipv6-allow-local", .type = "hash:ip,port",
	    .family = ADDR_V6, .bit = MSG_FAMILY_V6, .local = 1 }
};

static const struct backend_config *config;
static char new_name[IPSET_MAXNAMELEN];	/* of a set that replaces one */

static void
ipset_open(const struct backend_config *c)
{
	size_t i;

	config = c;
	for (i = 0; i < BACKEND_KINDS; i++) {
		snprintf(sets[i].name, sizeof(sets[i].name), "%s%s", c->chain,
		    sets[i].suffix);
		sets[i].target = sets[i].name;
	}
	snprintf(new_name, sizeof(new_name), "%s-new", c->chain);
	nlsock_open();
	watch_open(NFPROTO_UNSPEC, XTRULES_TABLE, c->chain);
	xtrules_open();
}

/* A command for one set.  The family of the header is not the set's. */
static struct nlmsghdr *
put_command(enum ipset_cmd command, uint16_t flags, const char *name)
{
	struct nlmsghdr *nlh;

	nlh = nlsock_message((uint16_t)(NFNL_SUBSYS_IPSET << 8 | command),
	    flags, AF_INET, 0);
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTOCOL, IPSET_PROTOCOL);
	mnl_attr_put_strz(nlh, IPSET_ATTR_SETNAME, name);
	return (nlh);
}

static void
put_number(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type | NLA_F_NET_BYTEORDER, htonl(value));
}

static int
af(const struct set *set)
{
	return (set->family == ADDR_V4 ? AF_INET : AF_INET6);
}

/* State of check_set: what a set of that name is, if there is one. */
struct found {
	const struct set *set;
	bool	 suits;
	uint32_t size;
	uint32_t elements;
	char	 text[128];
};

static void
on_set(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *family = nlsock_attr(nlh, IPSET_ATTR_FAMILY);
	const struct nlattr *type = nlsock_attr(nlh, IPSET_ATTR_TYPENAME);
	const struct nlattr *data = nlsock_attr(nlh, IPSET_ATTR_DATA);
	bool timeout, comment, evicts;
	struct found *f = arg;
	uint8_t number = 0;
	uint32_t flags;

	if (family != NULL && mnl_attr_get_payload_len(family) == 1)
		number = mnl_attr_get_u8(family);
	timeout = nlsock_nested(data, IPSET_ATTR_TIMEOUT) != NULL;
	flags = nlsock_u32(nlsock_nested(data, IPSET_ATTR_CADT_FLAGS));
	comment = (flags & IPSET_FLAG_WITH_COMMENT) != 0;
	evicts = (flags & IPSET_FLAG_WITH_FORCEADD) != 0;
	f->size = nlsock_u32(nlsock_nested(data, IPSET_ATTR_MAXELEM));
	f->elements = nlsock_u32(nlsock_nested(data, IPSET_ATTR_ELEMENTS));
	f->suits = nlsock_is(type, f->set->type) && number == af(f->set) &&
	    timeout && comment && !evicts;
	snprintf(f->text, sizeof(f->text), "%.*s family %s%s%s%s",
	    type == NULL ? 0 : (int)mnl_attr_get_payload_len(type),
	    type == NULL ? "" : mnl_attr_get_str(type),
	    number == AF_INET ? "inet" : number == AF_INET6 ? "inet6" : "none",
	    timeout ? " timeout" : ", no timeout",
	    comment ? " comment" : ", no comment",
	    evicts ? " forceadd" : "");
}

/* Is the name free, or that of a set as ours? */
static int
check_set(struct set *set)
{
	struct found f = { .set = set, .suits = true,
	    .size = config->max_grants };
	struct nlmsghdr *nlh;

	nlsock_begin();
	nlh = put_command(IPSET_CMD_LIST, NLM_F_DUMP, set->name);
	put_number(nlh, IPSET_ATTR_FLAGS, IPSET_FLAG_LIST_HEADER);
	if (nlsock_run(on_set, &f) == -1 && errno != ENOENT) {
		log_error("ipset %s: %s", set->name, nlsock_strerror(errno));
		return (-1);
	}
	/* What has more entries than there may be now stays as it is (G9). */
	set->replace = f.size != config->max_grants &&
	    f.elements <= config->max_grants;
	if (f.suits)
		return (0);
	log_error("ipset %s is %s, but must be %s family %s timeout comment; "
	    "remove it (ipset destroy %s), dnsfw makes it anew", set->name,
	    f.text, set->type, set->family == ADDR_V4 ? "inet" : "inet6",
	    set->name);
	return (-1);
}

static int
ipset_check(uint8_t *found)
{
	size_t i;

	if (xtrules_check(config->chain, found) == -1)
		return (-1);
	for (i = 0; i < BACKEND_KINDS; i++) {
		if ((*found & sets[i].bit) != 0 && check_set(&sets[i]) == -1)
			return (-1);
	}
	return (0);
}

static bool
ipset_is_missing(void)
{
	return (xtrules_which(nfrule_is_missing, config->chain) ==
	    (MSG_FAMILY_V4 | MSG_FAMILY_V6));
}

static int
create(const struct set *set, const char *name)
{
	struct nlmsghdr *nlh;
	struct nlattr *data;
	uint32_t buckets = 64;

	/* As many as elements: a table that grows blocks for milliseconds. */
	while (buckets < config->max_grants && buckets < 1U << 24)
		buckets *= 2;
	nlsock_begin();
	nlh = put_command(IPSET_CMD_CREATE, NLM_F_CREATE | NLM_F_EXCL, name);
	mnl_attr_put_strz(nlh, IPSET_ATTR_TYPENAME, set->type);
	mnl_attr_put_u8(nlh, IPSET_ATTR_REVISION, REVISION);
	mnl_attr_put_u8(nlh, IPSET_ATTR_FAMILY, (uint8_t)af(set));
	data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	put_number(nlh, IPSET_ATTR_TIMEOUT, DEFAULT_TIMEOUT);
	put_number(nlh, IPSET_ATTR_CADT_FLAGS, IPSET_FLAG_WITH_COMMENT);
	put_number(nlh, IPSET_ATTR_HASHSIZE, buckets);
	put_number(nlh, IPSET_ATTR_MAXELEM, config->max_grants);
	mnl_attr_nest_end(nlh, data);
	return (nlsock_run(NULL, NULL));
}

/* A set that is not there is destroyed already. */
static int
destroy(const char *name)
{
	nlsock_begin();
	(void)put_command(IPSET_CMD_DESTROY, 0, name);
	return (nlsock_run(NULL, NULL) == -1 && errno != ENOENT ? -1 : 0);
}

/*
 * The size of a set is fixed when it is made, and one that rules refer to
 * cannot be destroyed; so it is swapped for a new one with the same entries:
 * the rules follow.  One of a start that was interrupted goes first.
 */
static int
replace(struct set *set, backend_refill *refill)
{
	if (destroy(new_name) == -1 || create(set, new_name) == -1)
		return (-1);
	set->target = new_name;
	refill(1U << (set - sets));
	set->target = set->name;
	nlsock_begin();
	mnl_attr_put_strz(put_command(IPSET_CMD_SWAP, 0, set->name),
	    IPSET_ATTR_SETNAME2, new_name);
	return (nlsock_run(NULL, NULL) == -1 ? -1 : destroy(new_name));
}

/* A set of that name; what is in it stays. */
static int
make_set(struct set *set, backend_refill *refill)
{
	if (create(set, set->name) == 0)
		return (0);
	if (errno == EEXIST) {
		/* Others may have made it since it was looked at. */
		if (check_set(set) == -1)
			return (-1);
		if (!set->replace || replace(set, refill) == 0)
			return (0);
	}
	log_error("cannot make ipset %s: %s", set->name,
	    nlsock_strerror(errno));
	return (-1);
}

static void
on_index(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr = nlsock_attr(nlh, IPSET_ATTR_INDEX);
	int *index = arg;

	if (attr != NULL && mnl_attr_get_payload_len(attr) == 2)
		*index = ntohs(mnl_attr_get_u16(attr));
}

/* The number by which a rule knows the set, or -1 if there is none. */
static int
set_index(const struct set *set)
{
	int index = -1;

	nlsock_begin();
	(void)put_command(IPSET_CMD_GET_BYNAME, 0, set->name);
	return (nlsock_run(on_index, &index) == -1 ? -1 : index);
}

static int
ipset_prepare(uint8_t families, backend_refill *refill)
{
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++) {
		if ((families & sets[i].bit) == 0)
			continue;
		if (make_set(&sets[i], refill) == -1)
			return (-1);
		sets[i].index = set_index(&sets[i]);
		if (sets[i].index == -1) {
			log_error("ipset %s: the kernel does not tell its "
			    "index", sets[i].name);
			return (-1);
		}
	}
	nfrule_batch();
	for (i = 0; i < BACKEND_KINDS; i += 2) {
		if ((families & sets[i].bit) != 0)
			xtrules_put(config->chain, (uint8_t)af(&sets[i]),
			    (uint16_t)sets[i].index,
			    (uint16_t)sets[i + 1].index);
	}
	if (nfrule_commit() == 0)
		return (0);
	log_error("iptables: cannot put rules into chain %s: %s",
	    config->chain, nlsock_strerror(errno));
	return (-1);
}

static uint8_t
ipset_chains(void)
{
	return (xtrules_which(nfrule_is_regular, config->chain));
}

static int
ipset_effect(uint8_t families, uint8_t *reached, uint8_t *blocked)
{
	return (xtrules_effect(config->chain, families, reached, blocked));
}

/* State of ipset_list. */
struct lister {
	const struct set *set;
	backend_found	*found;
	void		*arg;
};

static void
take_address(const struct nlattr *nest, uint8_t family, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	(void)nlsock_copy(nlsock_nested(nest, family == ADDR_V4 ?
	    IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6), bytes,
	    addr_len(family));
}

static int
take_element(const struct nlattr *data, void *arg)
{
	const struct lister *l = arg;
	const struct nlattr *comment = nlsock_nested(data, IPSET_ATTR_COMMENT);
	struct msg_grant g = { .type = MSG_GRANT, .family = l->set->family,
	    .local = l->set->local };
	uint16_t port;

	take_address(nlsock_nested(data, IPSET_ATTR_IP), g.family,
	    g.local ? g.dst : g.client);
	if (!g.local)
		take_address(nlsock_nested(data, IPSET_ATTR_IP2), g.family,
		    g.dst);
	(void)nlsock_copy(nlsock_nested(data, IPSET_ATTR_PORT), &port, 2);
	g.port = ntohs(port);
	(void)nlsock_copy(nlsock_nested(data, IPSET_ATTR_PROTO), &g.proto, 1);
	if (comment != NULL)
		nlsock_label(mnl_attr_get_payload(comment),
		    mnl_attr_get_payload_len(comment), g.label);
	/* Rounded down, but for the last second, which reads as 1 too. */
	l->found(l->arg, &g, nlsock_u32(nlsock_nested(data,
	    IPSET_ATTR_TIMEOUT)) * 1000ULL);
	return (MNL_CB_OK);
}

static void
on_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *all = nlsock_attr(nlh, IPSET_ATTR_ADT);

	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_element, arg);
}

static int
ipset_list(uint8_t families, backend_found *found, void *arg)
{
	struct lister l = { .found = found, .arg = arg };
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++) {
		if ((families & sets[i].bit) == 0)
			continue;
		l.set = &sets[i];
		nlsock_begin();
		(void)put_command(IPSET_CMD_LIST, NLM_F_DUMP, sets[i].name);
		if (nlsock_run(on_elements, &l) == -1 && errno != ENOENT) {
			log_error("cannot list ipset %s: %s", sets[i].name,
			    nlsock_strerror(errno));
			return (-1);
		}
	}
	return (0);
}

static const struct set *
set_of(const struct msg_grant *g)
{
	return (&sets[backend_kind(g)]);
}

static void
put_address(struct nlmsghdr *nlh, uint16_t type, uint8_t family,
    const uint8_t bytes[16])
{
	struct nlattr *nest;

	nest = mnl_attr_nest_start(nlh, type);
	mnl_attr_put(nlh, NLA_F_NET_BYTEORDER | (family == ADDR_V4 ?
	    IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6),
	    addr_len(family), bytes);
	mnl_attr_nest_end(nlh, nest);
}

/*
 * Without NLM_F_EXCL: an element that is to be added and is there gets timeout
 * and comment; to delete one that is not there is no error.
 */
static void
put_element(enum ipset_cmd command, const struct msg_grant *g, uint64_t left)
{
	struct nlmsghdr *nlh;
	struct nlattr *data;

	nlh = put_command(command, 0, set_of(g)->target);
	data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	put_address(nlh, IPSET_ATTR_IP, g->family, g->local ?
	    g->dst : g->client);
	mnl_attr_put_u16(nlh, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER,
	    htons(g->port));
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTO, g->proto);
	if (!g->local)
		put_address(nlh, IPSET_ATTR_IP2, g->family, g->dst);
	if (command == IPSET_CMD_ADD) {
		put_number(nlh, IPSET_ATTR_TIMEOUT,
		    (uint32_t)((left + UNIT - 1) / UNIT));
		mnl_attr_put_strz(nlh, IPSET_ATTR_COMMENT, g->label);
	}
	mnl_attr_nest_end(nlh, data);
}

static void
put_all(enum ipset_cmd command, const struct backend_add *adds, size_t n)
{
	size_t i;

	nlsock_begin();
	for (i = 0; i < n; i++)
		put_element(command, adds[i].grant, adds[i].left);
}

static void
run(enum ipset_cmd command, struct backend_add *adds, size_t n)
{
	size_t i;

	put_all(command, adds, n);
	/* Each message stands for itself: the others are not held up. */
	(void)nlsock_run(NULL, NULL);
	for (i = 0; i < n; i++)
		adds[i].code = nlsock_result(set_of(adds[i].grant)->name,
		    nlsock_error(i));
}

static void
ipset_add(struct backend_add *adds, size_t n)
{
	run(IPSET_CMD_ADD, adds, n);
}

static void
ipset_remove(struct backend_add *removals, size_t n)
{
	run(IPSET_CMD_DEL, removals, n);
}

/* ipset sends no events: look at the sets, and for a sample of the entries. */
static bool
ipset_intact(uint8_t families, const struct backend_add *samples, size_t n)
{
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++) {
		if ((families & sets[i].bit) != 0 &&
		    set_index(&sets[i]) != sets[i].index)
			return (false);
	}
	put_all(IPSET_CMD_TEST, samples, n);
	return (n == 0 || nlsock_run(NULL, NULL) == 0);
}

const struct backend backend_ipset = {
	.open = ipset_open,
	.check = ipset_check,
	.is_missing = ipset_is_missing,
	.prepare = ipset_prepare,
	.chains = ipset_chains,
	.effect = ipset_effect,
	.list = ipset_list,
	.intact = ipset_intact,
	.add = ipset_add,
	.remove = ipset_remove
};
