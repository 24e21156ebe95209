/* The status line. */
#include "status.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "firewall.h"
#include "log.h"
#include "nfrule.h"
#include "notify.h"
#include "policy.h"

static char scope[STATUS_MAX - 100];	/* the rest is for the numbers */
static char chain[2 * TABLE_NAME_MAX + 8];

/* Append to scope; what has no room is cut. */
static void
append(const char *text)
{
	size_t len = strlen(scope);

	snprintf(scope + len, sizeof(scope) - len, "%s", text);
}

static void
append_hosts(const struct hosts *hosts, unsigned int port)
{
	char text[HOST_TEXT_MAX];
	size_t i;

	for (i = 0; i < hosts->n; i++) {
		append(i == 0 ? "" : ", ");
		append(host_print(&hosts->at[i], text));
	}
	snprintf(text, sizeof(text), " port %u; ", port);
	append(text);
}

void
status_open(const struct options *o)
{
	append_hosts(&o->binds, o->bind_port);
	append("upstream ");
	append_hosts(&o->upstreams, o->upstream_port);
	if (o->firewall == FIREWALL_NFTABLES)
		snprintf(chain, sizeof(chain), "%s %s %s",
		    nfrule_family(o->table.family), o->table.name, o->chain);
	else if (o->firewall == FIREWALL_IPTABLES)
		snprintf(chain, sizeof(chain), "%s", o->chain);
	append(o->firewall == FIREWALL_NFTABLES ? "nftables " :
	    o->firewall == FIREWALL_IPTABLES ? "iptables " : "no firewall");
	append(chain);
}

const char *
status_scope(void)
{
	return (scope);
}

const char *
status_chain(void)
{
	return (chain);
}

void
status_tell(const char *state)
{
	struct ledger *ledger = firewall_ledger();
	uint8_t ready = firewall_ready();
	bool whole = ready == firewall_families();
	char text[STATUS_MAX];
	uint32_t grants;

	ledger_expire(ledger, clock_now());
	grants = ledger_count(ledger);
	snprintf(text, sizeof(text), "%s; %u rule%s, %u live grant%s%s%s%s",
	    scope, policy_rules(), log_s(policy_rules()), grants,
	    log_s(grants), whole ? "" : "; the firewall was changed: nothing",
	    whole ? "" : firewall_lacking(ready), whole ? "" : " is granted");
	notify_send(state, text);
}
