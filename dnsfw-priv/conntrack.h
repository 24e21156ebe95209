/*
 * The connections that a grant opened, as the kernel tracks them
 * (nf_conntrack_netlink; the filter needs Linux 5.8).
 */
#ifndef PRIV_CONNTRACK_H
#define PRIV_CONNTRACK_H

#include <stdbool.h>

#include "msg.h"

/* End the program if the kernel does not list connections as asked. */
void	conntrack_check(void);

/*
 * True if traffic of the grant's client to its destination and port goes both
 * ways: an established TCP connection, or UDP that the kernel has seen go on
 * for longer than a question and its answer.
 */
bool	conntrack_is_live(const struct msg_grant *);

/*
 * Make the kernel forget the grant's connections: their next packet counts as
 * one that would open a connection.  Returns how many there were.
 */
unsigned int conntrack_kill(const struct msg_grant *);

#endif
