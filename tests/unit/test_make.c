/* P1: the stamps of all options: whole messages, with the holes they need. */
#include <criterion/criterion.h>

#include <linux/netfilter.h>
#include <linux/netlink.h>

#include <string.h>

#include "order.h"
#include "stamp/make.h"

static struct stamps stamps;

static const size_t sizes[HOLE_COUNT] = { [HOLE_CLIENT] = 4, [HOLE_DST] = 4,
    [HOLE_PROTO] = 1, [HOLE_PORT] = 2, [HOLE_SPORT] = 2, [HOLE_ZONE] = 2,
    [HOLE_SECONDS] = 4, [HOLE_MS] = 8, [HOLE_LABEL] = ORDER_LABEL_SIZE,
    [HOLE_INDEX] = 2, [HOLE_POSITION] = 8, [HOLE_NAME] = ORDER_NAME_SIZE };

/* A message of its length; holes inside, zero, and apart from each other. */
static void
check_stamp(const struct stamp *s, unsigned int id, unsigned int sub)
{
	const struct nlmsghdr *nlh = (const void *)s->bytes;
	bool used[STAMPS_BYTES] = { false };
	size_t hole, i, size;
	bool v6 = id >= STAMP_FLOW && id < STAMP_INDEX_REPLY ? sub == 1 :
	    sub >= 2;

	cr_assert(s->len >= sizeof(*nlh) && s->len % 4 == 0);
	cr_assert(nlh->nlmsg_len == s->len && nlh->nlmsg_seq == 0 &&
	    nlh->nlmsg_pid == 0, "%u %u", id, sub);
	for (hole = 0; hole < HOLE_COUNT; hole++) {
		size = hole <= HOLE_DST && v6 ? 16 : sizes[hole];
		for (i = s->holes[hole]; i != 0 && i < s->holes[hole] + size;
		    i++) {
			cr_assert(i >= sizeof(*nlh) && i < s->len && !used[i] &&
			    s->bytes[i] == 0, "%u %u: hole %zu", id, sub, hole);
			used[i] = true;
		}
	}
}

static unsigned int
check_all(const struct stamps_wish *wish)
{
	unsigned int id, sub, n = 0;

	memset(&stamps, 0, sizeof(stamps));
	stamps_make(wish, &stamps);
	for (id = 0; id < STAMP_COUNT; id++) {
		for (sub = 0; sub < STAMPS_SUBS; sub++) {
			if (stamps.at[id][sub].len == 0)
				continue;
			check_stamp(&stamps.at[id][sub], id, sub);
			n++;
		}
	}
	return (n);
}

#define X63	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

Test(make, P1_stamps_of_nftables)
{
	struct stamps_wish wish = { .table_family = NFPROTO_INET,
	    .table = X63, .chain = X63, .max_grants = 65536, .flows = true,
	    .kill = true };
	unsigned int whole = check_all(&wish);

	wish.kill = false;
	cr_assert_eq(check_all(&wish), whole - 4);
	wish.flows = false;
	cr_assert_eq(check_all(&wish), whole - 6);
	/* Nine of each of two kinds less. */
	wish.table_family = NFPROTO_IPV6;
	cr_assert_eq(check_all(&wish), whole - 6 - 18);
	cr_assert(stamps.at[STAMP_ADD][0].len == 0 &&
	    stamps.at[STAMP_ADD][2].len != 0);
}

Test(make, P1_stamps_of_iptables)
{
	struct stamps_wish wish = { .ipset = true, .chain = "FOURTEEN-BYTES",
	    .max_grants = 65536 };
	unsigned int kind;

	(void)check_all(&wish);
	for (kind = 0; kind < STAMPS_SUBS; kind++) {
		cr_assert_neq(stamps.at[STAMP_RULE][kind].holes[HOLE_INDEX], 0);
		cr_assert_eq(stamps.at[STAMP_INDEX_REPLY][kind].len, 44);
		cr_assert_eq(stamps.at[STAMP_INDEX_REPLY][kind].holes[
		    HOLE_INDEX], 40);
		cr_assert_eq(stamps.at[STAMP_ADD][kind].holes[HOLE_CLIENT] != 0,
		    kind % 2 == 0);
		cr_assert_eq(stamps.at[STAMP_RULE_AT][kind].len, 0);
	}
}
