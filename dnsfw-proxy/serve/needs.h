/*
 * What an answer needs (G3 to G5): a grant of each address at each port, for who asked
 * and for the others of its host (recipients.h).
 */
#ifndef SERVE_NEEDS_H
#define SERVE_NEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/answer.h"
#include "alias.h"
#include "decision.h"
#include "grants.h"
#include "recipients.h"
#include "request.h"

#define NEEDS_MAX	1024		/* grants of one answer */
#define NEEDS_NO_EXPIRY	UINT64_MAX
/* Why an answer fails that needs more. */
#define NEEDS_TOO_MANY	"too many addresses to grant"

/* Grants that it needs, or some of them. */
struct needs {
	uint64_t	expiry;		/* of the one known that ends first */
	size_t		nwants, nknown;
	/* What is to be asked for from its begin, what is known from its end. */
	struct grants_want want[NEEDS_MAX];
	/* Of these the names that led there: all of a host have the same (D14). */
	struct dns_name	labels[ALIAS_ORIGINS];
	size_t		nlabels;
};

/*
 * Which of the n addresses of an answer are to be granted to some of the recipients;
 * returns how many, of which there is room for NEEDS_MAX + 1.  Warns of what does not
 * match (G12).
 */
size_t	needs_addresses(const struct request *, const struct recipients *,
	    const struct dns_address *, size_t n,
	    struct dns_address out[NEEDS_MAX + 1]);

/*
 * How many grants of n such addresses that is; d is the decision for who asked.
 * NEEDS_MAX + 1 stands for all that are more.
 */
size_t	needs_count(const struct request *, const struct recipients *,
	    const struct decision *d, const struct dns_address *, size_t n);

/* Nothing yet. */
void	needs_begin(struct needs *);

/*
 * And what that recipient, for whom d was decided, needs of n addresses.  False: it
 * would be more than NEEDS_MAX.
 */
bool	needs_add(struct needs *, const struct request *,
	    const struct addr *recipient, const struct decision *d,
	    const struct dns_address *, size_t n);

/* The access log has what is known already, too. */
void	needs_log(const struct request *, const struct needs *);

#endif
