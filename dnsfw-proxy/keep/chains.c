/* Families and their chains. */
#include "chains.h"

#include "firewall.h"
#include "log.h"

uint8_t
chains_fresh(struct chains *c, uint8_t there)
{
	uint8_t fresh = there & (uint8_t)~c->seen &
	    (uint8_t)~firewall.families, found;

	c->seen = there;
	if (fresh == 0 || firewall.backend->check(&found) == -1)
		return (0);
	return (fresh & found);
}

void
chains_serve(uint8_t fresh)
{
	if ((fresh & (uint8_t)~firewall.families) == 0)
		return;
	firewall.families |= fresh;
	log_info("the chain of %s is there now, and is filled, too",
	    fresh == MSG_FAMILY_V4 ? "IPv4" : "IPv6");
}

void
chains_log(struct chains *c, uint8_t there)
{
	uint8_t missing = firewall.families & (uint8_t)~there;

	if ((missing & (uint8_t)~c->logged) != 0)
		log_error("the firewall was changed: our chain%s is gone; "
		    "nothing is granted there until it exists again",
		    firewall_lacking(there & firewall.families));
	c->logged = missing;
}
