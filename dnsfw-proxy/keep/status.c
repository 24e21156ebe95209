/* The status line. */
#include "status.h"

#include <linux/netfilter.h>

#include <stdio.h>

#include "clock.h"
#include "conf.h"
#include "firewall.h"
#include "log.h"
#include "notify.h"
#include "policy.h"

#define STATUS_MAX	(KEEPCONF_SCOPE_MAX + 200)
#define STATUS_PERIOD	(10 * CLOCK_SECOND)

static uint64_t next_status;
static unsigned int told;

static const char *
family_text(uint8_t family)
{
	return (family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV4 ?
	    "ip" : "ip6");
}

const char *
status_chain(void)
{
	static char chain[2 * KEEPCONF_NAME_MAX + 8];

	if (conf->firewall == KEEPCONF_NFTABLES)
		snprintf(chain, sizeof(chain), "%s %s %s",
		    family_text(conf->table_family), conf->table, conf->chain);
	else
		snprintf(chain, sizeof(chain), "%s", conf->chain);
	return (chain);
}

void
status_tell(const char *state)
{
	bool whole = firewall.ready == firewall.families;
	char text[STATUS_MAX];
	uint32_t grants;

	ledger_expire(firewall.ledger, clock_now());
	grants = ledger_count(firewall.ledger);
	snprintf(text, sizeof(text), "%s; %u rule%s, %u live grant%s%s%s%s",
	    conf->scope, policy_rules(), log_s(policy_rules()), grants,
	    log_s(grants), whole ? "" : "; the firewall was changed: nothing",
	    whole ? "" : firewall_lacking(firewall.ready),
	    whole ? "" : " is granted");
	notify_send(state, text);
}

/* Of a reload and the firewall at once, of the number of grants now and then. */
void
status_step(void)
{
	bool reloading = policy_reloading();
	unsigned int state = (unsigned int)reloading << 8 | firewall.ready;
	uint64_t now = clock_now();

	if (!notify_wanted() || (state == told && now < next_status))
		return;
	told = state;
	status_tell(reloading ? "RELOADING=1" : "READY=1");
	next_status = now + STATUS_PERIOD;
}

int
status_wait(void)
{
	uint64_t now = clock_now();

	if (!notify_wanted())
		return (-1);
	return (now >= next_status ? 0 :
	    (int)((next_status - now) / (CLOCK_SECOND / 1000)) + 1);
}
