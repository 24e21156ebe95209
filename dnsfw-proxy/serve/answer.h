/*
 * An upstream's answer, and what its records mean (dns/answer.h): that depends
 * on the message alone, so it is read when the first who waits for the answer
 * asks for it, and not again for the others (D21).
 */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dns/answer.h"
#include "../dns/message.h"

/* What was read of it. */
struct answer_part {
	void		*items;		/* NULL: none is kept */
	size_t		 n;
	enum dns_err	 err;
};

struct answer {
	const uint8_t	*msg;		/* parsed to the last octet */
	size_t		 len;
	const struct dns_response *response;	/* of msg */
	bool		 several;	/* who will ask */
	struct answer_part targets, addresses;
};

/*
 * The answer msg, whose parse is r; both have to stay.  What is read is kept if
 * several will ask for it.
 */
void	answer_begin(struct answer *, const uint8_t *msg, size_t len,
	    const struct dns_response *r, bool several);

/* Free what is kept. */
void	answer_end(struct answer *);

/*
 * The names that it leads to, and the addresses that it has for the question, as
 * dns_answer_targets() and dns_answer_addresses() say, which may change nothing
 * of them: *out and *n are valid until the same is asked of another answer.
 */
DNS_MUSTCHECK enum dns_err answer_targets(struct answer *,
    const struct dns_target **out, size_t *n);
DNS_MUSTCHECK enum dns_err answer_addresses(struct answer *,
    const struct dns_address **out, size_t *n);

#endif
