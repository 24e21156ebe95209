/*
 * The elements of nftables' sets.  Numbers are in network byte order.
 */
#include "nftelem.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <libnftnl/set.h>

#include "log.h"
#include "nfrule.h"

#define KEY_MAX		40	/* bytes: IPv6, proto, port, IPv6 */
#define RECORD_COMMENT	0	/* of nft's user data for an element */

#define TYPE_FLOW(t)	(NFTSET_PROTO << 12 | NFTSET_SERVICE << 6 | (t))
#define TYPE_GRANT(t)	((t) << 18 | TYPE_FLOW(t))

/* Attempts at one batch; each leaves out what failed in the one before. */
#define ROUNDS_MAX	5

struct nftset nftelem_sets[BACKEND_KINDS] = {
	{ "_ipv4_allow", ADDR_V4, MSG_FAMILY_V4, 0,
	    TYPE_GRANT(NFTSET_IPV4), 16, "" },
	{ "_ipv4_allow_local", ADDR_V4, MSG_FAMILY_V4, 1,
	    TYPE_FLOW(NFTSET_IPV4), 12, "" },
	{ "_ipv6_allow", ADDR_V6, MSG_FAMILY_V6, 0,
	    TYPE_GRANT(NFTSET_IPV6), 40, "" },
	{ "_ipv6_allow_local", ADDR_V6, MSG_FAMILY_V6, 1,
	    TYPE_FLOW(NFTSET_IPV6), 24, "" }
};

static const struct backend_config *config;

/* State of nftelem_list. */
struct lister {
	const struct nftset *set;
	backend_found	*found;
	void		*arg;
	bool		 odd;	/* there was what libnftnl does not know */
};

void
nftelem_open(const struct backend_config *c)
{
	size_t i;

	config = c;
	for (i = 0; i < BACKEND_KINDS; i++)
		snprintf(nftelem_sets[i].name, sizeof(nftelem_sets[i].name),
		    "%s%s", c->chain, nftelem_sets[i].suffix);
}

/* A message about elements of the set of that name in our table. */
static struct nlmsghdr *
put_message(uint16_t type, uint16_t flags, const char *name)
{
	struct nlmsghdr *nlh;

	nlh = nfrule_message(type, flags, config->table_family);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, config->table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, name);
	return (nlh);
}

/* The inverse of make_key. */
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
			nlsock_label((const char *)record + 2, record[1],
			    label);
		left -= 2U + record[1];
		record += 2U + record[1];
	}
}

static int
take_element(struct nftnl_set_elem *e, void *arg)
{
	const struct lister *l = arg;
	struct msg_grant g = { .type = MSG_GRANT };
	uint64_t ms = 0;	/* no EXPIRATION: for ever */
	const void *data;
	uint32_t len;

	data = nftnl_set_elem_get(e, NFTNL_SET_ELEM_KEY, &len);
	if (data == NULL || len != l->set->key_len)
		return (0);
	take_key(l->set, data, &g);
	data = nftnl_set_elem_get(e, NFTNL_SET_ELEM_USERDATA, &len);
	if (data != NULL)
		take_comment(data, len, g.label);
	if (nftnl_set_elem_is_set(e, NFTNL_SET_ELEM_EXPIRATION))
		ms = nftnl_set_elem_get_u64(e, NFTNL_SET_ELEM_EXPIRATION);
	l->found(l->arg, &g, ms);
	return (0);
}

static void
on_elements(const struct nlmsghdr *nlh, void *arg)
{
	struct nftnl_set *s = nfrule_need(nftnl_set_alloc());
	struct lister *l = arg;

	if (nftnl_set_elems_nlmsg_parse(nlh, s) == -1)
		l->odd = true;
	nftnl_set_elem_foreach(s, take_element, l);
	nftnl_set_free(s);
}

static int
list_set(struct lister *l)
{
	nlsock_begin();
	(void)put_message(NFT_MSG_GETSETELEM, NLM_F_DUMP, l->set->name);
	if (nlsock_list(on_elements, l) == -1)
		return (errno == ENOENT ? 0 : -1);
	errno = EOPNOTSUPP;
	return (l->odd ? -1 : 0);
}

int
nftelem_list(uint8_t wanted, backend_found *found, void *arg)
{
	struct lister l = { .found = found, .arg = arg };
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++) {
		l.set = &nftelem_sets[i];
		if ((wanted & nftelem_sets[i].bit) != 0 && list_set(&l) == -1) {
			log_error("cannot list set %s: %s", nftelem_sets[i].name,
			    nlsock_strerror(errno));
			return (-1);
		}
	}
	return (0);
}

/* Every field is padded with zeros to four bytes.  Returns the length. */
static uint32_t
make_key(const struct msg_grant *g, uint8_t key[KEY_MAX])
{
	size_t len = addr_len(g->family), pos = 0;

	memset(key, 0, KEY_MAX);
	if (!g->local) {
		memcpy(key, g->client, len);
		pos = len;
	}
	key[pos] = g->proto;
	key[pos + 4] = (uint8_t)(g->port >> 8);
	key[pos + 5] = (uint8_t)g->port;
	memcpy(key + pos + 8, g->dst, len);
	return ((uint32_t)(pos + 8 + len));
}

/*
 * NFT_MSG_NEWSETELEM or _DELSETELEM for one grant.  One object serves for all,
 * as this is done more often than anything else; only a comment is allocated.
 */
static void
put_element(uint16_t type, uint16_t flags, const struct backend_add *add)
{
	static struct nftnl_set_elem *e;
	uint8_t key[KEY_MAX], comment[NFRULE_COMMENT_MAX];
	const struct msg_grant *g = add->grant;
	struct nlattr *list, *element;
	struct nlmsghdr *nlh;

	if (e == NULL)
		e = nfrule_need(nftnl_set_elem_alloc());
	nftnl_set_elem_unset(e, NFTNL_SET_ELEM_TIMEOUT);
	nftnl_set_elem_unset(e, NFTNL_SET_ELEM_USERDATA);
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, make_key(g, key));
	if (type == NFT_MSG_NEWSETELEM)
		nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT,
		    (add->left + NFTSET_UNIT - 1) / NFTSET_UNIT);
	if (type == NFT_MSG_NEWSETELEM && g->label[0] != '\0')
		nftnl_set_elem_set(e, NFTNL_SET_ELEM_USERDATA, comment,
		    nfrule_comment(comment, RECORD_COMMENT, g->label));
	nlh = put_message(type, flags, nftelem_sets[backend_kind(g)].name);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nftnl_set_elem_nlmsg_build_payload(nlh, e);
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
}

/*
 * Three messages give an element its timeout and comment, whether it is there
 * or not, on every kernel: before 6.12 adding does not touch one that is there,
 * and deleting one that is not there is an error.  The batch is atomic, so no
 * packet sees the element missing.  One is enough for what is not there.
 * Returns how many.
 */
static size_t
put_add(const struct backend_add *add)
{
	if (!add->is_new) {
		put_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, add);
		put_element(NFT_MSG_DELSETELEM, 0, add);
	}
	put_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, add);
	return (add->is_new ? 1 : 3);
}

/* Two, that it is no error if the element is not there. */
static size_t
put_removal(const struct backend_add *add)
{
	put_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, add);
	put_element(NFT_MSG_DELSETELEM, 0, add);
	return (2);
}

/* The first error among n messages, or 0. */
static int
first_error(size_t message, size_t n)
{
	int error = 0;

	while (n-- > 0 && error == 0)
		error = nlsock_error(message++);
	return (error);
}

static void
set_result(struct backend_add *add, int error)
{
	add->code = nlsock_result(nftelem_sets[backend_kind(add->grant)].name,
	    error);
}

/*
 * One batch.  Returns its error, or 0, and which grants are to be sent again:
 * what fails takes the others with it, and may have been wrong to be new.
 */
static int
try(size_t (*put)(const struct backend_add *),
    struct backend_add *left[BACKEND_BATCH_MAX], size_t *nleft)
{
	size_t sizes[BACKEND_BATCH_MAX], i, n = *nleft, message = 1;
	int error, failed;

	nfrule_batch();		/* its message 0 */
	for (i = 0; i < n; i++)
		sizes[i] = put(left[i]);
	failed = nfrule_commit() == -1 ? errno : 0;
	*nleft = 0;
	for (i = 0; i < n; message += sizes[i++]) {
		error = first_error(message, sizes[i]);
		if (error == EEXIST && left[i]->is_new) {
			left[i]->is_new = false;
			error = 0;
		}
		if (failed == 0 || error != 0)
			set_result(left[i], error);
		else
			left[(*nleft)++] = left[i];
	}
	return (failed);
}

static void
run(size_t (*put)(const struct backend_add *), struct backend_add *adds,
    size_t n)
{
	struct backend_add *left[BACKEND_BATCH_MAX];
	size_t i, nleft = n;
	int round, failed = 0;

	for (i = 0; i < n; i++)
		left[i] = &adds[i];
	for (round = 0; round < ROUNDS_MAX && nleft > 0; round++)
		failed = try(put, left, &nleft);
	for (i = 0; i < nleft; i++)
		set_result(left[i], failed);
}

void
nftelem_add(struct backend_add *adds, size_t n)
{
	run(put_add, adds, n);
}

void
nftelem_remove(struct backend_add *removals, size_t n)
{
	run(put_removal, removals, n);
}
