/* Sets, rules, and what is listed, made and read. */
#include "batches_rig.h"

/* The sets of ipset as a preparation finds and leaves them: their sizes. */
static uint32_t sizes[BACKEND_KINDS];	/* 0: there is none */
static uint32_t elements;		/* of each */
static uint32_t spare;
static unsigned int makes, rules;
static unsigned int fail_at = UINT32_MAX, lose_at = UINT32_MAX;

static int
make_ipset(const struct order_make *m)
{
	uint32_t size;

	rig.lose = makes == lose_at;
	if (makes++ == fail_at)
		return (EINVAL);
	switch (m->what) {
	case STAMP_CREATE:
		if (sizes[m->sub] != 0)
			return (EEXIST);
		sizes[m->sub] = config.max_grants;
		return (0);
	case STAMP_CREATE_SPARE:
		if (spare != 0)
			return (EEXIST);
		spare = config.max_grants;
		return (0);
	case STAMP_DESTROY_SPARE:
		size = spare;
		spare = 0;
		return (size == 0 ? ENOENT : 0);
	case STAMP_SWAP:
		size = sizes[m->sub];
		sizes[m->sub] = spare;
		spare = size;
		return (0);
	default:
		rules++;
		return (0);
	}
}

static void
put_number(struct nlmsghdr *nlh, uint16_t type, uint32_t value)
{
	mnl_attr_put_u32(nlh, type | NLA_F_NET_BYTEORDER, htonl(value));
}

static void
read_ipset(const struct order_read *r)
{
	static const char *const types[] = { "hash:ip,port,ip",
	    "hash:ip,port" };
	uint8_t buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = rig_message(buf, KEEP_FD_LIST, r->seq,
	    NFNL_SUBSYS_IPSET, IPSET_CMD_LIST);
	struct nlattr *data;

	if (sizes[r->sub] == 0) {
		rig_done(KEEP_FD_LIST, r->seq, ENOENT);
		return;
	}
	if (r->what == STAMP_INDEX)
		mnl_attr_put_u16(nlh, IPSET_ATTR_INDEX | NLA_F_NET_BYTEORDER,
		    htons(r->sub));
	else {
		mnl_attr_put_strz(nlh, IPSET_ATTR_TYPENAME, types[r->sub & 1]);
		mnl_attr_put_u8(nlh, IPSET_ATTR_FAMILY, r->sub < 2 ? AF_INET :
		    AF_INET6);
		data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
		put_number(nlh, IPSET_ATTR_TIMEOUT, 60);
		put_number(nlh, IPSET_ATTR_CADT_FLAGS,
		    IPSET_FLAG_WITH_COMMENT);
		put_number(nlh, IPSET_ATTR_MAXELEM, sizes[r->sub]);
		put_number(nlh, IPSET_ATTR_ELEMENTS, elements);
		mnl_attr_nest_end(nlh, data);
	}
	rig_put(KEEP_FD_LIST, buf, nlh->nlmsg_len);
	rig_answer(KEEP_FD_LIST, r->seq, 0);
}

static enum backend_step
prepare(unsigned int *fills)
{
	struct backend_prepare p = { .families = BOTH };
	enum backend_step step;

	*fills = 0;
	while ((step = b->prepare(&p)) <= PREPARE_FILL)
		*fills += step == PREPARE_FILL;
	return (step);
}

static void
set_world(uint32_t second)
{
	memset(sizes, 0, sizeof(sizes));
	sizes[1] = second;
	spare = 7;
	makes = rules = 0;
	fail_at = lose_at = UINT32_MAX;
	rig.lose = false;
}

static void
expect_prepared(void)
{
	size_t i;

	for (i = 0; i < BACKEND_KINDS; i++)
		cr_expect_eq(sizes[i], config.max_grants);
	cr_expect_eq(rules, 1);
}

Test(xt, prepare)
{
	unsigned int fills;

	rig.on_make = make_ipset;
	rig.on_read = read_ipset;
	set_world(0);
	cr_expect_eq(prepare(&fills), PREPARE_DONE);
	cr_expect_eq(fills, 0);
	cr_expect_eq(makes, 5);
	expect_prepared();
	cr_expect_eq(spare, 7, "nobody's business");
	set_world(50);
	cr_expect_eq(prepare(&fills), PREPARE_DONE);
	cr_expect_eq(fills, 1);
	expect_prepared();
	cr_expect_eq(spare, 0);
	cr_expect_eq(b->intact(BOTH), 1);
	sizes[2] = 0;
	cr_expect_eq(b->intact(BOTH), 0);
	cr_expect_eq(b->intact(MSG_FAMILY_V4), 1);
	rig.silent = true;
	cr_expect_eq(b->intact(MSG_FAMILY_V4), -1);
}

/* G9: what has more entries than there may be now stays as it is. */
Test(xt, prepare_of_a_set_that_has_more)
{
	unsigned int fills;

	rig.on_make = make_ipset;
	rig.on_read = read_ipset;
	set_world(5000);
	elements = config.max_grants;
	cr_expect_eq(prepare(&fills), PREPARE_DONE);
	cr_expect_eq(fills, 1);
	set_world(5000);
	elements++;
	cr_expect_eq(prepare(&fills), PREPARE_DONE);
	cr_expect_eq(fills, 0);
	cr_expect_eq(sizes[1], 5000);
}

/* Whichever step fails, or is not answered: the next attempt does it. */
Test(xt, prepare_again_after_any_failure)
{
	unsigned int fills, k, n;

	rig.on_make = make_ipset;
	rig.on_read = read_ipset;
	set_world(50);
	(void)prepare(&fills);
	n = makes;
	cr_assert_eq(n, 9);
	for (k = 0; k < n; k++) {
		set_world(50);
		fail_at = k;
		cr_expect_eq(prepare(&fills), PREPARE_FAILED, "%u", k);
		fail_at = UINT32_MAX;
		rules = 0;
		cr_expect_eq(prepare(&fills), PREPARE_DONE, "%u", k);
		expect_prepared();

		set_world(50);
		lose_at = k;
		cr_expect_eq(prepare(&fills), PREPARE_UNKNOWN, "%u", k);
		lose_at = UINT32_MAX;
		rig.lose = false;
		rules = 0;
		cr_expect_eq(prepare(&fills), PREPARE_DONE, "%u", k);
		expect_prepared();
	}
}

Test(xt, prepare_of_one_family)
{
	struct backend_prepare p = { .families = MSG_FAMILY_V6 };
	const struct order_make *m;

	rig.on_make = make_ipset;
	rig.on_read = read_ipset;
	set_world(0);
	while (b->prepare(&p) == PREPARE_MORE)
		;
	cr_expect(sizes[0] == 0 && sizes[1] == 0 && sizes[2] != 0 &&
	    sizes[3] != 0);
	m = (const void *)rig_last()->bytes;
	cr_expect_eq(m->rules, 0xc);
	cr_expect_eq(m->sets, 0);
}

Test(xt, silence_of_a_listing_is_not_an_intact_set)
{
	rig.on_read = NULL;
	cr_expect_eq(b->intact(BOTH), -1);
}

/* Our rules in the chain of nftables, as handles and kinds; 9: a foreign drop. */
static const unsigned int *chain_rules;

static void
put_rule(uint32_t seq, uint64_t handle, unsigned int kind)
{
	static const char *const names[] = { "c_ipv4_allow",
	    "c_ipv4_allow_local", "c_ipv6_allow", "c_ipv6_allow_local" };
	uint8_t buf[512] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = rig_message(buf, KEEP_FD_LIST, seq,
	    NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE);
	struct nlattr *all, *expr, *data, *verdict, *code;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, "t");
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, "c");
	mnl_attr_put_u64(nlh, NFTA_RULE_HANDLE, htobe64(handle));
	all = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	expr = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, kind == 9 ? "immediate" :
	    "lookup");
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	if (kind < BACKEND_KINDS)
		mnl_attr_put_strz(nlh, NFTA_LOOKUP_SET, names[kind]);
	else {
		verdict = mnl_attr_nest_start(nlh, NFTA_IMMEDIATE_DATA);
		code = mnl_attr_nest_start(nlh, NFTA_DATA_VERDICT);
		mnl_attr_put_u32(nlh, NFTA_VERDICT_CODE, htonl(NF_DROP));
		mnl_attr_nest_end(nlh, code);
		mnl_attr_nest_end(nlh, verdict);
	}
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, expr);
	mnl_attr_nest_end(nlh, all);
	if (kind < BACKEND_KINDS)
		mnl_attr_put(nlh, NFTA_RULE_USERDATA, 16,
		    "\0\x0e" "dnsfw:managed");
	rig_put(KEEP_FD_LIST, buf, nlh->nlmsg_len);
}

static void
read_chain(const struct order_read *r)
{
	size_t i;

	for (i = 0; r->what == STAMP_RULES && chain_rules[i] != 0; i++)
		put_rule(r->seq, chain_rules[i] / 10, chain_rules[i] % 10);
	rig_done(KEEP_FD_LIST, r->seq, 0);
}

Test(nft, prepare)
{
	static const struct {
		unsigned int	chain[8];	/* handle * 10 + kind */
		uint8_t		rules;
		uint64_t	position;
	} cases[] = {
		{ { 0 }, 15, 0 },
		{ { 79 }, 15, 7 },
		{ { 50, 61, 72, 83, 99 }, 0, 0 },
		{ { 50, 61, 83, 99 }, 4, 5 },
		{ { 99, 53 }, 7, 5 },
	};
	struct backend_prepare p;
	const struct order_make *m;
	size_t i;

	rig.on_read = read_chain;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		chain_rules = cases[i].chain;
		p = (struct backend_prepare){ .families = BOTH };
		rig.nsent = 0;
		cr_expect_eq(b->prepare(&p), PREPARE_DONE);
		m = (const void *)rig.sent[1].bytes;
		cr_expect_eq(m->type, ORDER_MAKE);
		cr_expect_eq(m->sets, 15);
		cr_expect_eq(m->rules, cases[i].rules, "%zu: %u", i, m->rules);
		cr_expect_eq(m->position, cases[i].position);
	}
	rig.lose = true;
	cr_expect_eq(b->prepare(&p), PREPARE_UNKNOWN);
	rig.lose = false;
	rig.begin_error = EPERM;
	cr_expect_eq(b->prepare(&p), PREPARE_FAILED);
	rig.silent = true;
	cr_expect_eq(b->prepare(&p), PREPARE_UNKNOWN);
}

static enum list_step effect_ends = LIST_END;

static void
read_ways(const struct order_read *r)
{
	if (r->what == STAMP_RULES && effect_ends == LIST_NONE)
		rig_done(KEEP_FD_LIST, r->seq, ENOENT);
	else if (r->what == STAMP_TABLE_RULES && effect_ends == LIST_CHANGED)
		rig_done(KEEP_FD_LIST, r->seq, EINTR);
	else if (r->what == STAMP_CHAINS && effect_ends == LIST_BROKEN)
		rig_done(KEEP_FD_LIST, r->seq, EPERM);
	else
		rig_done(KEEP_FD_LIST, r->seq, 0);
}

/* What goes meanwhile makes it begin again; what is not told is not known. */
static void
effect(void)
{
	static struct backend_effect e;
	enum list_step step;

	rig.on_read = read_ways;
	for (effect_ends = LIST_END; effect_ends <= LIST_BROKEN;
	    effect_ends++) {
		e = (struct backend_effect){ .families = BOTH };
		while ((step = b->effect(&e, 1)) == LIST_MORE)
			;
		cr_expect_eq(step, effect_ends == LIST_NONE ? LIST_CHANGED :
		    effect_ends, "%u", effect_ends);
		cr_expect_eq(e.reached, 0);
	}
}

Test(nft, effect)
{
	effect();
}

Test(xt, effect)
{
	effect();
}

/* What a listing found, of one kind. */
static struct msg_grant found[16];
static uint64_t found_ms[16];
static size_t nfound;

static void
note(void *arg, const struct msg_grant *g, uint64_t ms)
{
	(void)arg;
	cr_assert_lt(nfound, 16);
	found_ms[nfound] = ms;
	found[nfound++] = *g;
}

static void
list_kind(size_t kind)
{
	struct list l;

	nfound = 0;
	cr_assert_eq(b->entries(kind, &l), 0);
	cr_expect_eq(b->entries_step(kind, &l, 9, note, NULL), LIST_END);
}

/* expires: -1 for never. */
static void
put_element(struct nlmsghdr *nlh, size_t key_len, int64_t expires,
    const char *user, size_t user_len)
{
	static const uint8_t key[24] = { 10, 0, 0, 1, 17, 0, 0, 0, 0x12, 0x34,
	    0, 0, 192, 0, 2, 9 };
	struct nlattr *element, *nest;

	element = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	nest = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_KEY);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, key_len, key);
	mnl_attr_nest_end(nlh, nest);
	mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(9));
	if (expires != -1)
		mnl_attr_put_u64(nlh, NFTA_SET_ELEM_EXPIRATION,
		    htobe64((uint64_t)expires));
	if (user_len > 0)
		mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, user_len, user);
	mnl_attr_nest_end(nlh, element);
}

static void
read_elements(const struct order_read *r)
{
	uint8_t buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = rig_message(buf, KEEP_FD_LIST, r->seq,
	    NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWSETELEM);
	char full[2 + ORDER_LABEL_SIZE] = { 0, (char)ORDER_LABEL_SIZE };
	struct nlattr *all;

	cr_expect_eq(r->what, STAMP_ENTRIES);
	cr_expect_eq(r->sub, 0);
	memset(full + 2, 'x', ORDER_LABEL_SIZE - 1);
	all = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	put_element(nlh, 16, 1234567890123, "\0\2a", 4);
	put_element(nlh, 16, -1, "", 0);
	put_element(nlh, 16, 0, full, sizeof(full));
	put_element(nlh, 12, 5, "", 0);		/* another's key */
	put_element(nlh, 16, 5, "\1\1\3\0\2b", 7);
	put_element(nlh, 16, 5, "\0\7c", 4);	/* cut */
	mnl_attr_nest_end(nlh, all);
	rig_put(KEEP_FD_LIST, buf, nlh->nlmsg_len);
	rig_done(KEEP_FD_LIST, r->seq, 0);
}

Test(nft, entries)
{
	static const uint64_t ms[] = { 1234567890123, 0, 1, 5, 5 };
	size_t i;

	rig.on_read = read_elements;
	list_kind(0);
	cr_assert_eq(nfound, 5);
	for (i = 0; i < nfound; i++) {
		cr_expect_eq(found_ms[i], ms[i], "%zu: %llu", i,
		    (unsigned long long)found_ms[i]);
		cr_expect_eq(found[i].type, MSG_GRANT);
		cr_expect_eq(found[i].family, ADDR_V4);
		cr_expect_eq(found[i].local, 0);
		cr_expect_eq(found[i].proto, 17);
		cr_expect_eq(found[i].port, 0x1234);
		cr_expect_eq(memcmp(found[i].client, "\x0a\0\0\1\0", 5), 0);
		cr_expect_eq(memcmp(found[i].dst, "\xc0\0\2\x09\0", 5), 0);
	}
	cr_expect_str_eq(found[0].label, "a");
	cr_expect_str_eq(found[1].label, "");
	cr_expect_eq(strlen(found[2].label), ORDER_LABEL_SIZE - 1);
	cr_expect_str_eq(found[3].label, "b");
	cr_expect_str_eq(found[4].label, "");
}

static void
read_entries(const struct order_read *r)
{
	uint8_t buf[4096] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = rig_message(buf, KEEP_FD_LIST, r->seq,
	    NFNL_SUBSYS_IPSET, IPSET_CMD_LIST);
	struct nlattr *all, *data, *ip;

	all = mnl_attr_nest_start(nlh, IPSET_ATTR_ADT);
	data = mnl_attr_nest_start(nlh, IPSET_ATTR_DATA);
	ip = mnl_attr_nest_start(nlh, IPSET_ATTR_IP);
	mnl_attr_put(nlh, IPSET_ATTR_IPADDR_IPV4 | NLA_F_NET_BYTEORDER, 4,
	    "\xc0\0\2\x09");
	mnl_attr_nest_end(nlh, ip);
	mnl_attr_put_u16(nlh, IPSET_ATTR_PORT | NLA_F_NET_BYTEORDER,
	    htons(443));
	mnl_attr_put_u8(nlh, IPSET_ATTR_PROTO, 6);
	put_number(nlh, IPSET_ATTR_TIMEOUT, 61);
	mnl_attr_put_strz(nlh, IPSET_ATTR_COMMENT, "a.example");
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, all);
	rig_put(KEEP_FD_LIST, buf, nlh->nlmsg_len);
	rig_done(KEEP_FD_LIST, r->seq, 0);
}

Test(xt, entries)
{
	rig.on_read = read_entries;
	list_kind(1);
	cr_assert_eq(nfound, 1);
	cr_expect_eq(found_ms[0], 61000);
	cr_expect_eq(found[0].local, 1);
	cr_expect_eq(found[0].port, 443);
	cr_expect_eq(found[0].client[0], 0);
	cr_expect_eq(memcmp(found[0].dst, "\xc0\0\2\x09\0", 5), 0);
	cr_expect_str_eq(found[0].label, "a.example");
}

/* That events were lost is no event. */
Test(nft, lost_events)
{
	static uint8_t large[40000];

	cr_expect_eq(watch_read(), 0);
	rig_fail(KEEP_FD_EVENTS, ENOBUFS);
	cr_expect_eq(watch_read(), WATCH_UNSURE | WATCH_RULES);
	cr_expect_eq(watch_read(), 0);
	rig_put(KEEP_FD_EVENTS, large, sizeof(large));
	cr_expect_eq(watch_read(), WATCH_UNSURE | WATCH_RULES);
}

/* Kernels before 6.9 have room for a shorter filter. */
Test(filter, shorter)
{
	rig_on();
	rig_ready();
	ask_open();
	rig.no_memory = 60;
	backend_nftables.open(&config);
	cr_expect_eq(rig.no_memory, 0, "nothing is let through unseen");
}

Test(filter, none_at_all, .exit_code = 1)
{
	rig_on();
	rig_ready();
	ask_open();
	rig.no_memory = 1000;
	backend_nftables.open(&config);
}
