/* The status line. */
#include "status.h"

#include <linux/netfilter.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "conf.h"
#include "firewall.h"
#include "log.h"
#include "notify.h"
#include "policy.h"

#define STATUS_MAX	(STATUS_SCOPE_MAX + 400)
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
		    family_text(conf->table.family), conf->table.name, conf->chain);
	else
		snprintf(chain, sizeof(chain), "%s", conf->chain);
	return (chain);
}

/* Append to text. */
static void __attribute__((format(printf, 2, 3)))
append(char text[STATUS_SCOPE_MAX], const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + len, STATUS_SCOPE_MAX - len, fmt, ap);
	va_end(ap);
}

static void
append_hosts(char text[STATUS_SCOPE_MAX], const struct hosts *hosts,
    uint32_t port)
{
	char host[HOST_TEXT_MAX];
	size_t i;

	for (i = 0; i < hosts->n; i++)
		append(text, "%s%s", i == 0 ? "" : ", ",
		    host_print(&hosts->at[i], host));
	append(text, " port %u; ", port);
}

const char *
status_scope(void)
{
	static char text[STATUS_SCOPE_MAX];

	text[0] = '\0';
	append_hosts(text, &conf->binds, conf->bind_port);
	append(text, "upstream ");
	append_hosts(text, &conf->upstreams, conf->upstream_port);
	if (conf->firewall == KEEPCONF_NONE)
		append(text, "no firewall");
	else
		append(text, "%s %s", conf->firewall == KEEPCONF_NFTABLES ?
		    "nftables" : "iptables", status_chain());
	return (text);
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
	    status_scope(), policy_rules(), log_s(policy_rules()), grants,
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
	uint64_t now;

	if (!notify_wanted())
		return (-1);
	now = clock_now();
	return (now >= next_status ? 0 :
	    (int)((next_status - now) / (CLOCK_SECOND / 1000)) + 1);
}
