/* What the states of a repair are for. */
#include "repairsteps.h"

#include "advice.h"
#include "clock.h"
#include "compare.h"
#include "firewall.h"
#include "log.h"
#include "mend.h"

#define MS		(CLOCK_SECOND / 1000)

/* Between two comparisons that somebody's answers cause. */
#define COMPARE_PAUSE	CLOCK_SECOND

enum repair_event
repairsteps_look(struct repairing *r)
{
	uint8_t there;

	if (firewall.backend->chains(&there) == -1)
		return (FAILED);
	r->takeover.fresh |= chains_fresh(&r->chains, there);
	there &= firewall.families | r->takeover.fresh;
	r->target = there;
	if (!r->needed && r->takeover.fresh == 0 && there == firewall.ready)
		return (NOTHING);
	if (there != firewall.ready)
		r->visible = true;
	firewall.ready &= there;
	if (there != 0)
		return (DONE);
	/* Until one is there, and then there is all to be done. */
	chains_log(&r->chains, there);
	return (NOTHING);
}

void
repairsteps_begin_compare(struct repairing *r)
{
	r->needed = r->lost = r->unsure = false;
	ledger_expire(firewall.ledger, clock_now());
	/* What it does not show is missing, and nothing else, whatever comes. */
	r->doubt = ledger_doubt(firewall.ledger);
	compare_begin(r->target, takeover_compare, &r->takeover);
}

enum repair_event
repairsteps_compare(void)
{
	switch (compare_step()) {
	case COMPARE_MORE:
		return (EVENTS);
	case COMPARE_DONE:
		return (DONE);
	case COMPARE_FAILED:
		break;
	}
	return (FAILED);
}

enum repair_event
repairsteps_expel(struct repairing *r)
{
	uint32_t before = r->removed;

	if (compare_expel(&r->removed))
		return (EVENTS);
	/* Those that do not go are not worth another listing now. */
	return (compare_overflowed() && r->removed > before ? AGAIN : DONE);
}

enum repair_event
repairsteps_prepare(struct repairing *r)
{
	switch (firewall.backend->prepare(&r->prepare)) {
	case PREPARE_MORE:
		return (EVENTS);
	case PREPARE_FILL:
		/* What is added to the old one would not be in the new one. */
		firewall.ready &= (uint8_t)~backend_bit(r->prepare.kind);
		mend_begin(1U << r->prepare.kind, 0);
		return (AGAIN);
	case PREPARE_DONE:
		chains_serve(r->takeover.fresh);
		if (!r->lost)
			firewall.ready = r->target;
		chains_log(&r->chains, r->target);
		return (DONE);
	case PREPARE_FAILED:
		firewall.ready = 0;
		return (FAILED);
	case PREPARE_UNKNOWN:
		break;
	}
	return (FAILED);
}

static void
log_repair(const struct repairing *r)
{
	uint32_t mended = mend_count();

	if (!r->visible && mended + r->removed == 0)
		return;
	firewall.repairs++;
	log_warn("the firewall was changed: rules, sets and %u grant%s are "
	    "put back, %u other entr%s removed, in %llu ms", mended,
	    log_s(mended), r->removed, r->removed == 1 ? "y" : "ies",
	    (unsigned long long)((clock_now() - r->begin) / MS));
}

/* It is done, but for what came meanwhile, and for what the kernel refuses. */
static enum repair_event
end_repair(struct repairing *r, bool failed)
{
	log_repair(r);
	r->next_compare = clock_now() + COMPARE_PAUSE;
	r->visible = false;
	r->takeover.fresh = 0;
	advice_look();
	if (r->lost)
		return (AGAIN);
	return (failed || r->unsure ? FAILED : DONE);
}

enum repair_event
repairsteps_fill(void)
{
	if (mend_step())
		return (EVENTS);
	return (mend_failed() ? FAILED : DONE);
}

enum repair_event
repairsteps_mend(struct repairing *r)
{
	return (mend_step() ? EVENTS : end_repair(r, mend_failed()));
}
