/*
 * --firewall iptables (F1): four ipsets, and rules in the operator's chain
 * that match them.  The kernel's interface is linux/netfilter/ipset/ip_set.h;
 * its numbers are in network byte order, and flagged so.
 */
#include "backend.h"

#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/ipset/ip_set.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "effect.h"
#include "log.h"
#include "nlattr.h"
#include "watch.h"
#include "xtrules.h"

struct ipset {
	const char	*suffix;	/* of the name, after the chain's */
	const char	*type;
	uint8_t		family;		/* ADDR_V4 or ADDR_V6 */
	uint8_t		local;
	char		name[IPSET_MAXNAMELEN];
	int		index;		/* by which rules know it; -1: not yet */
};

static struct ipset ipsets[BACKEND_KINDS] = {
	{ "-ipv4-allow", "hash:ip,port,ip", ADDR_V4, 0, "", -1 },
	{ "-ipv4-allow-local", "hash:ip,port", ADDR_V4, 1, "", -1 },
	{ "-ipv6-allow", "hash:ip,port,ip", ADDR_V6, 0, "", -1 },
	{ "-ipv6-allow-local", "hash:ip,port", ADDR_V6, 1, "", -1 }
};

static const struct backend_config *ipset_config;
static struct effect_names ipset_names = { .table = XTRULES_TABLE,
    .families = { MSG_FAMILY_V4, MSG_FAMILY_V6 }, .whose = xtrules_whose };

static void
ipset_open(const struct backend_config *c)
{
	const struct watch_names names = { .family = NFPROTO_UNSPEC,
	    .table = XTRULES_TABLE, .chain = c->chain };
	size_t i;

	ipset_config = c;
	ipset_names.chain = c->chain;
	for (i = 0; i < BACKEND_KINDS; i++)
		snprintf(ipsets[i].name, sizeof(ipsets[i].name), "%s%s",
		    c->chain, ipsets[i].suffix);
	watch_open(&names);
}

static int
af(const struct ipset *set)
{
	return (set->family == ADDR_V4 ? AF_INET : AF_INET6);
}

/* What a set of that name is, if there is one. */
struct header {
	const struct ipset *set;
	bool		suits;
	uint32_t	size;
	uint32_t	elements;
	char		text[128];
};

static void
take_header(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *family = nlattr_get(nlh, IPSET_ATTR_FAMILY);
	const struct nlattr *type = nlattr_get(nlh, IPSET_ATTR_TYPENAME);
	const struct nlattr *data = nlattr_get(nlh, IPSET_ATTR_DATA);
	bool timeout, comment, evicts;
	struct header *h = arg;
	uint8_t number = 0;
	uint32_t flags;

	(void)nlattr_copy(family, &number, 1);
	timeout = nlattr_nested(data, IPSET_ATTR_TIMEOUT) != NULL;
	flags = nlattr_u32(nlattr_nested(data, IPSET_ATTR_CADT_FLAGS));
	comment = (flags & IPSET_FLAG_WITH_COMMENT) != 0;
	evicts = (flags & IPSET_FLAG_WITH_FORCEADD) != 0;
	h->size = nlattr_u32(nlattr_nested(data, IPSET_ATTR_MAXELEM));
	h->elements = nlattr_u32(nlattr_nested(data, IPSET_ATTR_ELEMENTS));
	h->suits = nlattr_is(type, h->set->type) && number == af(h->set) &&
	    timeout && comment && !evicts;
	snprintf(h->text, sizeof(h->text), "%.*s family %s%s%s%s",
	    type == NULL ? 0 : (int)mnl_attr_get_payload_len(type),
	    type == NULL ? "" : mnl_attr_get_str(type),
	    number == AF_INET ? "inet" : number == AF_INET6 ? "inet6" : "none",
	    timeout ? " timeout" : ", no timeout",
	    comment ? " comment" : ", no comment",
	    evicts ? " forceadd" : "");
}

/* Is the name free, or that of a set as ours?  Of another size: replace. */
static int
check_ipset(size_t kind, bool *replace)
{
	struct header h = { .set = &ipsets[kind], .suits = true,
	    .size = ipset_config->max_grants };

	if (list_whole(STAMP_HEAD, (uint8_t)kind, NULL, take_header, &h) ==
	    LIST_BROKEN) {
		log_error("ipset %s: %s", h.set->name, ask_strerror(errno));
		return (-1);
	}
	/* What has more entries than there may be now stays as it is (G9). */
	*replace = h.size != ipset_config->max_grants &&
	    h.elements <= ipset_config->max_grants;
	if (h.suits)
		return (0);
	log_error("ipset %s is %s, but must be %s family %s timeout comment; "
	    "remove it (ipset destroy %s), dnsfw makes it anew", h.set->name,
	    h.text, h.set->type, h.set->family == ADDR_V4 ? "inet" : "inet6",
	    h.set->name);
	return (-1);
}

static int
ipset_check(uint8_t *found)
{
	bool replace;
	size_t i;

	if (xtrules_check(ipset_config->chain, found) == -1)
		return (-1);
	for (i = 0; i < BACKEND_KINDS; i++) {
		if ((*found & backend_bit(i)) != 0 &&
		    check_ipset(i, &replace) == -1)
			return (-1);
	}
	return (0);
}

static bool
ipset_is_missing(void)
{
	uint8_t there, missing;

	return (xtrules_chains(&there, &missing) == 0 &&
	    missing == (MSG_FAMILY_V4 | MSG_FAMILY_V6));
}

static int
ipset_chains(uint8_t *there)
{
	uint8_t missing;

	return (xtrules_chains(there, &missing));
}

static void
take_index(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *attr = nlattr_get(nlh, IPSET_ATTR_INDEX);

	if (attr != NULL && mnl_attr_get_payload_len(attr) == 2)
		*(int *)arg = nlattr_u16(attr);
}

/* The number by which a rule knows the set, -1 if there is none; or -2. */
static int
index_of(size_t kind)
{
	int index = -1;

	return (list_whole(STAMP_INDEX, (uint8_t)kind, NULL, take_index,
	    &index) == LIST_BROKEN ? -2 : index);
}

static struct ask_result
make_one(enum stamps_id what, size_t kind)
{
	struct order_make order = { .what = (uint8_t)what,
	    .sub = (uint8_t)kind };

	return (ask_make(&order));
}

static bool
is_made(const struct ask_result *r)
{
	return (r->what == ASK_DONE && r->error == 0);
}

static enum backend_step
fail_making(size_t kind, const struct ask_result *r)
{
	log_error("cannot make ipset %s: %s", ipsets[kind].name, ask_text(r));
	return (r->what == ASK_UNKNOWN ? PREPARE_UNKNOWN : PREPARE_FAILED);
}

/* Steps of a preparation, for each kind. */
enum { CREATE, REPLACE, FILLED };

static enum backend_step
next_kind(struct backend_prepare *p)
{
	p->step = CREATE;
	p->kind++;
	return (PREPARE_MORE);
}

/* A set of that name; what is in it stays. */
static enum backend_step
create_ipset(struct backend_prepare *p)
{
	struct ask_result r = make_one(STAMP_CREATE, p->kind);
	bool replace;

	if (is_made(&r))
		return (next_kind(p));
	if (r.error != EEXIST)
		return (fail_making(p->kind, &r));
	/* Others may have made it since it was looked at. */
	if (check_ipset(p->kind, &replace) == -1)
		return (PREPARE_FAILED);
	if (!replace)
		return (next_kind(p));
	p->step = REPLACE;
	return (PREPARE_MORE);
}

/* A set that is not there is destroyed already. */
static struct ask_result
destroy_spare(size_t kind)
{
	struct ask_result r = make_one(STAMP_DESTROY_SPARE, kind);

	if (r.what == ASK_DONE && r.error == ENOENT)
		r.error = 0;
	return (r);
}

/*
 * The size of a set is fixed when it is made, and one that rules refer to
 * cannot be destroyed; so it is swapped for a new one with the same entries:
 * the rules follow.  One of a start that was interrupted goes first.
 */
static enum backend_step
begin_replacing(struct backend_prepare *p)
{
	struct ask_result r = destroy_spare(p->kind);

	if (is_made(&r))
		r = make_one(STAMP_CREATE_SPARE, p->kind);
	if (!is_made(&r))
		return (fail_making(p->kind, &r));
	p->step = FILLED;
	return (PREPARE_FILL);
}

static enum backend_step
end_replacing(struct backend_prepare *p)
{
	struct ask_result r = make_one(STAMP_SWAP, p->kind);

	if (is_made(&r))
		r = destroy_spare(p->kind);
	return (is_made(&r) ? next_kind(p) : fail_making(p->kind, &r));
}

/* The kinds of the families, a bit each. */
static uint8_t
kinds_of(uint8_t families)
{
	unsigned int kinds = 0, i;

	for (i = 0; i < BACKEND_KINDS; i++)
		kinds |= (families & backend_bit(i)) != 0 ? 1U << i : 0;
	return ((uint8_t)kinds);
}

static enum backend_step
make_rules(const struct backend_prepare *p)
{
	struct order_make order = { .what = STAMP_RULE,
	    .rules = kinds_of(p->families) };
	struct ask_result r;
	uint8_t i;

	for (i = 0; i < BACKEND_KINDS; i++) {
		if ((order.rules & 1U << i) == 0)
			continue;
		ipsets[i].index = index_of(i);
		if (ipsets[i].index < 0) {
			log_error("ipset %s: %s", ipsets[i].name,
			    ipsets[i].index == -2 ? ask_strerror(errno) :
			    "the kernel does not tell its index");
			return (ipsets[i].index == -2 ? PREPARE_UNKNOWN :
			    PREPARE_FAILED);
		}
	}
	r = ask_make(&order);
	if (is_made(&r))
		return (PREPARE_DONE);
	log_error("iptables: cannot put rules into chain %s: %s",
	    ipset_config->chain, ask_text(&r));
	return (r.what == ASK_UNKNOWN ? PREPARE_UNKNOWN : PREPARE_FAILED);
}

static enum backend_step
ipset_prepare(struct backend_prepare *p)
{
	while (p->kind < BACKEND_KINDS &&
	    (p->families & backend_bit(p->kind)) == 0)
		p->kind++;
	if (p->kind == BACKEND_KINDS)
		return (make_rules(p));
	switch (p->step) {
	case REPLACE:
		return (begin_replacing(p));
	case FILLED:
		return (end_replacing(p));
	default:
		return (create_ipset(p));
	}
}

static enum list_step
ipset_effect(struct backend_effect *e, unsigned int datagrams)
{
	return (effect_step(e, &ipset_names, datagrams));
}

/* State of one step of a listing. */
struct ipset_lister {
	const struct ipset *set;
	backend_found	*found;
	void		*arg;
};

static void
take_address(const struct nlattr *nest, uint8_t family, uint8_t bytes[16])
{
	memset(bytes, 0, 16);
	(void)nlattr_copy(nlattr_nested(nest, family == ADDR_V4 ?
	    IPSET_ATTR_IPADDR_IPV4 : IPSET_ATTR_IPADDR_IPV6), bytes,
	    addr_len(family));
}

static int
take_entry(const struct nlattr *data, void *arg)
{
	const struct ipset_lister *l = arg;
	const struct nlattr *comment = nlattr_nested(data, IPSET_ATTR_COMMENT);
	struct msg_grant g = { .type = MSG_GRANT, .family = l->set->family,
	    .local = l->set->local };

	take_address(nlattr_nested(data, IPSET_ATTR_IP), g.family,
	    g.local ? g.dst : g.client);
	if (!g.local)
		take_address(nlattr_nested(data, IPSET_ATTR_IP2), g.family,
		    g.dst);
	g.port = nlattr_u16(nlattr_nested(data, IPSET_ATTR_PORT));
	(void)nlattr_copy(nlattr_nested(data, IPSET_ATTR_PROTO), &g.proto, 1);
	if (comment != NULL)
		nlattr_label(mnl_attr_get_payload(comment),
		    mnl_attr_get_payload_len(comment), g.label);
	/* Rounded down, but for the last second, which reads as 1 too. */
	l->found(l->arg, &g, nlattr_u32(nlattr_nested(data,
	    IPSET_ATTR_TIMEOUT)) * 1000ULL);
	return (MNL_CB_OK);
}

static void
take_entries(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *all = nlattr_get(nlh, IPSET_ATTR_ADT);

	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_entry, arg);
}

static int
ipset_entries(size_t kind, struct list *l)
{
	return (list_begin(l, STAMP_ENTRIES, (uint8_t)kind, NULL));
}

static enum list_step
ipset_entries_step(size_t kind, struct list *l, unsigned int datagrams,
    backend_found *found, void *arg)
{
	struct ipset_lister lister = { .set = &ipsets[kind], .found = found,
	    .arg = arg };

	return (list_step(l, datagrams, take_entries, &lister));
}

static int
ipset_intact(uint8_t families)
{
	size_t i;
	int index;

	for (i = 0; i < BACKEND_KINDS; i++) {
		if ((families & backend_bit(i)) == 0)
			continue;
		index = index_of(i);
		if (index == -2)
			return (-1);
		if (index != ipsets[i].index)
			return (0);
	}
	return (1);
}

/* Each message stands for itself: the others are not held up. */
static void
ask_of_all(const struct backend_batch *b, enum order_type type,
    struct ask_result results[BACKEND_BATCH_MAX])
{
	struct order_grant orders[BACKEND_BATCH_MAX];
	size_t i;

	for (i = 0; i < b->n; i++) {
		backend_order(&b->adds[i], type, &orders[i]);
		orders[i].how &= (uint8_t)~ORDER_FRESH;	/* of nftables */
	}
	(void)ask_grants(orders, b->n, results);
}

static void
run_batch(struct backend_batch *b, enum order_type type)
{
	struct ask_result results[BACKEND_BATCH_MAX];
	size_t i;

	if (b->n == 0)
		return;
	ask_of_all(b, type, results);
	for (i = 0; i < b->n; i++)
		backend_judge(&b->adds[i], type == ORDER_DEL,
		    ipsets[backend_kind(b->adds[i].grant)].name, &results[i]);
}

static void
ipset_add(struct backend_batch *b)
{
	run_batch(b, ORDER_ADD);
}

static void
ipset_remove(struct backend_batch *b)
{
	run_batch(b, ORDER_DEL);
}

static void
ipset_test(struct backend_batch *b)
{
	struct ask_result results[BACKEND_BATCH_MAX];
	size_t i;

	if (b->n == 0)
		return;
	ask_of_all(b, ORDER_TEST, results);
	for (i = 0; i < b->n; i++)
		backend_judge_test(&b->adds[i], IPSET_ERR_EXIST, &results[i]);
}

const struct backend backend_ipset = {
	.open = ipset_open,
	.check = ipset_check,
	.is_missing = ipset_is_missing,
	.chains = ipset_chains,
	.prepare = ipset_prepare,
	.effect = ipset_effect,
	.effect_drop = effect_drop,
	.entries = ipset_entries,
	.entries_step = ipset_entries_step,
	.intact = ipset_intact,
	.add = ipset_add,
	.remove = ipset_remove,
	.test = ipset_test
};
