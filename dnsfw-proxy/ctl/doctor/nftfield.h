/* What a rule of nft looks at, and with what it compares it. */
#ifndef DOCTOR_NFTFIELD_H
#define DOCTOR_NFTFIELD_H

#include <jansson.h>

#include "model.h"

/* The left side of a match. */
struct nftfield {
	enum model_what	what;
	uint32_t	proto;		/* that it means as well, or 0 */
	uint8_t		family;		/* the same */
	const char	*known;		/* MODEL_ALWAYS: when it is so */
	uint32_t	mask;		/* of TCP's flags, or 0 */
};

#define NFTFIELD_SYN	0x02U	/* of the flags: all that a first packet has */

struct nftfield	nftfield_read(const json_t *left);

/* TCP's flags, one or an array. */
uint32_t nftfield_flags(const json_t *);

/* Add a value, or several, as the right side has it; false: not understood. */
bool	nftfield_value(struct model *, const struct nftfield *,
	    const json_t *right, struct model_match *);

/* Add what the field means besides; returns how many were added, 0 to 2. */
size_t	nftfield_implied(struct model *, const struct nftfield *,
	    struct model_match out[2]);

#endif
