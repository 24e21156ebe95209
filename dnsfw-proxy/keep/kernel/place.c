/*
 * Our rules among others.  Messages are read by attributes, as libnftnl gives up
 * a rule that has something new to it.
 */
#include "place.h"

#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "msg.h"
#include "nlattr.h"

#define BOTH		(MSG_FAMILY_V4 | MSG_FAMILY_V6)

/* What a rule does; its conditions but for those on the protocols. */
struct meaning {
	bool		decides;	/* it has a verdict for what it matches */
	bool		limited;	/* to some addresses, ports, states, ... */
	uint8_t		families;	/* MSG_FAMILY_*: it matches TCP of these */
	uint32_t	loaded;		/* enum nft_meta_keys, last read */
};

static void
take_verdict(const struct nlattr *verdict, struct meaning *m)
{
	int32_t code = (int32_t)nlattr_u32(nlattr_nested(verdict,
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

	if (!nlattr_copy(nlattr_nested(nlattr_nested(data, NFTA_CMP_DATA),
	    NFTA_DATA_VALUE), &value, 1) ||
	    nlattr_u32(nlattr_nested(data, NFTA_CMP_OP)) != NFT_CMP_EQ)
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
take_condition(const struct nlattr *expr, void *arg)
{
	const struct nlattr *name = nlattr_nested(expr, NFTA_EXPR_NAME);
	const struct nlattr *data = nlattr_nested(expr, NFTA_EXPR_DATA);
	const struct nlattr *target = nlattr_nested(data, NFTA_TARGET_NAME);
	struct meaning *m = arg;

	if (nlattr_is(name, "immediate"))
		take_verdict(nlattr_nested(nlattr_nested(data,
		    NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT), m);
	else if (nlattr_is(name, "reject") || nlattr_is(name, "queue"))
		m->decides = true;
	else if (nlattr_is(name, "target"))
		m->decides |= nlattr_is(target, "REJECT") ||
		    nlattr_is(target, "NFQUEUE");
	else if (nlattr_is(name, "meta"))
		m->loaded = nlattr_u32(nlattr_nested(data, NFTA_META_KEY));
	else if (nlattr_is(name, "cmp"))
		take_comparison(data, m);
	else if (!nlattr_is(name, "counter") && !nlattr_is(name, "log"))
		m->limited = true;
	/* A verdict map. */
	if (nlattr_is(name, "lookup") &&
	    nlattr_nested(data, NFTA_LOOKUP_DREG) != NULL)
		m->decides = true;
	return (MNL_CB_OK);
}

/*
 * The rules at a chain's end that are about everything, or a whole protocol, or
 * decide nothing, belong together: "log", "tcp: reject with a reset", "reject".
 */
static void
note_other(struct place *p, const struct nlmsghdr *nlh, uint64_t handle)
{
	const struct nlattr *all = nlattr_get(nlh, NFTA_RULE_EXPRESSIONS);
	struct meaning m = { .families = p->all, .loaded = UINT32_MAX };

	/* Behind the end there is nothing. */
	if (p->ended == p->all)
		return;
	if (all != NULL)
		(void)mnl_attr_parse_nested(all, take_condition, &m);
	if (m.decides && m.limited) {
		p->tail = 0;
		p->tail_decides = false;
		return;
	}
	if (p->tail == 0)
		p->tail = handle;
	if (m.decides) {
		p->tail_decides = true;
		p->ended |= m.families;
	}
}

void
place_take(const struct nlmsghdr *nlh, void *arg)
{
	uint64_t handle = nlattr_u64(nlattr_get(nlh, NFTA_RULE_HANDLE));
	struct place *p = arg;
	unsigned int whose = p->whose(nlh);

	if (whose == PLACE_OTHER) {
		note_other(p, nlh, handle);
		return;
	}
	p->blocked = p->ended;
	if (!p->ours)
		p->before = handle;
	p->ours = true;
	if (whose < PLACE_OURS)
		p->kinds |= (uint8_t)(1U << whose);
}

void
place_begin(struct place *p, uint8_t families,
    unsigned int (*whose)(const struct nlmsghdr *))
{
	*p = (struct place){ .all = families, .whose = whose };
}

void
place_end(struct place *p)
{
	if (!p->ours)
		p->before = p->tail_decides ? p->tail : 0;
}
