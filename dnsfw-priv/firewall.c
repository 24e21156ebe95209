/* The ledger and the kernel's firewall say the same. */
#include "firewall.h"

#include "clock.h"
#include "log.h"
#include "watch.h"

/* Of what sends no events: half of what others do is seen in half of it. */
#define CHECK_PERIOD	(150 * (CLOCK_SECOND / 1000))
#define RETRY_PERIOD	CLOCK_SECOND		/* of what failed */

/* To follow all rules takes its time: at most so much of all, and no more. */
#define EFFECT_SHARE	20

#define STRANGERS_MAX	65536	/* that a listing finds, in one go */

/* How long nobody must have deleted anything; and how long that may take. */
#define QUIET		(80 * (CLOCK_SECOND / 1000))
#define QUIET_MAX	(400 * (CLOCK_SECOND / 1000))

/* No grant of ours lives longer; nor does ipset's timeout. */
#define MS_MAX		(2147483 * 1000ULL)

/* An entry that ends sooner is no sample for intact(): it may just go. */
#define SAMPLE_LEFT	(2 * CLOCK_SECOND)

struct firewall_counts firewall_counts;

static const struct backend *backend;
static struct ledger *ledger;
static uint8_t families, ready;
static uint8_t seen_chains;	/* families that had their chain at last look */
static uint64_t next_look;

/* 0: nothing to repair.  Both the same: something failed, and only time helps. */
static uint64_t repair_at, repair_latest;

static uint8_t missing_logged;		/* families, as ready */
static bool effect_due;			/* rules have changed since */
static uint64_t effect_next;
static uint8_t unreached, blocked;	/* families, as logged */
static unsigned int events;		/* WATCH_*, read and not yet acted on */

/* A listing is dear: it is done once for so many of them. */
static struct msg_grant strangers[STRANGERS_MAX];
static size_t nstrangers;

/* One batch at a time, of whatever. */
static struct backend_add batch[BACKEND_BATCH_MAX];

struct ledger *
firewall_ledger(void)
{
	return (ledger);
}

uint8_t
firewall_families(void)
{
	return (families);
}

uint8_t
firewall_ready(void)
{
	return (ready);
}

void
firewall_add(struct backend_add *adds, size_t n)
{
	backend->add(adds, n);
	firewall_counts.transactions++;
}

/* Returns how many; what remains is a stranger to the next repair. */
static uint32_t
remove_from_kernel(const struct msg_grant *grants, size_t n)
{
	uint32_t removed = 0;
	size_t i, k, done;

	for (done = 0; done < n; done += k) {
		for (k = 0; k < BACKEND_BATCH_MAX && done + k < n; k++)
			batch[k] = (struct backend_add){ .left = CLOCK_SECOND,
			    .grant = &grants[done + k] };
		backend->remove(batch, k);
		firewall_counts.transactions++;
		for (i = 0; i < k; i++)
			removed += batch[i].code == RESULT_OK;
	}
	if (removed < n && repair_at == 0)
		repair_at = repair_latest = clock_now() + RETRY_PERIOD;
	return (removed);
}

void
firewall_revoke(const struct msg_grant *grants, size_t n)
{
	size_t i;

	(void)remove_from_kernel(grants, n);
	for (i = 0; i < n; i++)
		ledger_remove(ledger, &grants[i]);
	firewall_counts.revoked += n;
}

static void
note_stranger(const struct msg_grant *g)
{
	if (nstrangers < STRANGERS_MAX)
		strangers[nstrangers++] = *g;
}

static void
take_over(void *arg, const struct msg_grant *g, uint64_t ms)
{
	uint64_t now = clock_now();
	uint32_t *without_room = arg;
	struct msg_grant copy;

	if (ms == 0 || ms > MS_MAX ||
	    msg_grant_decode(g, sizeof(*g), &copy) != MSG_OK)
		note_stranger(g);
	else if (ledger_put(ledger, &copy,
	    now + ms * (CLOCK_SECOND / 1000), now) == -1)
		++*without_room;
}

/* Make a ledger of what the kernel has, however much it is (G9). */
static int
take_all_over(uint32_t max_grants)
{
	uint32_t room = max_grants, without_room;

	for (;;) {
		nstrangers = 0;
		without_room = 0;
		ledger = ledger_new(max_grants, room);
		if (backend->list(families, take_over, &without_room) == -1)
			return (-1);
		if (without_room == 0)
			return (0);
		room += without_room;
		ledger_free(ledger);
	}
}

/* What is in the kernel must be in the ledger. */
static void
compare(void *arg, const struct msg_grant *g, uint64_t ms)
{
	(void)arg;
	(void)ms;
	if (ledger_find(ledger, g) == NULL)
		note_stranger(g);
}

/* Remove strangers[], and if it was full, the others.  Returns how many. */
static uint32_t
remove_strangers(void)
{
	uint32_t now, removed = 0;

	do {
		now = remove_from_kernel(strangers, nstrangers);
		removed += now;
		nstrangers = 0;
	} while (now == STRANGERS_MAX &&
	    backend->list(ready, compare, NULL) == 0);
	return (removed);
}

/* What the kernel does not take cannot be kept; the backend has logged it. */
static void
put_back(size_t n)
{
	size_t i;

	if (n == 0)
		return;
	firewall_add(batch, n);
	for (i = 0; i < n; i++) {
		if (batch[i].code != RESULT_OK)
			ledger_remove(ledger, batch[i].grant);
	}
}

static void
refill(unsigned int kinds)
{
	const struct msg_grant *g;
	uint64_t now = clock_now();
	uint32_t cursor = 0;
	size_t n = 0;

	ledger_expire(ledger, now);
	while ((g = ledger_next(ledger, &cursor)) != NULL) {
		if ((kinds & 1U << backend_kind(g)) == 0)
			continue;
		batch[n++] = (struct backend_add){ .grant = g, .is_new = true,
		    .left = ledger_expiry(ledger, g) - now };
		if (n == BACKEND_BATCH_MAX) {
			put_back(n);
			n = 0;
		}
	}
	put_back(n);
}

static unsigned int
ready_kinds(void)
{
	return ((ready & MSG_FAMILY_V4 ? 3U : 0) |
	    (ready & MSG_FAMILY_V6 ? 3U << 2 : 0));
}

const char *
firewall_lacking(uint8_t there)
{
	return (there == 0 ? "" : there == MSG_FAMILY_V4 ? " of IPv6" :
	    " of IPv4");
}

static void
log_effect(uint8_t now_unreached, uint8_t now_blocked)
{
	if (now_unreached != unreached && now_unreached != 0)
		log_warn("no rule leads to our chain%s: grants there open "
		    "nothing until one does",
		    firewall_lacking(families & (uint8_t)~now_unreached));
	else if (now_unreached != unreached)
		log_info("a rule leads to our chain again");
	if (now_blocked != blocked && now_blocked != 0)
		log_warn("a rule that ends our chain%s stands before ours: "
		    "grants there open nothing",
		    firewall_lacking(families & (uint8_t)~now_blocked));
	else if (now_blocked != blocked)
		log_info("our rules come before the end of our chain again");
	unreached = now_unreached;
	blocked = now_blocked;
}

/*
 * A chain that nobody calls opens nothing, nor do rules behind its end; only the
 * operator can change that.  Nothing is concluded if the kernel did not tell it
 * all, or if it changed meanwhile: then it is looked at again.
 */
static void
look_at_effect(void)
{
	uint64_t begin = clock_now(), end;
	uint8_t now_reached, now_blocked;
	int rc;

	effect_due = ready != 0;
	if (!effect_due || begin < effect_next)
		return;
	rc = backend->effect(ready, &now_reached, &now_blocked);
	end = clock_now();
	effect_next = end + EFFECT_SHARE * (end - begin) +
	    (rc == -1 ? RETRY_PERIOD : 0);
	events |= watch_read();
	if (rc == -1 || (events & (WATCH_LOST | WATCH_RULES)) != 0)
		return;
	effect_due = false;
	/* Of a family whose chain is gone, nothing new is known. */
	log_effect((unreached & (uint8_t)~ready) | (ready &
	    (uint8_t)~now_reached), (blocked & (uint8_t)~ready) | now_blocked);
}

void
firewall_start(const struct backend *b, uint32_t max_grants)
{
	uint32_t removed;

	backend = b;
	if (b->check(&families) == -1)
		fatalx("the firewall cannot be used");
	if (families == 0) {
		ledger = ledger_new(max_grants, 0);
		return;
	}
	if (take_all_over(max_grants) == -1)
		fatalx("the firewall cannot be used");
	ready = seen_chains = families;
	removed = remove_strangers();
	if (b->prepare(families, refill) == -1)
		fatalx("the firewall cannot be used");
	firewall_counts.taken_over = ledger_count(ledger);
	if (ledger_count(ledger) + removed > 0)
		log_info("%u existing grant%s kept, %u stale entr%s removed",
		    ledger_count(ledger), log_s(ledger_count(ledger)),
		    removed, removed == 1 ? "y" : "ies");
	look_at_effect();
}

int
firewall_fd(void)
{
	return (watch_fd());
}

int
firewall_wait(void)
{
	uint64_t now = clock_now();
	uint64_t next = repair_at != 0 ? repair_at : ready != families ||
	    (families != 0 && backend->intact != NULL) ? next_look : UINT64_MAX;

	if (effect_due && effect_next < next)
		next = effect_next;
	if (next == UINT64_MAX && events == 0)
		return (-1);
	return (now >= next || events != 0 ? 0 :
	    (int)((next - now) / (CLOCK_SECOND / 1000)) + 1);
}

static void
repair(void)
{
	uint64_t begin = clock_now();
	uint32_t removed;

	repair_at = 0;
	/* What has ended is a stranger. */
	ledger_expire(ledger, begin);
	ready = backend->chains() & families;
	if ((families & ~ready & ~missing_logged) != 0)
		log_error("the firewall was changed: our chain%s is gone; "
		    "nothing is granted there until it exists again",
		    firewall_lacking(ready));
	missing_logged = families & (uint8_t)~ready;
	if (ready == 0)
		return;
	/* Before there are rules: what is no grant lets nobody through. */
	nstrangers = 0;
	(void)backend->list(ready, compare, NULL);
	removed = remove_strangers();
	if (backend->prepare(ready, refill) == -1) {
		ready = 0;
		repair_at = repair_latest = begin + RETRY_PERIOD;
		return;
	}
	refill(ready_kinds());
	firewall_counts.repairs++;
	log_warn("the firewall was changed: rules, sets and %u grant%s are "
	    "put back, %u other entr%s removed, in %llu ms",
	    ledger_count(ledger), log_s(ledger_count(ledger)), removed,
	    removed == 1 ? "y" : "ies", (unsigned long long)((clock_now() -
	    begin) / (CLOCK_SECOND / 1000)));
}

/*
 * What sends no events: one entry of each kind, as sets are flushed, and the
 * next ones of all, as somebody may delete a single one.
 */
static bool
is_intact(void)
{
	static uint32_t cursor;
	const struct msg_grant *g;
	uint64_t after = clock_now() + SAMPLE_LEFT;
	size_t i, n = 0;

	for (i = 0; i < BACKEND_BATCH_MAX; i++) {
		g = i < BACKEND_KINDS ? ledger_sample(ledger, i, after) :
		    ledger_at(ledger, cursor++);
		if (g != NULL && ledger_expiry(ledger, g) >= after &&
		    (ready_kinds() & 1U << backend_kind(g)) != 0)
			batch[n++].grant = g;
		if (g == NULL && i >= BACKEND_KINDS) {
			cursor = 0;
			break;
		}
	}
	return (backend->intact(ready, batch, n));
}

/*
 * Families whose chain was made after the start.  What is in their sets is taken
 * over, as it would have been then; what cannot be goes.  One whose sets are not
 * as ours is left out, and check has logged why.  Returns true if there is one
 * to fill.
 */
static bool
take_families_in(uint8_t chains)
{
	uint8_t fresh = chains & ~seen_chains & ~families, found;
	uint32_t without_room = 0;

	seen_chains = chains;
	if (fresh == 0 || backend->check(&found) == -1 ||
	    (found &= fresh) == 0)
		return (false);
	(void)backend->list(found, take_over, &without_room);
	families |= found;
	log_info("the chain of %s is there now, and is filled, too",
	    found == MSG_FAMILY_V4 ? "IPv4" : "IPv6");
	return (true);
}

/* Until then nothing can be promised. */
static void
put_off_repair(uint64_t now)
{
	if (repair_at == 0)
		repair_latest = now + QUIET_MAX;
	repair_at = now + QUIET < repair_latest ? now + QUIET : repair_latest;
	ready = 0;
}

/* Is it time to repair?  For seen, see watch.h. */
static bool
must_repair(unsigned int seen, uint64_t now)
{
	bool due = now >= next_look;
	uint8_t chains;

	if (seen != 0 || (due && ready != families)) {
		chains = backend->chains();
		if (take_families_in(chains) ||
		    (repair_at == 0 && (chains & families) != ready))
			return (true);
	}
	if (repair_at != 0)
		return (((seen & WATCH_ADDED) != 0 &&
		    repair_at < repair_latest) || now >= repair_at);
	return (due && ready != 0 && backend->intact != NULL &&
	    !is_intact());
}

bool
firewall_lost(void)
{
	if (families != 0)
		events |= watch_read();
	return ((events & WATCH_LOST) != 0);
}

bool
firewall_look(void)
{
	uint64_t now = clock_now();
	bool repaired;
	unsigned int seen;

	if (families == 0)
		return (false);
	seen = watch_read() | events;
	events = 0;
	if (seen & WATCH_LOST)
		put_off_repair(now);
	repaired = must_repair(seen, now);
	if (now >= next_look)
		next_look = now + CHECK_PERIOD;
	if (repaired)
		repair();
	if (effect_due || (seen & WATCH_RULES) != 0 || repaired)
		look_at_effect();
	return (repaired || (seen & WATCH_LOST) != 0);
}
