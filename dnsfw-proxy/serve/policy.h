/* The list that is in force: an image that the compiler has made and sealed. */
#ifndef SERVE_POLICY_H
#define SERVE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "msg.h"

struct acl_image;
struct acl_port;

struct policy {
	const struct acl_image *image;	/* NULL before the first one */
	uint8_t		families;	/* MSG_FAMILY_*: those with a chain */
	uint16_t	generation;	/* of the image, for GRANT */
	bool		missed;		/* a later one is in force */
};

extern struct policy policy;

/* acl_image_place(), acl_image_comment() and acl_image_ttl() of that list. */
const char *policy_place(uint32_t *line);
const char *policy_comment(uint32_t line);
uint32_t policy_ttl(const struct acl_port *, uint32_t ttl);

/*
 * Map the image, and let go of the one before; fd is closed then.  What cannot be
 * mapped at the start ends the program.  Later on the image of before stays, for
 * what goes by shares and hosts, but it decides nothing (missed): to go on by a list
 * that is not in force would resolve what the operator has just forbidden, while the
 * others and the keeper, which refuses our grants as STALE, have the new one, and
 * the reload was told to be done.
 */
void	policy_take(const struct msg_policy *, int fd);

/* It was missed: try again.  True: it is here. */
bool	policy_again(void);

#endif
