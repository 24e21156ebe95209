/* Which upstream to ask. */
#include "upstream.h"

#include <net/if.h>

#include <stdio.h>
#include <string.h>

#include "addrtext.h"
#include "clock.h"
#include "log.h"
#include "loop.h"
#include "settings.h"

#define SILENT_MAX	3	/* tries without an answer, and it counts as down */
#define DOWN_TIME	(10 * CLOCK_SECOND)	/* before it is probed again */
#define TOLD_PERIOD	60	/* seconds between log lines of one upstream */

struct upstream {
	char		name[ADDR_TEXT_MAX + IF_NAMESIZE];
	struct sockaddr_storage ss;
	socklen_t	len;
	unsigned int	silent;		/* tries since the last answer */
	uint64_t	probe_at;	/* while down: when to look again */
	struct log_limit limit;
	bool		told;		/* the log has it as silent */
};

static struct upstream upstreams[MSG_UPSTREAMS_MAX];
static size_t upstream_total;

void
upstream_init(void)
{
	char text[ADDR_TEXT_MAX], zone[IF_NAMESIZE];
	const struct msg_upstream *u;
	struct addr a;
	size_t i;

	upstream_total = settings.config.nupstreams;
	for (i = 0; i < upstream_total; i++) {
		u = &settings.config.upstreams[i];
		a.family = u->family;
		memcpy(a.bytes, u->addr, sizeof(a.bytes));
		upstreams[i].len = addr_to_sockaddr(&a, u->port, u->scope,
		    &upstreams[i].ss);
		addr_print(&a, text);
		if (u->scope == 0 || if_indextoname(u->scope, zone) == NULL)
			zone[0] = '\0';
		snprintf(upstreams[i].name, sizeof(upstreams[i].name),
		    "%s%s%s", text, zone[0] == '\0' ? "" : "%", zone);
	}
}

size_t
upstream_count(void)
{
	return (upstream_total);
}

const struct sockaddr_storage *
upstream_sockaddr(size_t i, socklen_t *len)
{
	*len = upstreams[i].len;
	return (&upstreams[i].ss);
}

static bool
upstream_is_down(const struct upstream *u)
{
	return (u->silent >= SILENT_MAX);
}

int
upstream_choose(uint32_t tried, bool *probe)
{
	int first_up = -1, first = -1;
	size_t i;

	*probe = false;
	for (i = 0; i < upstream_total; i++) {
		if (tried & 1U << i)
			continue;
		if (first == -1)
			first = (int)i;
		if (upstream_is_down(&upstreams[i]) &&
		    loop.now >= upstreams[i].probe_at) {
			upstreams[i].probe_at = loop.now + DOWN_TIME;
			*probe = true;
			return ((int)i);
		}
		if (!upstream_is_down(&upstreams[i]) && first_up == -1)
			first_up = (int)i;
	}
	/* If all are down, any is better than none. */
	return (first_up != -1 ? first_up : first);
}

uint8_t
upstream_silent_ones(void)
{
	uint8_t ones = 0;
	size_t i;

	for (i = 0; i < upstream_total; i++)
		if (upstream_is_down(&upstreams[i]))
			ones |= (uint8_t)(1U << i);
	return (ones);
}

const char *
upstream_name(size_t i)
{
	return (upstreams[i].name);
}

void
upstream_answered(size_t i)
{
	upstreams[i].silent = 0;
	if (!upstreams[i].told)
		return;
	upstreams[i].told = false;
	log_info("upstream %s answers again", upstream_name(i));
}

void
upstream_silent(size_t i)
{
	struct upstream *u = &upstreams[i];
	uint64_t times;

	if (++u->silent != SILENT_MAX)
		return;
	u->probe_at = loop.now + DOWN_TIME;
	/* Clients can bring that about, with names of silent servers. */
	if (!log_allowed(&u->limit, loop.now, TOLD_PERIOD, &times))
		return;
	u->told = true;
	log_warn("upstream %s does not answer%s", upstream_name(i),
	    upstream_total > 1 ? ": others are asked first" : "");
}
