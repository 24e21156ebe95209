/*
 * Messages of nf_tables that both backends need: batches, the look at a chain,
 * rules.  The kernel applies a batch as a whole or not at all.
 */
#ifndef PRIV_NFRULE_H
#define PRIV_NFRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nlsock.h"

/* What nfrule_chain found. */
enum nfrule_chain {
	NFRULE_CHAIN_ERROR = -1,	/* errno says */
	NFRULE_CHAIN_MISSING = 0,	/* the chain, or its table */
	NFRULE_CHAIN_REGULAR,
	NFRULE_CHAIN_BASE		/* one with a hook */
};

/* A rule that is being built: accept what all its expressions match. */
struct nfrule {
	struct nlmsghdr	*nlh;
	struct nlattr	*list;
	struct nlattr	*element;	/* the last expression, or NULL */
	struct nlattr	*data;
};

/* One message; type is an enum nf_tables_msg_types. */
struct nlmsghdr *nfrule_message(uint16_t type, uint16_t flags, uint8_t family);

/* Begin a batch: its messages follow, and nfrule_commit. */
void	nfrule_batch(void);

/*
 * Send the batch.  Returns as nlsock_run; the first message after nfrule_batch
 * is number 1 for nlsock_error.
 */
int	nfrule_commit(void);

enum nfrule_chain nfrule_chain(uint8_t family, const char *table,
	    const char *chain);

/* True if a rule, of whatever chain, leads to this one. */
bool	nfrule_is_used(uint8_t family, const char *table, const char *chain);

/* A rule at the end of the chain. */
void	nfrule_begin(struct nfrule *, uint8_t family, const char *table,
	    const char *chain);

/* A further expression; its attributes follow. */
void	nfrule_expr(struct nfrule *, const char *name);

/* Compare a register with len bytes. */
void	nfrule_cmp(struct nfrule *, uint32_t reg, const void *value,
	    size_t len);

/* Count and accept, and end the rule with this comment (NULL: none). */
void	nfrule_accept(struct nfrule *, const char *comment);

/*
 * A comment as nft has it: user data of one record, type and length in a byte
 * each and a string.  text is at most 127 bytes.
 */
void	nfrule_put_comment(struct nlmsghdr *, uint16_t attr_type,
	    uint8_t record_type, const char *text);

#endif
