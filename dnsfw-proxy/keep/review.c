/* The second look at live grants. */
#include "review.h"

#include <string.h>

#include "children.h"
#include "clock.h"
#include "conf.h"
#include "connections.h"
#include "firewall.h"
#include "log.h"
#include "permit.h"
#include "repair.h"

#define REVIEW_NAMES	(REVIEW_BATCH * LEDGER_NAMES)

/* A name of a grant, and what the compiler says of it. */
struct review_name {
	size_t		grant;		/* its number in the batch */
	char		label[MSG_LABEL_SIZE];
	bool		answered, keep;
	uint16_t	generation;	/* of the policy that says so */
};

/* Grants that are looked at, as they were when it was asked about them. */
struct review_batch {
	size_t		n, nnames;
	size_t		waiting;	/* names without an answer */
	struct msg_grant grants[REVIEW_BATCH];
	bool		forbidden[REVIEW_BATCH];	/* by root's limits */
	struct review_name names[REVIEW_NAMES];
};

static struct review_batch reviewed;
static uint32_t review_cursor;
static uint32_t review_end;	/* as many places there were when it began */
static uint32_t review_left;	/* places below that to look at; 0: done */
static bool ask_compiler;
static uint64_t revoked_count;	/* and not yet in the log */

void
review_begin(bool new_policy)
{
	/* Also those of the batch that is with the compiler are behind us. */
	review_left = review_end = ledger_places(firewall.ledger);
	ask_compiler |= new_policy;
}

bool
review_is_busy(void)
{
	return (review_left > 0 || reviewed.n > 0);
}

bool
review_due(void)
{
	return (review_is_busy() && reviewed.waiting == 0);
}

void
review_checked(const struct policy_checked *checked)
{
	const struct msg_checked *m;
	struct review_name *name;
	size_t i;

	for (i = 0; i < checked->n; i++) {
		m = &checked->at[i];
		name = &reviewed.names[m->seq % REVIEW_NAMES];
		if (m->seq >= reviewed.nnames || name->answered)
			children_malformed(&children_compiler,
			    "CHECKED without a CHECK");
		name->answered = true;
		name->keep = m->keep == 1;
		/* The compiler answers by what it has sealed last, in order. */
		name->generation = policy_generation();
		reviewed.waiting--;
	}
}

/* --- to the compiler --- */

static void
ask_about(size_t first, size_t n)
{
	struct msg_check checks[MSG_BATCH_MAX];
	const struct msg_grant *g;
	size_t i;

	for (i = 0; i < n; i++) {
		g = &reviewed.grants[reviewed.names[first + i].grant];
		checks[i] = (struct msg_check){ .type = MSG_CHECK,
		    .family = g->family, .proto = g->proto, .local = g->local,
		    .seq = (uint32_t)(first + i), .port = g->port };
		memcpy(checks[i].client, g->client, sizeof(g->client));
		memcpy(checks[i].label, reviewed.names[first + i].label,
		    MSG_LABEL_SIZE);
	}
	reviewed.waiting += n;
	children_send(&children_compiler, checks, n * sizeof(checks[0]), -1);
}

static void
take_names(const struct ledger_entry *e, size_t grant, uint64_t now)
{
	struct ledger_name names[LEDGER_NAMES];
	size_t i, n = ledger_names(firewall.ledger, e, now, names);
	struct review_name *name;

	for (i = 0; i < n; i++) {
		name = &reviewed.names[reviewed.nnames++];
		*name = (struct review_name){ .grant = grant };
		memcpy(name->label, names[i].label, MSG_LABEL_SIZE);
	}
}

/*
 * Places that came during the round count for none of it, or as many of the
 * others would be left out.
 */
static uint32_t
counted(uint32_t place)
{
	return (place < review_end ? place : review_end);
}

/* The next batch of the round. */
static void
begin_batch(void)
{
	uint64_t now = clock_now();
	struct ledger_entry *e;
	uint32_t before;
	size_t i, n;

	reviewed.n = reviewed.nnames = reviewed.waiting = 0;
	ledger_expire(firewall.ledger, now);
	while (review_left > 0 && reviewed.n < REVIEW_BATCH) {
		before = review_cursor;
		e = ledger_next(firewall.ledger, &review_cursor);
		n = (e == NULL ? review_end : counted(review_cursor)) -
		    counted(before);
		review_left -= n < review_left ? (uint32_t)n : review_left;
		if (e == NULL) {
			review_cursor = 0;
			continue;
		}
		i = reviewed.n++;
		reviewed.grants[i] = e->grant;
		reviewed.forbidden[i] = permit_grant(&e->grant) != RESULT_OK;
		if (ask_compiler && !reviewed.forbidden[i])
			take_names(e, i, now);
	}
	for (i = 0; i < reviewed.nnames; i += n) {
		n = reviewed.nnames - i < MSG_BATCH_MAX ?
		    reviewed.nnames - i : MSG_BATCH_MAX;
		ask_about(i, n);
	}
}

/* --- what comes of it --- */

/* What leaves the kernel, and what gets less time there. */
struct review_outcome {
	struct msg_grant revoked[REVIEW_BATCH];
	size_t		nrevoked;
	struct ledger_entry *shorter[REVIEW_BATCH];
	size_t		nshorter;
};

static void
revoke_entry(struct review_outcome *o, struct ledger_entry *e)
{
	o->revoked[o->nrevoked++] = e->grant;
	ledger_remove(firewall.ledger, e);
}

/*
 * The names of a grant that the policy of now does not allow go.  What has come
 * since is allowed by it; and of what an older one said there will be another
 * look, as that is what began the round.
 */
static void
judge(struct review_outcome *o, struct ledger_entry *e, size_t grant,
    uint64_t now)
{
	bool shorter = false;
	struct review_name *name;
	size_t i;

	for (i = 0; i < reviewed.nnames; i++) {
		name = &reviewed.names[i];
		if (name->grant != grant || name->keep ||
		    name->generation != policy_generation())
			continue;
		switch (ledger_forbid(firewall.ledger, e, name->label, now)) {
		case LEDGER_AS_IT_WAS:
			break;
		case LEDGER_SHORTER:
			shorter = true;
			break;
		case LEDGER_NOTHING:
			revoke_entry(o, e);
			return;
		}
	}
	if (shorter)
		o->shorter[o->nshorter++] = e;
}

/*
 * Entries go first, connections then (A9).  Returns how many the kernel has taken
 * out.
 */
static size_t
remove_revoked(struct review_outcome *o)
{
	static struct backend_batch batch;
	size_t i, gone = 0;

	batch.n = 0;
	for (i = 0; i < o->nrevoked; i++)
		(void)firewall_batch(&batch, &o->revoked[i], CLOCK_SECOND);
	if (batch.n > 0)
		firewall_remove(&batch);
	for (i = 0; i < batch.n; i++) {
		/* What may be there still is a stranger to the next look. */
		if (batch.adds[i].code == BACKEND_OK)
			gone++;
		else
			repair_unsure();
		if (conf->kill_connections != 0)
			(void)connections_kill(&o->revoked[i]);
	}
	firewall.revoked += o->nrevoked;
	revoked_count += o->nrevoked;
	return (gone);
}

size_t
review_revoke(const struct msg_grant *grants, size_t n)
{
	static struct review_outcome o;
	struct ledger_entry *e;
	size_t i;

	o.nrevoked = 0;
	for (i = 0; i < n; i++)
		if ((e = ledger_find(firewall.ledger, &grants[i])) != NULL)
			revoke_entry(&o, e);
	return (remove_revoked(&o));
}

static void
shorten(struct review_outcome *o, uint64_t now)
{
	static struct backend_batch batch;
	size_t i;

	batch.n = 0;
	for (i = 0; i < o->nshorter; i++) {
		firewall_limit(o->shorter[i], now);
		(void)firewall_batch(&batch, &o->shorter[i]->grant,
		    o->shorter[i]->expiry - now);
	}
	if (batch.n > 0)
		firewall_add(&batch);
	for (i = 0; i < batch.n; i++) {
		if (batch.adds[i].code == BACKEND_OK)
			ledger_set_sure(firewall.ledger, o->shorter[i], true);
		else
			repair_unsure();
	}
}

/* Returns true if something was revoked or shortened. */
static bool
end_batch(void)
{
	static struct review_outcome o;
	uint64_t now = clock_now();
	struct ledger_entry *e;
	size_t i;

	o.nrevoked = o.nshorter = 0;
	ledger_expire(firewall.ledger, now);
	for (i = 0; i < reviewed.n; i++) {
		e = ledger_find(firewall.ledger, &reviewed.grants[i]);
		if (e == NULL)
			continue;
		if (reviewed.forbidden[i])
			revoke_entry(&o, e);
		else
			judge(&o, e, i, now);
	}
	reviewed.n = reviewed.nnames = 0;
	(void)remove_revoked(&o);
	shorten(&o, now);
	return (o.nrevoked + o.nshorter > 0);
}

/* When all is done, connections too: how much it was. */
static void
log_revoked(void)
{
	uint64_t ended, failed;

	if (revoked_count == 0 || review_is_busy() || connections_killing())
		return;
	ended = connections_ended(&failed);
	log_info("%llu grant%s revoked, %llu connection%s ended: the policy or "
	    "this host's addresses have changed, or dnsfwctl asked for it",
	    (unsigned long long)revoked_count, log_s(revoked_count),
	    (unsigned long long)ended, log_s(ended));
	if (failed > 0)
		log_warn("%llu connection%s of revoked grants may go on: the "
		    "kernel did not end %s", (unsigned long long)failed,
		    log_s(failed), failed == 1 ? "it" : "them");
	revoked_count = 0;
}

/* Nothing is gone from the kernel as long as nobody can be told to. */
bool
review_step(void)
{
	bool changed = false;

	if (review_due() && !ask_stuck()) {
		changed = end_batch();
		begin_batch();
		if (!review_is_busy())
			ask_compiler = false;
	}
	log_revoked();
	return (changed);
}
