/* --firewall none (F3): names are filtered, nothing is ever granted. */
#include "backend.h"

static void
none_open(const struct backend_config *config)
{
	(void)config;
}

static int
none_check(uint8_t *families)
{
	*families = 0;
	return (0);
}

static int
none_prepare(void)
{
	return (0);
}

/* Unreachable: no family can be granted. */
static void
none_add(struct backend_add *adds, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		adds[i].code = RESULT_FAILED;
}

const struct backend backend_none = {
	.name = "none",
	.open = none_open,
	.check = none_check,
	.prepare = none_prepare,
	.add = none_add
};
