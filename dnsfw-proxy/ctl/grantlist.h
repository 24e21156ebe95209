/* Grants that are live, as commands tell them. */
#ifndef CTL_GRANTLIST_H
#define CTL_GRANTLIST_H

#include "addrtext.h"
#include "controlmsg.h"
#include "json.h"

/* Whose it is, what to, and by what. */
const char *grantlist_client(const struct control_grant *,
	    char buf[ADDR_TEXT_MAX]);
const char *grantlist_address(const struct control_grant *,
	    char buf[ADDR_TEXT_MAX]);
const char *grantlist_proto(const struct control_grant *);

/* An object: the command's line, or an element of an array. */
void	grantlist_json(struct json *, const struct control_grant *);

#endif
