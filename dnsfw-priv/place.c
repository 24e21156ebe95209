/*
 * Our rules among others.  Messages are read by attributes, as libnftnl gives up
 * a rule that has something new to it.
 */
#include "place.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include <endian.h>
#include <errno.h>

#include "nfrule.h"

#define RUNS_MAX	5	/* of a listing while the chain changes */
#define BOTH		(MSG_FAMILY_V4 | MSG_FAMILY_V6)

/* What a rule does; its conditions but for those on the protocols. */
struct meaning {
	bool		decides;	/* it has a verdict for what it matches */
	bool		limited;	/* to some addresses, ports, states, ... */
	uint8_t		families;	/* MSG_FAMILY_*: it matches TCP of these */
	uint32_t	loaded;		/* enum nft_meta_keys, last read */
};

/* State of one listing. */
struct walk {
	struct place	*place;
	bool		(*is_own)(const struct nlmsghdr *);
	uint8_t		 all;		/* families of the table */
	uint8_t		 ended;		/* those for whose TCP the chain ended */
	uint64_t	 tail;		/* where the run of such rules began */
	bool		 tail_decides;
};

static void
take_verdict(const struct nlattr *verdict, struct meaning *m)
{
	int32_t code = (int32_t)nlsock_u32(nlsock_nested(verdict,
	    NFTA_VERDICT_CODE));

	if (verdict == NULL || code == NFT_CONTINUE)
		return;
	m->decides = true;
	/* It may come back. */
	m->limited |= code == NFT_JUMP;
}

/* Of the values that a packet has, only the protocols' numbers are told apart. */
static void
take_comparison(const struct nlattr *data, struct meaning *m)
{
	uint8_t value;

	if (!nlsock_copy(nlsock_nested(nlsock_nested(data, NFTA_CMP_DATA),
	    NFTA_DATA_VALUE), &value, 1) ||
	    nlsock_u32(nlsock_nested(data, NFTA_CMP_OP)) != NFT_CMP_EQ)
		m->limited = true;
	else if (m->loaded == NFT_META_L4PROTO)
		m->families &= value == IPPROTO_TCP ? BOTH : 0;
	else if (m->loaded == NFT_META_NFPROTO)
		m->families &= value == NFPROTO_IPV4 ? MSG_FAMILY_V4 :
		    MSG_FAMILY_V6;
	else
		m->limited = true;
}

static int
take_expr(const struct nlattr *expr, void *arg)
{
	const struct nlattr *name = nlsock_nested(expr, NFTA_EXPR_NAME);
	const struct nlattr *data = nlsock_nested(expr, NFTA_EXPR_DATA);
	const struct nlattr *target = nlsock_nested(data, NFTA_TARGET_NAME);
	struct meaning *m = arg;

	if (nlsock_is(name, "immediate"))
		take_verdict(nlsock_nested(nlsock_nested(data,
		    NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT), m);
	else if (nlsock_is(name, "reject") || nlsock_is(name, "queue"))
		m->decides = true;
	else if (nlsock_is(name, "target"))
		m->decides |= nlsock_is(target, "REJECT") ||
		    nlsock_is(target, "NFQUEUE");
	else if (nlsock_is(name, "meta"))
		m->loaded = nlsock_u32(nlsock_nested(data, NFTA_META_KEY));
	else if (nlsock_is(name, "cmp"))
		take_comparison(data, m);
	else if (!nlsock_is(name, "counter") && !nlsock_is(name, "log"))
		m->limited = true;
	/* A verdict map. */
	if (nlsock_is(name, "lookup") &&
	    nlsock_nested(data, NFTA_LOOKUP_DREG) != NULL)
		m->decides = true;
	return (MNL_CB_OK);
}

/*
 * The rules at a chain's end that are about everything, or a whole protocol, or
 * decide nothing, belong together: "log", "tcp: reject with a reset", "reject".
 */
static void
note_other(struct walk *w, const struct nlmsghdr *nlh, uint64_t handle)
{
	const struct nlattr *all = nlsock_attr(nlh, NFTA_RULE_EXPRESSIONS);
	struct meaning m = { .families = w->all, .loaded = UINT32_MAX };

	/* Behind the end there is nothing. */
	if (w->ended == w->all)
		return;
	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_expr, &m);
	if (m.decides && m.limited) {
		w->tail = 0;
		w->tail_decides = false;
		return;
	}
	if (w->tail == 0)
		w->tail = handle;
	if (m.decides) {
		w->tail_decides = true;
		w->ended |= m.families;
	}
}

static void
on_rule(const struct nlmsghdr *nlh, void *arg)
{
	struct walk *w = arg;
	struct place *p = w->place;
	uint64_t handle;

	(void)nlsock_copy(nlsock_attr(nlh, NFTA_RULE_HANDLE), &handle,
	    sizeof(handle));
	handle = be64toh(handle);
	if (!w->is_own(nlh)) {
		note_other(w, nlh, handle);
		return;
	}
	p->blocked = w->ended;
	if (p->nown < PLACE_OWN_MAX)
		p->own[p->nown++] = handle;
}

int
place_look(uint8_t family, const char *table, const char *chain,
    bool (*is_own)(const struct nlmsghdr *), struct place *p)
{
	struct walk w;
	int i, rc = -1;

	for (i = 0; i < RUNS_MAX && rc == -1; i++) {
		*p = (struct place){ .nown = 0 };
		w = (struct walk){ .place = p, .is_own = is_own,
		    .all = family == NFPROTO_IPV4 ? MSG_FAMILY_V4 :
		    family == NFPROTO_IPV6 ? MSG_FAMILY_V6 : BOTH };
		nfrule_ask(family, table, chain);
		rc = nlsock_run(on_rule, &w);
		if (rc == -1 && errno != EINTR)
			break;
	}
	p->before = p->nown > 0 ? p->own[0] : w.tail_decides ? w.tail : 0;
	return (rc);
}
