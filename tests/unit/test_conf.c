/* What the helper is told of the options, and which stamps are none. */
#include <criterion/criterion.h>

#include <string.h>

#include "never.h"
#include "start/conf.h"
#include "start/spawn.h"

static_assert(LIMITS_NETS_MAX >= MSG_NETS_MAX,
    "all networks of the options have a place in the limits");

static struct options o;
static struct stamps stamps, made;	/* what dnsfw-stamp has made */

/* Instead of the program. */
void
spawn_stamp(const struct keepconf *k, struct stamps *out)
{
	cr_assert_eq(k, &o.keep);
	*out = made;
}

static void
good(void)
{
	size_t i;

	for (i = 0; i < STAMPS_SUBS; i++)
		made.at[STAMP_ADD][i].len = STAMPS_BYTES;
	made.nfilter = STAMPS_FILTER_MAX;
	o.keep.max_rule_time = 3600;
	o.keep.users[KEEPCONF_HELPER] = (struct keepconf_user){ .uid = 11,
	    .gid = 12 };
}

TestSuite(conf, .init = good);

static void
put(struct msg_nets *nets, uint8_t family, uint8_t prefix, uint8_t first,
    uint8_t last)
{
	struct addr_net *net = &nets->at[nets->n++];

	*net = (struct addr_net){ .base.family = family, .prefix = prefix };
	net->base.bytes[0] = first;
	net->base.bytes[family == ADDR_V4 ? 3 : 15] = last;
}

Test(conf, P7_limits_are_those_of_the_options)
{
	const struct limits *l = &stamps.limits;
	struct limits never = { .rate = 0 };
	size_t i;

	for (i = 0; i < MSG_NETS_MAX; i++) {
		put(&o.worker.client_nets, ADDR_V4, 32, 10, (uint8_t)i);
		put(&o.worker.deny_nets, ADDR_V4, 32, 11, (uint8_t)i);
		put(&o.worker.allow_nets, ADDR_V4, 32, 12, (uint8_t)i);
	}
	conf_helper(&o, &stamps);
	cr_expect_eq(l->left_max, 3600 * 1000U);
	cr_expect_eq(l->nclients, MSG_NETS_MAX);
	cr_expect_eq(l->ndenied, MSG_NETS_MAX);
	cr_expect_eq(l->nallowed, MSG_NETS_MAX);
	cr_expect_arr_eq(l->clients, o.worker.client_nets.at,
	    sizeof(l->clients));
	cr_expect_arr_eq(l->denied, o.worker.deny_nets.at, sizeof(l->denied));
	cr_expect_arr_eq(l->allowed, o.worker.allow_nets.at,
	    sizeof(l->allowed));
	never_fill(&never);
	cr_expect_arr_eq(l->never, never.never, sizeof(never.never));
	cr_expect_arr_eq(l->embeddings, never.embeddings,
	    sizeof(never.embeddings));
	cr_expect_gt(l->rate, 0);
	cr_expect_gt(l->burst, 0);
}

/* Whatever a captured dnsfw-stamp says. */
Test(conf, P7_only_stamps_and_filter_are_of_another_process)
{
	memset(&made.limits, 0xff, sizeof(made.limits));
	made.version = made.size = made.uid = made.gid = 77;
	conf_helper(&o, &stamps);
	cr_expect_eq(stamps.version, ORDER_VERSION);
	cr_expect_eq(stamps.size, sizeof(stamps));
	cr_expect_eq(stamps.uid, 11);
	cr_expect_eq(stamps.gid, 12);
	cr_expect_eq(stamps.limits.nclients, 0);
	cr_expect_eq(stamps.limits.nallowed, 0);
	cr_expect_eq(stamps.limits.left_max, 3600 * 1000U);
	cr_expect_arr_eq(stamps.at, made.at, sizeof(made.at));
}

static uint8_t
local_with(uint8_t family, uint8_t prefix, uint8_t first, uint8_t last)
{
	o.worker.client_nets.n = 0;
	put(&o.worker.client_nets, ADDR_V4, 8, 10, 0);
	put(&o.worker.client_nets, family, prefix, first, last);
	conf_helper(&o, &stamps);
	return (stamps.limits.local);
}

/* It asks from a loopback address, which is in one of these networks, or is one. */
Test(conf, G5_this_host_is_a_client_if_a_loopback_address_is)
{
	conf_helper(&o, &stamps);
	cr_expect_eq(stamps.limits.local, 1, "any client");
	cr_expect_eq(local_with(ADDR_V4, 8, 127, 0), 1);
	cr_expect_eq(local_with(ADDR_V4, 32, 127, 1), 1);
	cr_expect_eq(local_with(ADDR_V4, 32, 127, 9), 1, "another loopback");
	cr_expect_eq(local_with(ADDR_V4, 0, 0, 0), 1);
	cr_expect_eq(local_with(ADDR_V6, 128, 0, 1), 1);
	cr_expect_eq(local_with(ADDR_V6, 0, 0, 0), 1);
	cr_expect_eq(local_with(ADDR_V6, 64, 0, 0), 1);
	cr_expect_eq(local_with(ADDR_V4, 8, 192, 0), 0);
	cr_expect_eq(local_with(ADDR_V6, 8, 0xfd, 0), 0);
	cr_expect_eq(local_with(ADDR_V6, 128, 0, 2), 0);
}

Test(conf, P1_stamps_at_their_limits_are_taken)
{
	made.nfilter = 1;
	made.at[STAMP_COUNT - 1][STAMPS_SUBS - 1].len = STAMPS_BYTES;
	conf_helper(&o, &stamps);
	cr_expect_eq(stamps.nfilter, 1);
}

/* The helper would read and write behind its place. */
Test(conf, P1_the_last_stamp_is_too_long, .exit_code = 1)
{
	made.at[STAMP_COUNT - 1][STAMPS_SUBS - 1].len = STAMPS_BYTES + 4;
	conf_helper(&o, &stamps);
}

/* What comes behind it would not be aligned. */
Test(conf, P1_a_stamp_has_an_odd_length, .exit_code = 1)
{
	made.at[STAMP_DEL][1].len = 62;
	conf_helper(&o, &stamps);
}

Test(conf, P2_no_filter, .exit_code = 1)
{
	made.nfilter = 0;
	conf_helper(&o, &stamps);
}

Test(conf, P2_a_filter_that_is_too_long, .exit_code = 1)
{
	made.nfilter = STAMPS_FILTER_MAX + 1;
	conf_helper(&o, &stamps);
}
