/*
 * An upstream's answer, and what its records mean (dns/answer.h): that depends
 * on the message alone, so it is read when the first who waits for the answer
 * asks for it, and not again for the others (D21).
 */
#ifndef SERVE_ANSWER_H
#define SERVE_ANSWER_H

#include <stddef.h>
#include <stdint.h>

#include "../dns/answer.h"
#include "../dns/message.h"

struct quota;

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
	struct quota	*quota;		/* of what is kept; NULL: nothing is */
	struct answer_part targets, links, addresses;
	struct answer_part reading;	/* addresses, as far as they are read */
};

/*
 * The answer msg, whose parse is r; both have to stay.  If several will ask, what
 * is read is kept for them as long as the client with that quota has room for it
 * (kept.h); NULL: only one will.
 */
void	answer_begin(struct answer *, const uint8_t *msg, size_t len,
	    const struct dns_response *r, struct quota *);

/* What is kept is kept for that client from now on. */
void	answer_pass(struct answer *, struct quota *to);

/* It is at another place; the first is not to be used any more. */
void	answer_move(struct answer *from, struct answer *to);

/* Free what is kept; when is said in kept.h. */
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

/*
 * Read so much ahead of a long answer, to be kept, as is work enough for a turn;
 * part counts from 0.  False: there is no such part, and no later one.
 */
bool	answer_read_ahead(struct answer *, unsigned int part, bool addresses);

#endif
