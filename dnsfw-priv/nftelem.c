/*
 * The elements of nftables' sets.  Numbers are in network byte order.
 */
#include "nftset.h"

#include <endian.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <errno.h>
#include <string.h>

#include "log.h"
#include "nfrule.h"

#define KEY_MAX		40	/* bytes: IPv6, proto, port, IPv6 */
#define RECORD_COMMENT	0	/* of nft's user data for an element */

/* Attempts at one batch; each leaves out what failed in the one before. */
#define ROUNDS_MAX	4

/* State of nftelem_list. */
struct lister {
	const struct nftset *set;
	backend_found	*found;
	void		*arg;
};

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

/* The comment among the records of nft's user data. */
static void
take_comment(const struct nlattr *user, char label[MSG_LABEL_SIZE])
{
	const uint8_t *record = mnl_attr_get_payload(user);
	size_t left = mnl_attr_get_payload_len(user);

	while (left >= 2 && record[1] <= left - 2) {
		if (record[0] == RECORD_COMMENT)
			nlsock_label((const char *)record + 2, record[1],
			    label);
		left -= 2U + record[1];
		record += 2U + record[1];
	}
}

static void
take_element(const struct nlattr *element, void *arg)
{
	const struct lister *l = arg;
	const struct nlattr *user = nlsock_nested(element,
	    NFTA_SET_ELEM_USERDATA);
	struct msg_grant g = { .type = MSG_GRANT };
	uint8_t key[KEY_MAX];
	uint64_t left;

	if (!nlsock_copy(nlsock_nested(nlsock_nested(element,
	    NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE), key, l->set->key_len))
		return;
	take_key(l->set, key, &g);
	if (user != NULL)
		take_comment(user, g.label);
	/* Not there: for ever. */
	(void)nlsock_copy(nlsock_nested(element, NFTA_SET_ELEM_EXPIRATION),
	    &left, sizeof(left));
	l->found(l->arg, &g, be64toh(left));
}

static void
on_elements(const struct nlmsghdr *nlh, void *arg)
{
	nlsock_each(nlsock_attr(nlh, NFTA_SET_ELEM_LIST_ELEMENTS),
	    take_element, arg);
}

static int
list_set(const struct lister *l)
{
	int i, rc = -1;

	/* The table may change while it is listed. */
	for (i = 0; i < NFTSET_LISTINGS && rc == -1; i++) {
		nlsock_begin();
		(void)nftset_message(NFT_MSG_GETSETELEM, NLM_F_DUMP, l->set->name);
		rc = nlsock_run(on_elements, (void *)(uintptr_t)l);
		if (rc == -1 && errno != EINTR)
			return (errno == ENOENT ? 0 : -1);
	}
	return (rc);
}

int
nftelem_list(uint8_t wanted, backend_found *found, void *arg)
{
	struct lister l = { .found = found, .arg = arg };
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++) {
		l.set = &nftset_sets[i];
		if ((wanted & nftset_sets[i].bit) != 0 && list_set(&l) == -1) {
			log_error("cannot list set %s: %s", nftset_sets[i].name,
			    nlsock_strerror(errno));
			return (-1);
		}
	}
	return (0);
}

static const struct nftset *
set_of(const struct msg_grant *g)
{
	return (&nftset_sets[(g->family == ADDR_V4 ? 0 : NFTSET_V6) +
	    (g->local ? NFTSET_LOCAL : 0)]);
}

/* Every field is padded with zeros to four bytes.  Returns the length. */
static size_t
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
	return (pos + 8 + len);
}

/* NFT_MSG_NEWSETELEM or _DELSETELEM for one grant. */
static void
put_element(uint16_t type, uint16_t flags, const struct backend_add *add)
{
	const struct msg_grant *g = add->grant;
	uint8_t key[KEY_MAX], comment[NFRULE_COMMENT_MAX];
	struct nlattr *list, *element, *nest;
	struct nlmsghdr *nlh;

	nlh = nftset_message(type, flags, set_of(g)->name);
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, make_key(g, key), key);
	mnl_attr_nest_end(nlh, nest);
	if (type == NFT_MSG_NEWSETELEM) {
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT,
		    htobe64(add->timeout * 1000ULL));
		if (g->label[0] != '\0')
			mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA,
			    nfrule_comment(comment, RECORD_COMMENT, g->label),
			    comment);
	}
	mnl_attr_nest_end(nlh, element);
	mnl_attr_nest_end(nlh, list);
}

/*
 * Three messages give an element its timeout and comment, whether it is there
 * or not, on every kernel: before 6.12 adding does not touch one that is there,
 * and deleting one that is not there is an error.  The batch is atomic, so no
 * packet sees the element missing.
 */
#define MESSAGES_PER_ADD 3

static void
put_add(const struct backend_add *add)
{
	put_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, add);
	put_element(NFT_MSG_DELSETELEM, 0, add);
	put_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, add);
}

/* Two, that it is no error if the element is not there. */
#define MESSAGES_PER_REMOVAL 2

static void
put_removal(const struct backend_add *add)
{
	put_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, add);
	put_element(NFT_MSG_DELSETELEM, 0, add);
}

/* The error of the i-th grant's messages, of which each has size; or 0. */
static int
grant_error(size_t i, size_t size)
{
	size_t j, first = 1 + size * i;		/* 0 begins the batch */
	int error = 0;

	for (j = 0; j < size && error == 0; j++)
		error = nlsock_error(first + j);
	return (error);
}

static void
set_result(struct backend_add *add, int error)
{
	add->code = nlsock_result(set_of(add->grant)->name, error);
}

static void
run(void (*put)(const struct backend_add *), size_t size,
    struct backend_add *adds, size_t n)
{
	struct backend_add *left[BACKEND_BATCH_MAX];
	size_t i, kept, nleft = 0;
	int error, round, failed = 0;

	for (i = 0; i < n; i++)
		left[nleft++] = &adds[i];
	/* What fails takes the batch with it: the others are sent again. */
	for (round = 0; round < ROUNDS_MAX && nleft > 0; round++) {
		nfrule_batch();
		for (i = 0; i < nleft; i++)
			put(left[i]);
		failed = nfrule_commit() == -1 ? errno : 0;
		kept = 0;
		for (i = 0; i < nleft; i++) {
			error = grant_error(i, size);
			if (failed == 0 || error != 0)
				set_result(left[i], error);
			else
				left[kept++] = left[i];
		}
		nleft = kept;
	}
	for (i = 0; i < nleft; i++)
		set_result(left[i], failed);
}

static void
put_new(const struct backend_add *add)
{
	put_element(NFT_MSG_NEWSETELEM, NLM_F_CREATE, add);
}

void
nftelem_add(struct backend_add *adds, size_t n)
{
	size_t i;

	for (i = 0; i < n && adds[i].is_new; i++)
		;
	if (i == n)
		run(put_new, 1, adds, n);
	else
		run(put_add, MESSAGES_PER_ADD, adds, n);
}

void
nftelem_remove(struct backend_add *removals, size_t n)
{
	run(put_removal, MESSAGES_PER_REMOVAL, removals, n);
}
