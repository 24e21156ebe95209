/*
 * The elements of nftables' sets.  Numbers are in network byte order.
 */
#include "nftelem.h"

#include <linux/netfilter/nf_tables.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nlattr.h"

#define RECORD_COMMENT	0	/* of nft's user data for an element */

#define TYPE_FLOW(t)	(NFTSET_PROTO << 12 | NFTSET_SERVICE << 6 | (t))
#define TYPE_GRANT(t)	((t) << 18 | TYPE_FLOW(t))

/* Attempts at one batch; each leaves out what failed in the one before. */
#define ROUNDS_MAX	5

struct nftset nftelem_sets[BACKEND_KINDS] = {
	{ "_ipv4_allow", ADDR_V4, 0, TYPE_GRANT(NFTSET_IPV4), 16, "" },
	{ "_ipv4_allow_local", ADDR_V4, 1, TYPE_FLOW(NFTSET_IPV4), 12, "" },
	{ "_ipv6_allow", ADDR_V6, 0, TYPE_GRANT(NFTSET_IPV6), 40, "" },
	{ "_ipv6_allow_local", ADDR_V6, 1, TYPE_FLOW(NFTSET_IPV6), 24, "" }
};

/* State of one step of a listing. */
struct nft_lister {
	const struct nftset *set;
	backend_found	*found;
	void		*arg;
};

void
nftelem_open(const char *chain)
{
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++)
		snprintf(nftelem_sets[i].name, sizeof(nftelem_sets[i].name),
		    "%s%s", chain, nftelem_sets[i].suffix);
}

/* Every field of the key is padded with zeros to four bytes. */
static void
take_key(const struct nftset *set, const uint8_t *key, struct msg_grant *g)
{
	size_t len = addr_len(set->family), pos = 0;

	g->family = set->family;
	g->local = set->local;
	if (!set->local) {
		memcpy(g->client, key, len);
		pos = len;
	}
	g->proto = key[pos];
	g->port = (uint16_t)(key[pos + 4] << 8 | key[pos + 5]);
	memcpy(g->dst, key + pos + 8, len);
}

/* The comment among the records of nft's user data, left bytes. */
static void
take_comment(const uint8_t *record, size_t left, char label[MSG_LABEL_SIZE])
{
	while (left >= 2 && record[1] <= left - 2) {
		if (record[0] == RECORD_COMMENT)
			nlattr_label((const char *)record + 2, record[1],
			    label);
		left -= 2U + record[1];
		record += 2U + record[1];
	}
}

/* What is left of the element's time; 0 for ever. */
static uint64_t
time_left(const struct nlattr *element)
{
	const struct nlattr *attr = nlattr_nested(element,
	    NFTA_SET_ELEM_EXPIRATION);
	uint64_t ms = nlattr_u64(attr);

	return (attr != NULL && ms == 0 ? 1 : ms);
}

static int
take_element(const struct nlattr *element, void *arg)
{
	const struct nft_lister *l = arg;
	struct msg_grant g = { .type = MSG_GRANT };
	const struct nlattr *attr;

	attr = nlattr_nested(nlattr_nested(element, NFTA_SET_ELEM_KEY),
	    NFTA_DATA_VALUE);
	if (attr == NULL || mnl_attr_get_payload_len(attr) != l->set->key_len)
		return (MNL_CB_OK);
	take_key(l->set, mnl_attr_get_payload(attr), &g);
	attr = nlattr_nested(element, NFTA_SET_ELEM_USERDATA);
	if (attr != NULL)
		take_comment(mnl_attr_get_payload(attr),
		    mnl_attr_get_payload_len(attr), g.label);
	l->found(l->arg, &g, time_left(element));
	return (MNL_CB_OK);
}

static void
take_elements(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *all = nlattr_get(nlh,
	    NFTA_SET_ELEM_LIST_ELEMENTS);

	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_element, arg);
}

int
nftelem_entries(size_t kind, struct list *l)
{
	return (list_begin(l, STAMP_ENTRIES, (uint8_t)kind, NULL));
}

enum list_step
nftelem_entries_step(size_t kind, struct list *l, unsigned int datagrams,
    backend_found *found, void *arg)
{
	struct nft_lister lister = { .set = &nftelem_sets[kind],
	    .found = found, .arg = arg };

	return (list_step(l, datagrams, take_elements, &lister));
}

static const char *
set_name(const struct backend_add *add)
{
	return (nftelem_sets[backend_kind(add->grant)].name);
}

/* What is still to be sent. */
struct attempt {
	struct backend_add *left[BACKEND_BATCH_MAX];
	size_t		n;
	struct ask_result whole;	/* of the latest batch */
};

/*
 * May one of a batch that failed be sent again without those that made it fail?
 * It may have been wrong that it is new.
 */
static bool
is_to_be_sent_again(struct backend_add *add, const struct ask_result *r)
{
	if (r->what != ASK_DONE)
		return (false);
	if (r->error == EEXIST && add->is_new) {
		add->is_new = false;
		return (true);
	}
	return (r->error == 0);
}

/* One batch, which the kernel does as a whole or not at all. */
static void
try_batch(struct attempt *a, enum order_type type)
{
	struct order_grant orders[BACKEND_BATCH_MAX];
	struct ask_result results[BACKEND_BATCH_MAX];
	size_t i, n = a->n;

	for (i = 0; i < n; i++)
		backend_order(a->left[i], type, &orders[i]);
	a->whole = ask_grants(orders, n, results);
	a->n = 0;
	for (i = 0; i < n; i++) {
		/* Of what is not known it says no error. */
		if (a->whole.error != 0 &&
		    is_to_be_sent_again(a->left[i], &results[i]))
			a->left[a->n++] = a->left[i];
		else
			backend_judge(a->left[i], type == ORDER_DEL,
			    set_name(a->left[i]), &results[i]);
	}
}

static void
run_attempts(struct backend_batch *b, enum order_type type)
{
	struct attempt a = { .n = b->n };
	size_t i;
	int round;

	for (i = 0; i < b->n; i++)
		a.left[i] = &b->adds[i];
	for (round = 0; round < ROUNDS_MAX && a.n > 0; round++)
		try_batch(&a, type);
	for (i = 0; i < a.n; i++)
		backend_judge(a.left[i], type == ORDER_DEL,
		    set_name(a.left[i]), &a.whole);
}

void
nftelem_add(struct backend_batch *b)
{
	run_attempts(b, ORDER_ADD);
}

void
nftelem_remove(struct backend_batch *b)
{
	run_attempts(b, ORDER_DEL);
}

void
nftelem_test(struct backend_batch *b)
{
	struct order_grant orders[BACKEND_BATCH_MAX];
	struct ask_result results[BACKEND_BATCH_MAX];
	size_t i;

	if (b->n == 0)
		return;
	for (i = 0; i < b->n; i++)
		backend_order(&b->adds[i], ORDER_TEST, &orders[i]);
	(void)ask_grants(orders, b->n, results);
	for (i = 0; i < b->n; i++)
		backend_judge_test(&b->adds[i], ENOENT, &results[i]);
}
