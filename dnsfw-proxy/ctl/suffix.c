/* Public suffixes, by libpsl and the newest list that the system has. */
#include "suffix.h"

#include <libpsl.h>

static psl_ctx_t *
public_suffixes(void)
{
	static psl_ctx_t *psl;

	if (psl == NULL)
		psl = psl_latest(NULL);
	return (psl);
}

bool
suffix_known(void)
{
	return (public_suffixes() != NULL);
}

bool
suffix_is_public(const struct dns_name *name)
{
	const psl_ctx_t *psl = public_suffixes();
	char text[DNS_NAME_TEXT_MAX];
	size_t len;

	if (name->labels == 0 || psl == NULL)
		return (false);
	len = dns_name_print(name, text);
	text[len - 1] = '\0';	/* the final dot */
	return (psl_is_public_suffix2(psl, text,
	    PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) == 1);
}
