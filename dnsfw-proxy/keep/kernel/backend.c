/* What both backends do. */
#include "backend.h"

#include <linux/netfilter/ipset/ip_set.h>
#include <linux/netfilter/ipset/ip_set_hash.h>

#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define RESULT_PERIOD	60	/* seconds between log lines */
#define UNIT		(CLOCK_SECOND / 1000)	/* of an order's time */

void
backend_order(const struct backend_add *add, enum order_type type,
    struct order_grant *o)
{
	const struct msg_grant *g = add->grant;
	uint64_t ms = (add->left + UNIT - 1) / UNIT;

	memset(o, 0, sizeof(*o));
	o->type = (uint8_t)type;
	o->family = g->family;
	o->proto = g->proto;
	o->local = g->local;
	o->port = g->port;
	memcpy(o->client, g->client, sizeof(o->client));
	memcpy(o->dst, g->dst, sizeof(o->dst));
	if (type != ORDER_ADD)
		return;
	o->left = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
	o->how = (uint8_t)((add->is_new ? ORDER_FRESH : 0) |
	    (add->spare ? ORDER_SPARE : 0));
	memcpy(o->label, g->label, sizeof(o->label));
}

static enum backend_code
code_of(const struct ask_result *r, bool remove)
{
	if (r->what == ASK_UNKNOWN)
		return (BACKEND_UNKNOWN);
	if (r->what == ASK_REFUSED)
		return (BACKEND_REFUSED);
	/* Without the set, nothing is in it. */
	if (r->error == 0 || (remove && r->error == ENOENT))
		return (BACKEND_OK);
	return (r->error == ENFILE || r->error == IPSET_ERR_HASH_FULL ?
	    BACKEND_FULL : BACKEND_FAILED);
}

void
backend_judge(struct backend_add *add, bool remove, const char *set,
    const struct ask_result *r)
{
	static struct log_limit full_limit, failed_limit;
	uint64_t events;
	bool full;

	add->code = code_of(r, remove);
	add->refused = r->code;
	full = add->code == BACKEND_FULL;
	if (add->code != BACKEND_OK && log_allowed(full ? &full_limit :
	    &failed_limit, clock_now(), RESULT_PERIOD, &events))
		log_error("%llu grant%s failed; the last one: set %s: %s",
		    (unsigned long long)events, log_s(events), set,
		    full ? "it is full" : ask_text(r));
}

void
backend_judge_test(struct backend_add *add, int error,
    const struct ask_result *r)
{
	add->refused = r->code;
	if (r->what == ASK_DONE && (r->error == error || r->error == ENOENT))
		add->code = BACKEND_GONE;
	else
		add->code = r->what == ASK_DONE && r->error != 0 ?
		    BACKEND_FAILED : code_of(r, false);
}
