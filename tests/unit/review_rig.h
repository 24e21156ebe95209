/*
 * A review with a compiler that answers when a test lets it.  To be included once,
 * by a test program.
 */
#ifndef REVIEW_RIG_H
#define REVIEW_RIG_H

#include "keep_rig.h"

#include "keep/connections.h"
#include "keep/repair.h"
#include "keep/review.h"

/* --- connections --- */

static unsigned int killed, counted;
static bool killing;

bool
connections_kill(const struct msg_grant *g)
{
	/* Entries go first, as far as is known. */
	cr_assert(rig.fail != NULL || rig_find(g) == NULL);
	killed++;
	return (true);
}

bool
connections_killing(void)
{
	return (killing);
}

uint64_t
connections_ended(uint64_t *failed)
{
	*failed = 0;
	counted++;
	return (killed);
}

/* --- the compiler --- */

static char forbidden[4][MSG_LABEL_SIZE];	/* by the list of now */
static unsigned int nforbidden, asked;
static bool local_only;			/* of this host alone */

static inline void
forbid(const char *label)
{
	strcpy(forbidden[nforbidden++], label);
}

static inline bool
allows(const char *label)
{
	unsigned int i;

	for (i = 0; i < nforbidden; i++) {
		if (strcmp(forbidden[i], label) == 0)
			return (false);
	}
	return (true);
}

/* Answer the first n records of what it was asked. */
static inline void
answer(size_t n)
{
	struct policy_checked checked;
	struct msg_check m;
	size_t i, at;

	for (i = 0; i < n && i < rig_nout; i++) {
		checked.n = 0;
		for (at = 0; at < rig_out_len[i]; at += sizeof(m)) {
			cr_assert_eq(msg_check_decode(rig_out[i] + at,
			    sizeof(m), &m), MSG_OK);
			asked++;
			checked.at[checked.n++] = (struct msg_checked){
			    .type = MSG_CHECKED, .seq = m.seq,
			    .keep = allows(m.label) ||
			    (local_only && m.local == 0) };
		}
		review_checked(&checked);
	}
	rig_nout = 0;
}

/* To the end; returns whether something was revoked or shortened. */
static inline bool
go_on(void)
{
	bool changed = false;
	unsigned int i;

	for (i = 0; review_is_busy(); i++) {
		changed |= review_step();
		answer(SIZE_MAX);
		cr_assert_lt(i, 10000);
	}
	return (changed | review_step());
}

static inline void
set_up(void)
{
	hash_init();
	rig.chains = BOTH;
	repair_start(&rig_backend, rig_conf.max_grants);
	rig.adds = rig.removes = 0;
}

/* Grant i by that name, too, until then. */
static inline void
name_it(unsigned int i, const char *label, uint32_t seconds)
{
	struct msg_grant g = rig_grant(i);
	struct ledger_entry *e;

	memset(g.label, 0, sizeof(g.label));
	strcpy(g.label, label);
	e = ledger_put(firewall.ledger, &g, rig_now + seconds * CLOCK_SECOND,
	    rig_now, 0);
	ledger_set_sure(firewall.ledger, e, true);
	rig_put(&e->grant, e->expiry);
}

#endif
