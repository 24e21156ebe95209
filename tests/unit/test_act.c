/* What the helper makes of an order (P1, P7), byte by byte. */
#include "act_rig.h"

#include "addrtext.h"

static struct order_grant
grant(enum order_type type, const char *client, const char *dst)
{
	struct order_grant g = { .type = (uint8_t)type, .seq = SEQ,
	    .proto = IPPROTO_TCP, .port = 443, .local = client[0] == '\0',
	    .left = type == ORDER_ADD ? 1500 : 0 };
	struct addr a = { 0 };

	cr_assert_eq(addr_parse(dst, strlen(dst), &a), 0);
	g.family = a.family;
	memcpy(g.dst, a.bytes, 16);
	if (g.local == 0) {
		cr_assert_eq(addr_parse(client, strlen(client), &a), 0);
		memcpy(g.client, a.bytes, 16);
	}
	if (type == ORDER_ADD)
		strcpy(g.label, "a.example");
	return (g);
}

static const void *
hole(size_t i, enum stamps_id id, size_t sub, enum stamps_hole which)
{
	cr_assert(is_stamp(message(i), id, sub), "message %zu", i);
	cr_assert_neq(stamps.at[id][sub].holes[which], 0);
	return ((const uint8_t *)message(i) + stamps.at[id][sub].holes[which]);
}

/* Only message i is to be answered if all is well. */
static void
answered(size_t i)
{
	size_t k, n = messages();

	for (k = 0; k < n; k++)
		cr_assert_eq((message(k)->nlmsg_flags & NLM_F_ACK) != 0,
		    k == i, "message %zu", k);
}

static void
check_holes(size_t i, enum stamps_id id, size_t sub, bool ipset)
{
	cr_assert_arr_eq(hole(i, id, sub, HOLE_PORT), "\x01\xbb", 2);
	cr_assert_arr_eq(hole(i, id, sub, HOLE_PROTO), "\x06", 1);
	if (id == STAMP_DEL || id == STAMP_TEST)
		return;
	if (ipset)
		cr_assert_arr_eq(hole(i, id, sub, HOLE_SECONDS), "\0\0\0\2", 4);
	else
		cr_assert_arr_eq(hole(i, id, sub, HOLE_MS),
		    "\0\0\0\0\0\0\x05\xdc", 8);
	cr_assert_str_eq(hole(i, id, sub, HOLE_LABEL), "a.example");
}

Test(act, P1_nft_three_messages_of_one_grant)
{
	static const enum stamps_id ids[] = { STAMP_ADD, STAMP_DEL,
	    STAMP_ADD_EXCL };
	struct order_grant g = grant(ORDER_ADD, "2001:db8::2", "2a00::1");
	size_t i;

	open_act(&nft_wish);
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(messages(), 5);
	cr_assert(is_stamp(message(0), STAMP_BEGIN, 0));
	cr_assert(is_stamp(message(4), STAMP_END, 0));
	cr_assert_eq(message(0)->nlmsg_seq, SEQ - 1);
	cr_assert_eq(message(4)->nlmsg_seq, SEQ - 1);
	for (i = 0; i < 3; i++) {
		cr_assert_eq(message(i + 1)->nlmsg_seq, SEQ);
		check_holes(i + 1, ids[i], 2, false);
		cr_assert_arr_eq(hole(i + 1, ids[i], 2, HOLE_CLIENT), g.client,
		    16);
		cr_assert_arr_eq(hole(i + 1, ids[i], 2, HOLE_DST), g.dst, 16);
	}
	answered(3);
	cr_assert(act.fd == HELPER_FD_ACT && act.nsent == 1 &&
	    act.sent[0] == SEQ && act.nrefused == 0);
}

Test(act, P1_nft_forms)
{
	struct order_grant g = grant(ORDER_ADD, "", "192.0.2.1");

	open_act(&nft_wish);
	g.how = ORDER_FRESH;
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(messages(), 3);
	check_holes(1, STAMP_ADD_EXCL, 1, false);
	g = grant(ORDER_DEL, "10.0.0.2", "192.0.2.1");
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(messages(), 4);
	/* For a second, without a name. */
	cr_assert_arr_eq(hole(1, STAMP_ADD, 0, HOLE_MS), "\0\0\0\0\0\0\3\xe8",
	    8);
	cr_assert_str_eq(hole(1, STAMP_ADD, 0, HOLE_LABEL), "");
	check_holes(2, STAMP_DEL, 0, false);
	answered(2);
	g = grant(ORDER_TEST, "10.0.0.2", "192.0.2.1");
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(messages(), 1);
	check_holes(0, STAMP_TEST, 0, false);
	answered(0);
}

Test(act, P1_ipset_forms)
{
	struct order_grant g = grant(ORDER_ADD, "10.0.0.2", "192.0.2.1");

	open_act(&ipset_wish);
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(messages(), 1);
	check_holes(0, STAMP_ADD, 0, true);
	answered(0);
	g.how = ORDER_SPARE;
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	check_holes(0, STAMP_ADD_SPARE, 0, true);
	g.how = ORDER_FRESH;
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert(act.len == 0 && act.nrefused == 1 &&
	    act.refused[0].code == ORDER_NO_STAMP);
	g = grant(ORDER_DEL, "", "2a00::1");
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(messages(), 1);
	check_holes(0, STAMP_DEL, 3, true);
}

/* The seconds of ipset are rounded up, and 0 would be for ever. */
Test(act, G3_time_is_rounded_up)
{
	static const struct { uint32_t left, seconds; } all[] = {
		{ 1, 1 }, { 999, 1 }, { 1000, 1 }, { 1001, 2 },
		{ LEFT_MAX - 1, LEFT_MAX / 1000 }, { LEFT_MAX, LEFT_MAX / 1000 }
	};
	struct order_grant g = grant(ORDER_ADD, "10.0.0.2", "192.0.2.1");
	uint32_t seconds;
	size_t i;

	open_act(&ipset_wish);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		g.left = all[i].left;
		cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
		memcpy(&seconds, hole(0, STAMP_ADD, 0, HOLE_SECONDS), 4);
		cr_assert_eq(ntohl(seconds), all[i].seconds);
	}
}

Test(act, P7_refused_ones_leave_holes)
{
	struct order_grant g[64];
	uint32_t i;

	open_act(&nft_wish);
	for (i = 0; i < 64; i++) {
		g[i] = grant(ORDER_ADD, "10.0.0.2", i == 0 || i == 63 ?
		    "127.0.0.1" : i == 5 ? "::ffff:10.1.1.1" : "192.0.2.1");
		if (i == 5)
			memcpy(g[i].client, "\x20\x01\r\xb8", 4);
		g[i].left = i == 6 ? LEFT_MAX + 1 : 5;
		g[i].seq += i;
	}
	cr_assert_eq(fill(g, sizeof(g)), ORDER_OK);
	cr_assert(act.nrefused == 3 && act.nsent == 61, "%zu %zu",
	    act.nrefused, act.nsent);
	cr_assert(act.refused[0].seq == SEQ &&
	    act.refused[0].code == ORDER_FORBIDDEN);
	cr_assert(act.refused[1].seq == SEQ + 6 &&
	    act.refused[1].code == ORDER_TOO_LONG);
	cr_assert(act.refused[2].seq == SEQ + 63);
	cr_assert_eq(messages(), 2 + 3 * 61);
	cr_assert_eq(message(0)->nlmsg_seq, SEQ - 1);
	/* That of the last one that was not refused. */
	answered(3 * 61);
	cr_assert_eq(message(3 * 61)->nlmsg_seq, SEQ + 62);
	act_undo(&act);
	cr_assert(act.nrefused == 61 && act.refused[60].seq == SEQ + 62 &&
	    act.refused[60].code == ORDER_NOT_TAKEN);
}

/* The fullest record fits. */
Test(act, P1_most_of_the_longest)
{
	char names[2][64];
	struct stamps_wish wish = nft_wish;
	struct order_grant g[64];
	size_t i;

	memset(names, 'x', sizeof(names));
	names[0][63] = names[1][63] = '\0';
	wish.table = names[0];
	wish.chain = names[1];
	open_act(&wish);
	for (i = 0; i < 64; i++)
		g[i] = grant(ORDER_ADD, "2001:db8::2", "2a00::1");
	cr_assert_eq(fill(g, sizeof(g)), ORDER_OK);
	cr_assert_eq(messages(), ACT_MESSAGES_MAX);
	cr_assert_eq(act.nsent, 64);
}

/* And if every message were as long as may be: to its last byte. */
Test(act, P1_all_messages_of_the_most_bytes)
{
	static const enum stamps_id ids[] = { STAMP_BEGIN, STAMP_ADD, STAMP_DEL,
	    STAMP_ADD_EXCL, STAMP_END };
	const uint32_t len = STAMPS_BYTES;
	struct order_grant g[64];
	struct stamp *s;
	size_t i;

	open_act(&nft_wish);
	for (i = 0; i < 5; i++) {
		s = &stamps.at[ids[i]][ids[i] < STAMP_BEGIN ? 2 : 0];
		s->len = STAMPS_BYTES;
		memcpy(s->bytes, &len, sizeof(len));
	}
	for (i = 0; i < 64; i++)
		g[i] = grant(ORDER_ADD, "2001:db8::2", "2a00::1");
	cr_assert_eq(fill(g, sizeof(g)), ORDER_OK);
	cr_assert_eq(act.nsent, 64);
	cr_assert_eq(act.len, sizeof(act.out));
	cr_assert(is_stamp(message(ACT_MESSAGES_MAX - 1), STAMP_END, 0));
}

static enum order_err
make(uint8_t what, uint8_t sub, uint8_t sets, uint8_t rules, uint64_t position)
{
	const struct order_make m = { .type = ORDER_MAKE, .what = what,
	    .sub = sub, .sets = sets, .rules = rules, .position = position,
	    .seq = SEQ };

	return (fill(&m, sizeof(m)));
}

Test(act, P1_rules_of_ipset)
{
	static const struct { enum stamps_id id; size_t sub; uint32_t seq; }
	    all[] = { { STAMP_BEGIN, 0, SEQ - 1 }, { STAMP_FLUSH, 0, SEQ },
	    { STAMP_RULE, 0, SEQ }, { STAMP_RULE, 1, SEQ + 1 },
	    { STAMP_FLUSH, 1, SEQ + 2 }, { STAMP_RULE, 3, SEQ + 3 },
	    { STAMP_END, 0, SEQ - 1 } };
	size_t i;

	open_act(&ipset_wish);
	cr_assert_eq(make(STAMP_RULE, 0, 0, 11, 0), ORDER_OK);
	cr_assert_eq(messages(), 7);
	for (i = 0; i < 7; i++) {
		cr_assert(is_stamp(message(i), all[i].id, all[i].sub), "%zu",
		    i);
		cr_assert_eq(message(i)->nlmsg_seq, all[i].seq);
	}
	cr_assert_arr_eq(hole(3, STAMP_RULE, 1, HOLE_INDEX),
	    &(uint16_t){ INDEX }, 2);
	answered(5);
	cr_assert_eq(asked, 3);
	cr_assert_eq(make(STAMP_RULE, 0, 1, 1, 0), ORDER_OK);
	cr_assert(act.len == 0 && act.refused[0].code == ORDER_NO_STAMP);
	cr_assert_eq(make(STAMP_RULE, 0, 0, 1, 7), ORDER_OK);
	cr_assert(act.len == 0 && act.refused[0].code == ORDER_NO_STAMP);
}

/* Each bit of a reply counts, but those of seq, port id and index. */
Test(act, P1_no_rule_by_an_odd_reply)
{
	size_t bit, at, len;

	open_act(&ipset_wish);
	len = stamps.at[STAMP_INDEX_REPLY][0].len;
	cr_assert_eq(len, 44);
	for (bit = 0; bit < len * 8; bit++) {
		spoil_at = at = bit / 8;
		spoil_by = (uint8_t)(1 << bit % 8);
		cr_assert_eq(make(STAMP_RULE, 0, 0, 1, 0), ORDER_OK);
		if ((at >= 8 && at < 16) || at >= 40)
			cr_assert_neq(act.len, 0, "bit %zu", bit);
		else
			cr_assert(act.len == 0 && act.refused[0].code ==
			    ORDER_NO_SET, "bit %zu", bit);
	}
	spoil_by = 0;
	for (spoil_len = -4; spoil_len <= 4; spoil_len += 8) {
		cr_assert_eq(make(STAMP_RULE, 0, 0, 1, 0), ORDER_OK);
		cr_assert_eq(act.len, 0);
	}
}

/* The index may be wherever the stamp says, but in the reply. */
Test(act, P1_no_rule_by_an_odd_stamp)
{
	struct stamp *s = &stamps.at[STAMP_INDEX_REPLY][0];

	open_act(&ipset_wish);
	s->holes[HOLE_INDEX] = 0;
	cr_assert_eq(make(STAMP_RULE, 0, 0, 1, 0), ORDER_OK);
	cr_assert_eq(act.len, 0);
	s->holes[HOLE_INDEX] = (uint16_t)(s->len - 1);
	cr_assert_eq(make(STAMP_RULE, 0, 0, 1, 0), ORDER_OK);
	cr_assert_eq(act.len, 0);
	cr_assert_eq(asked, 2);
	stamps.at[STAMP_INDEX][0].len = STAMPS_BYTES + 1;
	cr_assert_eq(make(STAMP_RULE, 0, 0, 1, 0), ORDER_OK);
	cr_assert_eq(act.len, 0);
	cr_assert_eq(asked, 2);
}

Test(act, P1_rules_of_nft)
{
	open_act(&nft_wish);
	cr_assert_eq(make(STAMP_RULE, 0, 5, 12, 0x1122334455667788), ORDER_OK);
	cr_assert_eq(messages(), 6);
	cr_assert(is_stamp(message(1), STAMP_SET, 0));
	cr_assert(is_stamp(message(2), STAMP_SET, 2));
	cr_assert_arr_eq(hole(3, STAMP_RULE_AT, 2, HOLE_POSITION),
	    "\x11\x22\x33\x44\x55\x66\x77\x88", 8);
	cr_assert(is_stamp(message(4), STAMP_RULE_AT, 3));
	answered(4);
	cr_assert_eq(asked, 0);
}

Test(act, P1_what_is_made_alone)
{
	uint8_t what;

	open_act(&ipset_wish);
	for (what = STAMPS_MAKE_FIRST; what <= STAMPS_MAKE_LAST; what++) {
		cr_assert_eq(make(what, 3, 0, 0, 0), ORDER_OK);
		cr_assert_eq(messages(), 1);
		cr_assert(is_stamp(message(0), what, 3));
		cr_assert_eq(act.fd, HELPER_FD_ACT);
		answered(0);
	}
}

Test(act, P1_what_is_read)
{
	struct order_read r = { .type = ORDER_READ, .seq = SEQ };

	open_act(&nft_wish);
	for (r.what = STAMPS_READ_FIRST; r.what <= STAMPS_READ_LAST; r.what++) {
		memset(r.name, 0, sizeof(r.name));
		if (r.what == STAMP_MAP)
			strcpy(r.name, "a_map");
		cr_assert_eq(fill(&r, sizeof(r)), ORDER_OK);
		if (r.what == STAMP_INDEX) {
			cr_assert_eq(act.refused[0].code, ORDER_NO_STAMP);
			continue;
		}
		cr_assert_eq(messages(), 1);
		cr_assert_eq(act.fd, r.what == STAMP_FLOWS ? HELPER_FD_FLOWS :
		    HELPER_FD_LIST);
		if (r.what == STAMP_MAP)
			cr_assert_str_eq(hole(0, STAMP_MAP, 0, HOLE_NAME),
			    "a_map");
	}
}

/* Behind the last of a kind there are those of the next, which delete. */
static void
reads_only(const struct stamps_wish *wish)
{
	struct order_read r = { .type = ORDER_READ, .seq = SEQ };
	unsigned int what, sub;

	open_act(wish);
	for (what = 0; what < 256; what++) {
		for (sub = 0; sub < 256; sub++) {
			r.what = (uint8_t)what;
			r.sub = (uint8_t)sub;
			cr_assert_eq(fill(&r, sizeof(r)), ORDER_OK);
			cr_assert_eq(act.nsent + act.nrefused, 1);
			if (act.nsent == 0) {
				cr_assert_eq(act.refused[0].code,
				    ORDER_NO_STAMP);
				continue;
			}
			cr_assert(what >= STAMPS_READ_FIRST &&
			    what <= STAMPS_READ_LAST && sub < STAMPS_SUBS);
			cr_assert(is_stamp(message(0), (enum stamps_id)what,
			    sub));
		}
	}
}

Test(act, P7_nothing_else_is_read)
{
	reads_only(&nft_wish);
	memset(&stamps, 0, sizeof(stamps));
	bounds = (struct bounds){ .now = 0 };
	reads_only(&ipset_wish);
}

Test(act, A9_flows)
{
	struct order_flow f = { .type = ORDER_FLOW, .family = ADDR_V4,
	    .proto = IPPROTO_UDP, .seq = SEQ, .sport = 0x1234, .dport = 0x5678,
	    .src = { 10, 0, 0, 2 }, .dst = { 192, 0, 2, 1 } };

	open_act(&nft_wish);
	cr_assert_eq(fill(&f, sizeof(f)), ORDER_OK);
	cr_assert_arr_eq(hole(0, STAMP_FLOW, 0, HOLE_SPORT), "\x12\x34", 2);
	cr_assert_arr_eq(hole(0, STAMP_FLOW, 0, HOLE_PORT), "\x56\x78", 2);
	cr_assert_arr_eq(hole(0, STAMP_FLOW, 0, HOLE_CLIENT), f.src, 4);
	f.zone = 0x0709;
	f.family = ADDR_V6;
	cr_assert_eq(fill(&f, sizeof(f)), ORDER_OK);
	cr_assert_arr_eq(hole(0, STAMP_FLOW_ZONE, 1, HOLE_ZONE), "\x07\x09", 2);
	cr_assert_arr_eq(hole(0, STAMP_FLOW_ZONE, 1, HOLE_DST), f.dst, 16);
	answered(0);
}

/* Sets are made before there are rules for them, too. */
Test(act, P1_sets_alone)
{
	open_act(&nft_wish);
	cr_assert_eq(make(STAMP_RULE, 0, 9, 0, 0), ORDER_OK);
	cr_assert_eq(messages(), 4);
	cr_assert(is_stamp(message(1), STAMP_SET, 0));
	cr_assert(is_stamp(message(2), STAMP_SET, 3));
	answered(2);
}

/* Why it is refused is what no policy can change. */
Test(act, P7_what_is_forbidden_and_outside_is_forbidden)
{
	static const struct bounds none;
	struct order_grant g = grant(ORDER_ADD, "10.0.0.2", "127.0.0.1");

	open_act(&nft_wish);
	cr_assert_eq(act_fill(&act, &none, (const uint8_t *)&g, sizeof(g)),
	    ORDER_OK);
	cr_assert_eq(act.refused[0].code, ORDER_FORBIDDEN);
	g = grant(ORDER_ADD, "10.0.0.2", "192.0.2.1");
	cr_assert_eq(act_fill(&act, &none, (const uint8_t *)&g, sizeof(g)),
	    ORDER_OK);
	cr_assert_eq(act.refused[0].code, ORDER_OUTSIDE);
}

/* Of one that lacks a message nothing is sent, and the one before is answered. */
Test(act, P1_a_part_of_a_grant_is_not_sent)
{
	struct order_grant g[] = {
		grant(ORDER_ADD, "2001:db8::2", "2a00::1"),
		grant(ORDER_ADD, "10.0.0.2", "192.0.2.1"),
	};

	open_act(&nft_wish);
	stamps.at[STAMP_ADD_EXCL][0].len = 0;
	cr_assert_eq(fill(g, sizeof(g)), ORDER_OK);
	cr_assert(act.nrefused == 1 && act.refused[0].code == ORDER_NO_STAMP);
	cr_assert_eq(messages(), 5);
	cr_assert(is_stamp(message(3), STAMP_ADD_EXCL, 2));
	cr_assert(is_stamp(message(4), STAMP_END, 0));
	answered(3);
}

/* Whoever made it. */
Test(act, P1_a_stamp_longer_than_its_place)
{
	struct order_grant g = grant(ORDER_TEST, "10.0.0.2", "192.0.2.1");

	open_act(&nft_wish);
	stamps.at[STAMP_TEST][0].len = STAMPS_BYTES + 1;
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert(act.len == 0 && act.refused[0].code == ORDER_NO_STAMP);
}

Test(act, P1_a_hole_that_ends_behind_its_stamp)
{
	struct order_grant g = grant(ORDER_TEST, "10.0.0.2", "192.0.2.1");
	size_t len;

	open_act(&nft_wish);
	len = stamps.at[STAMP_TEST][0].len;
	stamps.at[STAMP_TEST][0].holes[HOLE_DST] = (uint16_t)(len - 3);
	memset(act.out, 0x55, sizeof(act.out));
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(act.len, len);
	cr_assert_eq(act.out[len], 0x55);
	cr_assert_neq(act.out[len - 3], 192);
	/* And one that ends with it is filled. */
	stamps.at[STAMP_TEST][0].holes[HOLE_DST] = (uint16_t)(len - 4);
	cr_assert_eq(fill(&g, sizeof(g)), ORDER_OK);
	cr_assert_eq(act.out[len - 1], 1);
}

/* More than there may be, and of two types. */
Test(act, P7_odd_records)
{
	struct order_grant g[65];
	struct order_read r[2];
	struct order_make m[2];
	size_t i;

	open_act(&nft_wish);
	for (i = 0; i < 65; i++)
		g[i] = grant(ORDER_ADD, "10.0.0.2", "192.0.2.1");
	cr_assert_eq(fill(g, 64 * sizeof(g[0])), ORDER_OK);
	cr_assert_eq(fill(g, sizeof(g)), ORDER_ESIZE);
	cr_assert_eq(fill(g, sizeof(g[0]) + 1), ORDER_ESIZE);
	g[1] = grant(ORDER_DEL, "10.0.0.2", "192.0.2.1");
	cr_assert_eq(fill(g, 2 * sizeof(g[0])), ORDER_ETYPE);
	memset(r, 0, sizeof(r));
	r[0].type = r[1].type = ORDER_READ;
	r[0].what = r[1].what = STAMP_CHAIN;
	cr_assert_eq(fill(r, sizeof(r[0])), ORDER_OK);
	cr_assert_eq(fill(r, sizeof(r)), ORDER_ESIZE);
	memset(m, 0, sizeof(m));
	m[0].type = m[1].type = ORDER_MAKE;
	cr_assert_eq(fill(m, sizeof(m[0])), ORDER_OK);
	cr_assert_eq(fill(m, sizeof(m)), ORDER_ESIZE);
	/* What others say to each other. */
	r[0].type = ORDER_BOUND;
	cr_assert_eq(fill(r, sizeof(struct order_bound)), ORDER_ETYPE);
	r[0].type = 0;
	cr_assert_eq(fill(r, sizeof(r[0])), ORDER_ETYPE);
}
