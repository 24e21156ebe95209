/*
 * Buffers of sockets.  A user namespace (of a container without root's rights
 * on the host) has CAP_NET_ADMIN, but may not go beyond the system's limits.
 */
#ifndef START_SOCKBUF_H
#define START_SOCKBUF_H

#include <sys/socket.h>

/*
 * What a channel or netlink socket needs so that nothing is ever held up: the
 * default of net.core.wmem_max and rmem_max.
 */
#define SOCKBUF_ENOUGH	212992

/*
 * Give the socket buffers of size bytes, or as much as is allowed; of what is
 * less than SOCKBUF_ENOUGH there is one warning.  fatal() on error.
 */
void	sockbuf_send(int fd, int size);
void	sockbuf_receive(int fd, int size);

#endif
