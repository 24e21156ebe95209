/*
 * Grants for the addresses of an answer (G1 to G8): the answer waits until
 * dnsfw-priv says that the kernel has them all.
 */
#ifndef SERVE_GRANTS_H
#define SERVE_GRANTS_H

#include <stddef.h>
#include <stdint.h>

#include "msg.h"
#include "query.h"

/* Before the first query. */
void	grants_init(void);

/*
 * Grant what the answer names for q, and then reply to q with msg, its copy of
 * the answer, which may be changed and is the caller's again on return.
 */
void	grants_answer(struct query *q, struct answer *, uint8_t *msg);

/* What became of a grant; a result that nobody waits for ends the program. */
void	grants_result(const struct msg_result *);

/* Send what was asked in this turn to dnsfw-priv. */
void	grants_flush(void);

#endif
