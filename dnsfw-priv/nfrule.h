/*
 * Messages of nf_tables that both backends need: batches, the look at a chain,
 * rules.  The kernel applies a batch as a whole or not at all.
 */
#ifndef PRIV_NFRULE_H
#define PRIV_NFRULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>	/* libnftnl/expr.h needs it */

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include "nlsock.h"

/* What nfrule_chain found. */
enum nfrule_chain {
	NFRULE_CHAIN_ERROR = -1,	/* errno says */
	NFRULE_CHAIN_MISSING = 0,	/* the chain, or its table */
	NFRULE_CHAIN_REGULAR,
	NFRULE_CHAIN_BASE		/* one with a hook */
};

/* Bytes of a comment as nft has it. */
#define NFRULE_COMMENT_MAX	(2 + MSG_LABEL_SIZE)

/* An object of libnftnl, which fatalx() if it is NULL: no memory. */
void	*nfrule_need(void *object);

/* One message; type is an enum nf_tables_msg_types. */
struct nlmsghdr *nfrule_message(uint16_t type, uint16_t flags, uint8_t family);

/* Begin a batch: its messages follow, and nfrule_commit. */
void	nfrule_batch(void);

/*
 * Send the batch.  Returns as nlsock_run; the first message after nfrule_batch
 * is number 1 for nlsock_error.
 */
int	nfrule_commit(void);

/* A table's family as nft writes it. */
const char *nfrule_family(uint8_t family);

/*
 * True, after logging what it is, if the table belongs to another program,
 * which alone can change it.
 */
bool	nfrule_is_owned(uint8_t family, const char *table);

enum nfrule_chain nfrule_chain(uint8_t family, const char *table,
	    const char *chain);

/* True if the chain exists, and has no hook. */
bool	nfrule_is_regular(uint8_t family, const char *table,
	    const char *chain);

/* True if the chain, or its table, does not exist. */
bool	nfrule_is_missing(uint8_t family, const char *table,
	    const char *chain);

/* A transaction that asks for all rules of the chain, each a reply. */
void	nfrule_ask(uint8_t family, const char *table, const char *chain);

/* A rule without expressions, for nfrule_put. */
struct nftnl_rule *nfrule_new(const char *table, const char *chain);

/* A further expression, without attributes; the rule owns it. */
struct nftnl_expr *nfrule_expr(struct nftnl_rule *, const char *name);

/* Compare a register with len bytes. */
void	nfrule_cmp(struct nftnl_rule *, uint32_t reg, const void *value,
	    uint32_t len);

/* Count and accept what all expressions match. */
void	nfrule_accept(struct nftnl_rule *);

/* A message about the rule: NFT_MSG_NEWRULE or _DELRULE.  It is freed. */
void	nfrule_put(uint16_t type, uint16_t flags, uint8_t family,
	    struct nftnl_rule *);

/*
 * A comment as nft has it: user data of one record, type and length in a byte
 * each and a string, cut at 127 bytes.  Returns how long it is.
 */
uint32_t nfrule_comment(uint8_t comment[NFRULE_COMMENT_MAX],
	    uint8_t record_type, const char *text);

#endif
