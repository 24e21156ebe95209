/* What a worker may ask, and what comes of it. */
#include "grants.h"

#include <string.h>

#include "children.h"
#include "clock.h"
#include "conntrack.h"
#include "firewall.h"
#include "forbidden.h"
#include "log.h"
#include "own.h"
#include "policy.h"

#define REFUSED_PERIOD	60	/* seconds between log lines */

/*
 * Transactions with the kernel: at most so many a second (P7).  An honest
 * worker that is asked for more has larger batches instead.
 */
#define TRANSACTIONS	20000ULL
#define TRANSACTIONS_BURST 1000ULL

#define REVIEW_BATCH	64	/* grants that are looked at again at once */

static struct ledger *ledger;
static const struct options *options;

static struct log_limit refused_limit, full_limit;
static bool reviewing;
static uint64_t tokens, tokens_time;
static uint64_t counts[RESULT_COUNT], known_count;

/* One turn: what was asked, and what goes back. */
static struct msg_grant grants[BACKEND_BATCH_MAX];
static struct msg_result results[BACKEND_BATCH_MAX];
static struct msg_grant was[BACKEND_BATCH_MAX];	/* in the ledger, before */
static uint64_t before[BACKEND_BATCH_MAX];	/* and its expiry; 0: none */
static uint64_t since[BACKEND_BATCH_MAX];	/* and when it was asked for */
static struct backend_add adds[BACKEND_BATCH_MAX];
static size_t add_index[BACKEND_BATCH_MAX];

void
grants_start(const struct options *o)
{
	options = o;
	ledger = firewall_ledger();
	tokens = TRANSACTIONS_BURST;
	tokens_time = clock_now();
}

static uint8_t
family_bit(const struct msg_grant *g)
{
	return (g->family == ADDR_V4 ? MSG_FAMILY_V4 : MSG_FAMILY_V6);
}

/* A local grant is for a loopback client, of either family (G5). */
static bool
is_client(const struct addr *client, bool local, const struct addr_net *net)
{
	static const struct addr v4 = { ADDR_V4, { 127, 0, 0, 1 } };
	static const struct addr v6 = { ADDR_V6, { [15] = 1 } };

	if (!local)
		return (addr_in_net(client, net));
	return (addr_is_loopback(&net->base) || addr_in_net(&v4, net) ||
	    addr_in_net(&v6, net));
}

/* P7: what root and the policy allow, whatever a proxy says. */
static enum msg_result_code
within_limits(const struct msg_grant *g)
{
	struct addr client = { .family = g->family };
	struct addr dst = { .family = g->family };
	size_t i;

	memcpy(client.bytes, g->client, sizeof(client.bytes));
	memcpy(dst.bytes, g->dst, sizeof(dst.bytes));
	if (forbidden_destination(&dst))
		return (RESULT_FORBIDDEN);
	if ((firewall_families() & family_bit(g)) == 0 ||
	    !bounds_cover(policy_bounds(), g))
		return (RESULT_OUTSIDE);
	if (options->client_nets.n == 0)
		return (RESULT_OK);
	for (i = 0; i < options->client_nets.n; i++) {
		if (is_client(&client, g->local == 1,
		    &options->client_nets.at[i]))
			return (RESULT_OK);
	}
	return (RESULT_OUTSIDE);
}

static enum msg_result_code
permitted(const struct msg_grant *g)
{
	enum msg_result_code code;

	if (g->policy != policy_generation())
		return (RESULT_STALE);
	code = within_limits(g);
	if (code == RESULT_OK && (firewall_ready() & family_bit(g)) == 0)
		return (RESULT_FAILED);
	return (code);
}

static void
log_refused(enum msg_result_code code, uint64_t now)
{
	struct log_limit *limit = code == RESULT_FULL ?
	    &full_limit : &refused_limit;
	uint64_t count;

	/* The backend has logged what failed; STALE is no refusal. */
	if (code == RESULT_OK || code == RESULT_FAILED ||
	    code == RESULT_STALE ||
	    !log_allowed(limit, now, REFUSED_PERIOD, &count))
		return;
	if (code == RESULT_FULL)
		log_warn("%llu grant%s refused: %u live, and --max-grants is "
		    "%u", (unsigned long long)count, log_s(count),
		    ledger_count(ledger), ledger_max(ledger));
	else
		log_warn("%llu grant%s refused: %s", (unsigned long long)count,
		    log_s(count), msg_result_text(code));
}

/*
 * Decide on grants[i].  Returns true if the kernel has to be asked; then the
 * grant is in the ledger already, so that another one of this turn neither
 * shortens it nor takes its room.  Else results[i] is complete.
 */
static bool
decide(size_t i, uint64_t now)
{
	const struct msg_grant *g = &grants[i], *known = ledger_find(ledger, g);
	uint32_t lifetime, grace;
	uint64_t expiry;
	struct msg_result *r = &results[i];

	expiry = known == NULL ? 0 : ledger_expiry(ledger, g);
	was[i] = known == NULL ? *g : *known;
	before[i] = expiry;
	r->code = (uint8_t)permitted(g);
	if (r->code != RESULT_OK)
		return (false);
	lifetime = msg_lifetime(g->ttl, options->min_rule_time,
	    options->max_rule_time);
	grace = msg_grace(lifetime, options->max_rule_time);
	/* While a review may revoke it for its name, it gets the new name. */
	if (expiry >= now + lifetime * CLOCK_SECOND && (!reviewing ||
	    memcmp(known->label, g->label, sizeof(g->label)) == 0)) {
		r->expiry = expiry;
		known_count++;
		return (false);
	}
	if (known == NULL && !ledger_admits(ledger, g)) {
		r->code = RESULT_FULL;
		return (false);
	}
	r->expiry = now + ((uint64_t)lifetime + grace) * CLOCK_SECOND;
	if (r->expiry < expiry)
		r->expiry = expiry;
	since[i] = known == NULL ? 0 : ledger_since(ledger, g);
	/* ledger_admits() has seen to the room. */
	if (ledger_put(ledger, g, r->expiry, now) == -1)
		fatalx("the ledger is full");
	return (true);
}

/* What the kernel refused goes out of the ledger, the latest first. */
static void
take_back(size_t nadds, size_t n)
{
	size_t a, i;
	bool any = false;

	for (a = nadds; a-- > 0;) {
		i = add_index[a];
		if (adds[a].code == RESULT_OK)
			continue;
		results[i].code = adds[a].code;
		results[i].expiry = 0;
		ledger_restore(ledger, &was[i], before[i], since[i]);
		any = true;
	}
	/* One of them may be what another relied on. */
	for (i = 0; any && i < n; i++) {
		if (results[i].code == RESULT_OK &&
		    ledger_expiry(ledger, &grants[i]) < results[i].expiry) {
			results[i].code = RESULT_FAILED;
			results[i].expiry = 0;
		}
	}
}

/* n grants of one turn: check, one transaction, results. */
static void
program(struct child *c, size_t n)
{
	uint64_t now = clock_now();
	size_t i, k, nadds = 0;

	ledger_expire(ledger, now);
	for (i = 0; i < n; i++) {
		memset(&results[i], 0, sizeof(results[i]));
		results[i].type = MSG_RESULT;
		results[i].seq = grants[i].seq;
		if (!decide(i, now))
			continue;
		adds[nadds].grant = &grants[i];
		adds[nadds].left = results[i].expiry - now;
		adds[nadds].is_new = before[i] == 0;
		add_index[nadds++] = i;
	}
	if (nadds > 0) {
		firewall_add(adds, nadds);
		tokens -= tokens > 0;
		take_back(nadds, n);
	}
	for (i = 0; i < n; i++) {
		log_refused((enum msg_result_code)results[i].code, now);
		counts[results[i].code]++;
	}
	for (i = 0; i < n; i += k) {
		k = n - i < MSG_BATCH_MAX ? n - i : MSG_BATCH_MAX;
		children_send(c, &results[i], k * sizeof(results[0]), -1);
	}
}

void
grants_serve(struct child *c)
{
	static uint8_t buf[MSG_SIZE_MAX];
	enum msg_err err;
	size_t len, at, size, n = 0;

	while (n + MSG_BATCH_MAX <= BACKEND_BATCH_MAX &&
	    (len = children_receive(c, buf, NULL)) > 0) {
		for (at = 0; at < len; at += size) {
			size = len - at < sizeof(grants[0]) ? len - at :
			    sizeof(grants[0]);
			err = msg_grant_decode(buf + at, size, &grants[n++]);
			if (err != MSG_OK)
				children_malformed(c, msg_strerror(err));
		}
	}
	if (n > 0)
		program(c, n);
}

bool
grants_may_serve(void)
{
	uint64_t now = clock_now(), more;

	more = (now - tokens_time) / (CLOCK_SECOND / TRANSACTIONS);
	if (more > 0) {
		tokens = tokens + more > TRANSACTIONS_BURST ?
		    TRANSACTIONS_BURST : tokens + more;
		tokens_time = now;
	}
	return (tokens > 0);
}

/*
 * A batch of the review is with the compiler; but those that root's limits or
 * the policy's bounds exclude are not even asked about.
 */

static struct msg_grant reviewed[REVIEW_BATCH];
static bool keep[REVIEW_BATCH], answered[REVIEW_BATCH];
static size_t nreviewed, nasked;
static uint32_t review_cursor;
static bool ask_compiler;

void
grants_review(bool new_policy)
{
	ask_compiler = new_policy || (reviewing && ask_compiler);
	review_cursor = 0;
	reviewing = true;
}

static void
ask(struct child *compiler, size_t i)
{
	const struct msg_grant *g = &reviewed[i];
	struct msg_check check = { .type = MSG_CHECK, .family = g->family,
	    .proto = g->proto, .local = g->local, .seq = (uint32_t)i,
	    .port = g->port };

	memcpy(check.client, g->client, sizeof(check.client));
	memcpy(check.label, g->label, sizeof(check.label));
	children_send(compiler, &check, sizeof(check), -1);
	answered[i] = false;
	nasked++;
}

void
grants_checked(struct child *compiler, const struct msg_checked *m)
{
	if (m->seq >= nreviewed || answered[m->seq])
		children_malformed(compiler, "CHECKED without a CHECK");
	keep[m->seq] = m->keep == 1;
	answered[m->seq] = true;
	nasked--;
}

/* Returns how many are revoked. */
static size_t
end_batch(void)
{
	static struct msg_grant revoked[REVIEW_BATCH];
	const struct msg_grant *g;
	unsigned int killed = 0;
	size_t i, n = 0;

	for (i = 0; i < nreviewed; i++) {
		g = ledger_find(ledger, &reviewed[i]);
		/* Meanwhile it may have ended, or been granted for another. */
		if (!keep[i] && g != NULL && memcmp(g->label,
		    reviewed[i].label, sizeof(g->label)) == 0)
			revoked[n++] = *g;
	}
	nreviewed = 0;
	firewall_revoke(revoked, n);
	for (i = 0; i < n && options->kill_connections; i++)
		killed += conntrack_kill(&revoked[i]);
	if (n > 0)
		log_info("%zu grant%s revoked, %u connection%s ended: the "
		    "policy or this host's addresses have changed", n,
		    log_s(n), killed, log_s(killed));
	return (n);
}

bool
grants_step_due(void)
{
	return (reviewing && nasked == 0);
}

bool
grants_step(struct child *compiler)
{
	const struct msg_grant *g;
	size_t revoked;

	if (!grants_step_due())
		return (false);
	revoked = end_batch();
	ledger_expire(ledger, clock_now());
	while (nreviewed < REVIEW_BATCH &&
	    (g = ledger_next(ledger, &review_cursor)) != NULL) {
		reviewed[nreviewed] = *g;
		keep[nreviewed] = within_limits(g) == RESULT_OK;
		answered[nreviewed] = true;
		if (keep[nreviewed] && ask_compiler)
			ask(compiler, nreviewed);
		nreviewed++;
	}
	reviewing = nreviewed > 0;
	return (revoked > 0);
}

/*
 * --hold-live.  To ask costs the kernel a walk through its table, so there is
 * a limit of questions a second; a grant that is not asked about just ends.
 */
#define HOLD_MAX	64			/* in one step */
#define HOLD_PERIOD	250			/* ms */
#define HOLD_AHEAD	CLOCK_SECOND		/* before the end */
#define HOLD_TIME	60			/* seconds that it gets */

static uint64_t next_hold, held_count;

/* When the grant will end if it is lengthened now; its maximum counts (G3). */
static uint64_t
held_until(const struct msg_grant *g, uint64_t now)
{
	uint64_t until = now + HOLD_TIME * CLOCK_SECOND;
	uint64_t last = ledger_since(ledger, g) +
	    options->max_rule_time * CLOCK_SECOND;

	return (until < last ? until : last);
}

static void
hold(const struct msg_grant *ending, uint64_t now)
{
	struct msg_grant g = *ending;
	struct backend_add one = { .grant = &g };
	uint64_t until = held_until(&g, now);

	if (until < ledger_expiry(ledger, &g) + CLOCK_SECOND ||
	    within_limits(&g) != RESULT_OK || !conntrack_is_live(&g))
		return;
	one.left = until - now;
	firewall_add(&one, 1);
	if (one.code == RESULT_OK)
		(void)ledger_put(ledger, &g, until, 0);
	held_count += one.code == RESULT_OK;
}

int
grants_hold(void)
{
	const struct msg_grant *ending[HOLD_MAX];
	uint64_t now = clock_now();
	size_t i, n;

	if (!options->hold_live)
		return (-1);
	if (now >= next_hold) {
		ledger_expire(ledger, now);
		n = ledger_ending(ledger, now + HOLD_AHEAD, ending, HOLD_MAX);
		for (i = 0; i < n && firewall_ready() != 0; i++)
			hold(ending[i], now);
		next_hold = clock_now() + HOLD_PERIOD * (CLOCK_SECOND / 1000);
	}
	return (HOLD_PERIOD);
}

void
grants_log(void)
{
	enum msg_result_code code;

	log_info("policy: rules %u, generation %u; grants: %u live of %u, "
	    "%llu known already, %llu held for living connections",
	    policy_rules(), policy_generation(), ledger_count(ledger),
	    ledger_max(ledger), (unsigned long long)known_count,
	    (unsigned long long)held_count);
	for (code = RESULT_OK; code < RESULT_COUNT; code++)
		log_info("grants asked for, %s: %llu", msg_result_text(code),
		    (unsigned long long)counts[code]);
	log_info("firewall: %s, transactions %llu, repairs %llu, "
	    "grants revoked %llu, kept at the start %llu; "
	    "own addresses: %u",
	    firewall_ready() == firewall_families() ? "working" :
	    "incomplete", (unsigned long long)firewall_counts.transactions,
	    (unsigned long long)firewall_counts.repairs,
	    (unsigned long long)firewall_counts.revoked,
	    (unsigned long long)firewall_counts.taken_over, own_count());
}
