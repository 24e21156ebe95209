/* A name as the comment of an entry in the kernel's sets.  Pure. */
#ifndef SERVE_LABEL_H
#define SERVE_LABEL_H

#include "../dns/name.h"
#include "msg.h"

/*
 * What is not [a-z0-9._-], and the beginning of what is too long, becomes an
 * asterisk.  Without the final dot, but for the root; NULs behind.
 */
void	label_of(const struct dns_name *, char label[MSG_LABEL_SIZE]);

#endif
