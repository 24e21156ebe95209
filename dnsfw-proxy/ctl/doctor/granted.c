/* What a list can grant, to whom. */
#include "granted.h"

#include "../../acl/decide.h"
#include "../list.h"

void
granted_each(const struct list *l, acl_bound_fn *fn, void *arg)
{
	const struct acl_compiled c = {
	    .image = (void *)(uintptr_t)l->image };
	int coarsened;

	(void)acl_bounds(&c, SIZE_MAX, fn, arg, &coarsened);
}

const struct list_rule *
granted_by(const struct list *l, const struct acl_decision *d, uint8_t proto,
    uint16_t port)
{
	struct parse_rule rule;
	uint32_t i;
	size_t k;

	for (k = 0; k < d->nlines; k++)
		for (i = 0; i < l->nrules; i++) {
			if (l->rules[i].line != d->lines[k])
				continue;
			list_parse(&l->rules[i], &rule);
			if (rule.action == PARSE_GRANT &&
			    rule.proto == proto && parse_has_port(&rule, port))
				return (&l->rules[i]);
		}
	return (NULL);
}
