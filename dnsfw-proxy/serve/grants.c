/* From the addresses of an answer to grants, and to the answer that leaves. */
#include "grants.h"

#include <stdlib.h>
#include <string.h>

#include "../dns/answer.h"
#include "../dns/vet.h"
#include "accesslog.h"
#include "clock.h"
#include "counters.h"
#include "decision.h"
#include "grantcache.h"
#include "hash.h"
#include "log.h"
#include "loop.h"
#include "policy.h"
#include "priv.h"
#include "settings.h"
#include "verdict.h"

#define SLOTS		16384	/* grants under way */
#define ANSWER_MAX	1024	/* grants of one answer */
#define NO_EXPIRY	UINT64_MAX

/* An answer that waits. */
struct held {
	uint32_t	pending;	/* grants without a result */
	enum msg_result_code code;	/* the first that is not OK */
	uint64_t	expiry;		/* of the grant that ends first */
	bool		passes;		/* see struct verdict */
	struct addr	*forbidden;	/* as dnsfw-priv says (G8) */
	size_t		nforbidden;
	struct dns_response response;
	size_t		len;
	uint8_t		msg[];
};

/* A grant under way; its number is the low part of msg.seq. */
struct slot {
	struct msg_grant msg;
	struct query	*query;		/* NULL: free */
	uint32_t	lifetime;	/* seconds, without the grace */
	uint32_t	next_free;
};

static struct slot *slots;
static uint32_t first_free, fresh, in_use, rounds;
/* Slots whose message is still to be sent: a ring. */
static uint32_t *unsent;
static uint32_t unsent_head, unsent_count;

void
grants_init(void)
{
	grantcache_init();
	slots = calloc(SLOTS, sizeof(*slots));
	unsent = calloc(SLOTS, sizeof(*unsent));
	if (slots == NULL || unsent == NULL)
		fatalx("no memory");
	first_free = SLOTS;
}

/* The caller has seen to it that there is one. */
static struct slot *
slot_take(void)
{
	uint32_t i = first_free;
	struct slot *s;

	if (i == SLOTS)
		i = fresh++;
	else
		first_free = slots[i].next_free;
	in_use++;
	s = &slots[i];
	/* The high part makes a stale or invented number stand out. */
	s->msg.seq = i + SLOTS * rounds++;
	return (s);
}

static void
slot_give_back(struct slot *s)
{
	s->query = NULL;
	s->next_free = first_free;
	first_free = (uint32_t)(s - slots);
	in_use--;
}

static bool
is_label_char(char c)
{
	return ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '.' || c == '_' || c == '-');
}

/*
 * The name for the entry's comment: what is not [a-z0-9._-], and the beginning
 * of what is too long, becomes an asterisk.
 */
static void
make_label(const struct dns_name *name, char label[MSG_LABEL_SIZE])
{
	DNS_UNINITIALIZED char text[DNS_NAME_TEXT_MAX];
	DNS_UNINITIALIZED struct dns_name folded;
	size_t len, i, from = 0;

	dns_name_fold(name, &folded);
	len = dns_name_print(&folded, text);
	/* Without the final dot, but for the root. */
	if (len > 1)
		len--;
	if (len >= MSG_LABEL_SIZE)
		from = len - (MSG_LABEL_SIZE - 1);
	memset(label, 0, MSG_LABEL_SIZE);
	for (i = 0; from + i < len; i++)
		label[i] = is_label_char(text[from + i]) ? text[from + i] : '*';
	if (from > 0)
		label[0] = '*';
}

/* The message for one address and port; seq and label are left out. */
static void
make_grant(const struct query *q, const struct dns_address *a,
    const struct acl_port *port, struct msg_grant *g)
{
	memset(g, 0, offsetof(struct msg_grant, label));
	g->type = MSG_GRANT;
	g->family = a->addr.family;
	g->proto = port->proto;
	g->port = port->port;
	g->policy = policy.generation;
	g->ttl = a->ttl;
	memcpy(g->dst, a->addr.bytes, sizeof(g->dst));
	g->local = addr_is_loopback(&q->request.client);
	if (!g->local)
		memcpy(g->client, q->request.client.bytes, sizeof(g->client));
}

/* --- the answer leaves --- */

static void
reply(struct query *q, uint8_t *msg, size_t len, const struct dns_response *r,
    uint64_t expiry)
{
	uint64_t left;

	if (expiry != NO_EXPIRY) {
		left = expiry > loop.now ? expiry - loop.now : 0;
		dns_answer_cap_ttl(msg, len, r,
		    (uint32_t)(left / CLOCK_SECOND));
	} else
		query_log_passed(q, r);
	query_reply(q, msg, len);
}

/* All results are there. */
static void
finish(struct query *q)
{
	struct held *g = q->held;
	struct verdict v = { .request = &q->request, .passes = g->passes,
	    .forbidden = g->forbidden, .nforbidden = g->nforbidden };
	enum dns_err err = DNS_OK;
	uint8_t *msg = g->msg;
	size_t len = g->len;
	struct answer a;

	if (g->nforbidden > 0 && g->code == RESULT_OK)
		err = verdict_remove(&v, &msg, &len, &g->response);
	if (g->code == RESULT_STALE) {
		answer_begin(&a, g->msg, g->len, &g->response, false);
		grants_answer(q, &a, g->msg);
	} else if (g->code != RESULT_OK)
		query_failed(q, EDE_OTHER, msg_result_text(g->code));
	else if (err != DNS_OK)
		query_failed(q, EDE_OTHER, dns_strerror(err));
	else
		reply(q, msg, len, &g->response, g->expiry);
	free(g->forbidden);
	free(g);
}

/* --- what is to be granted --- */

/*
 * One address and port.  True if the grant is known to live long enough (G7);
 * then *expiry is lowered to its end.  If not, it is asked for.
 */
static bool
grant_one(struct query *q, const struct dns_address *a,
    const struct decision *d, unsigned int p, uint64_t *expiry)
{
	const struct acl_port *port = &d->acl.ports[p];
	struct msg_grant g;
	struct slot *s;
	uint32_t lifetime, seq;
	uint64_t known;

	make_grant(q, a, port, &g);
	lifetime = msg_lifetime(a->ttl, settings.config.min_rule_time,
	    settings.config.max_rule_time);
	known = grantcache_expiry(&g);
	if (known >= loop.now + lifetime * CLOCK_SECOND) {
		counters.known++;
		access_grant(&q->request, &a->addr, port, lifetime);
		if (known < *expiry)
			*expiry = known;
		return (true);
	}
	counters.grants++;
	s = slot_take();
	seq = s->msg.seq;
	s->msg = g;
	s->msg.seq = seq;
	make_label(decision_label(d, p, &q->request.dns.qname), s->msg.label);
	s->query = q;
	s->lifetime = lifetime;
	unsent[(unsent_head + unsent_count++) % SLOTS] = (uint32_t)(s - slots);
	return (false);
}

/* Wait for pending results with a copy of the answer. */
static void
wait_for_results(struct query *q, const uint8_t *msg, size_t len,
    const struct dns_response *r, bool passes, uint32_t pending,
    uint64_t expiry)
{
	struct held *g;

	if ((g = malloc(sizeof(*g) + len)) == NULL)
		fatalx("no memory");
	g->pending = pending;
	g->code = RESULT_OK;
	g->expiry = expiry;
	g->passes = passes;
	g->forbidden = NULL;
	g->nforbidden = 0;
	g->response = *r;
	g->len = len;
	memcpy(g->msg, msg, len);
	q->held = g;
}

/* Grant every address that may be granted at every port. */
static void
grant_all(struct query *q, uint8_t *msg, size_t len,
    const struct dns_response *r, const struct dns_address *a, size_t n,
    const struct decision *d)
{
	uint64_t expiry = NO_EXPIRY;
	uint32_t pending = 0;
	bool told = !settings.config.firewall || d->acl.nports == 0;
	size_t i;
	unsigned int p;

	for (i = 0; i < n; i++) {
		/* It passes, or was removed. */
		if (dns_vet_forbidden(&a[i].addr, &settings.vet))
			continue;
		/* Once an answer: it looks at all who were told of. */
		if (!told)
			told = verdict_tell_of_scope(&q->request, &a[i].addr);
		if (!verdict_may_be_granted(&q->request, &a[i].addr))
			continue;
		for (p = 0; p < d->acl.nports; p++)
			pending += !grant_one(q, &a[i], d, p, &expiry);
	}
	if (pending > 0)
		wait_for_results(q, msg, len, r, d->acl.resolve_first, pending,
		    expiry);
	else
		reply(q, msg, len, r, expiry);
}

void
grants_answer(struct query *q, struct answer *a, uint8_t *msg)
{
	const struct dns_address *addresses;
	struct dns_response response = *a->response;
	size_t len = a->len;
	struct verdict v = { .request = &q->request };
	DNS_UNINITIALIZED struct decision d;
	enum dns_err err;
	size_t n = 0, ports;

	/* Again, since the policy of now is what counts. */
	decision_make(&q->request, &d);
	ports = d.acl.nports;
	v.passes = d.acl.resolve_first;
	err = verdict_remove(&v, &msg, &len, &response);
	if (err == DNS_OK)
		err = answer_addresses(a, &addresses, &n);
	if (d.acl.verdict != ACL_ALLOW || d.acl.overflow)
		query_failed(q, EDE_PROHIBITED, "the policy has changed");
	else if (err != DNS_OK)
		query_failed(q, EDE_OTHER, dns_strerror(err));
	else if (n * ports > ANSWER_MAX)
		query_failed(q, EDE_OTHER, "too many addresses to grant");
	else if (n * ports > SLOTS - in_use)
		query_failed(q, EDE_OTHER, "too many grants under way");
	else
		grant_all(q, msg, len, &response, addresses, n, &d);
}

/* --- results --- */

static struct addr
destination(const struct slot *s)
{
	struct addr dst = { .family = s->msg.family };

	memcpy(dst.bytes, s->msg.dst, sizeof(dst.bytes));
	return (dst);
}

/*
 * dnsfw-priv knows more, as when an own address is so new that its OWN is
 * still on the way here: it goes from the answer.
 */
static void
result_forbidden(const struct slot *s, struct held *g)
{
	struct addr *more;

	more = reallocarray(g->forbidden, g->nforbidden + 1, sizeof(*more));
	if (more == NULL)
		fatalx("no memory");
	g->forbidden = more;
	g->forbidden[g->nforbidden++] = destination(s);
}

static void
result_granted(const struct slot *s, uint64_t expiry)
{
	const struct query *q = s->query;
	const struct acl_port port = { .proto = s->msg.proto,
	    .port = s->msg.port };
	struct addr dst = destination(s);

	grantcache_put(&s->msg, expiry);
		access_grant(&q->request, &dst, &port, s->lifetime);
	if (expiry < q->held->expiry)
		q->held->expiry = expiry;
}

void
grants_result(const struct msg_result *r)
{
	struct slot *s = &slots[r->seq % SLOTS];
	struct query *q = s->query;

	if (q == NULL || s->msg.seq != r->seq)
		fatalx("a result from dnsfw-priv that nothing waits for");
	if (r->code == RESULT_OK)
		result_granted(s, r->expiry);
	else if (r->code == RESULT_FORBIDDEN)
		result_forbidden(s, q->held);
	else if (q->held->code == RESULT_OK)
		q->held->code = (enum msg_result_code)r->code;
	slot_give_back(s);
	if (--q->held->pending == 0)
		finish(q);
}

/* --- to dnsfw-priv --- */

void
grants_flush(void)
{
	static struct msg_grant record[MSG_BATCH_MAX];
	uint32_t n;

	while (unsent_count > 0) {
		for (n = 0; n < unsent_count && n < MSG_BATCH_MAX; n++)
			record[n] =
			    slots[unsent[(unsent_head + n) % SLOTS]].msg;
		if (!priv_send(record, n * sizeof(record[0])))
			return;
		unsent_head = (unsent_head + n) % SLOTS;
		unsent_count -= n;
	}
}
