/* --firewall none (F3): names are filtered, nothing is ever granted. */
#include "backend.h"

static void
none_open(const struct backend_config *config)
{
	(void)config;
}

/* Without a family nothing else is ever asked. */
static int
none_check(uint8_t *families)
{
	*families = 0;
	return (0);
}

const struct backend backend_none = {
	.open = none_open,
	.check = none_check
};
