/* Public suffixes are not known without libpsl. */
#include "suffix.h"

bool
suffix_is_public(const struct dns_name *name)
{
	(void)name;
	return (false);
}

bool
suffix_known(void)
{
	return (false);
}
