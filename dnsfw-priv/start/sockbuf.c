/* Buffers of sockets. */
#include "sockbuf.h"

#include <stdbool.h>

#include "log.h"

static void
enlarge(int fd, int force, int plain, int size, const char *limit)
{
	static bool warned;
	socklen_t len = sizeof(size);

	if (setsockopt(fd, SOL_SOCKET, force, &size, sizeof(size)) == 0)
		return;
	if (setsockopt(fd, SOL_SOCKET, plain, &size, sizeof(size)) == -1 ||
	    getsockopt(fd, SOL_SOCKET, plain, &size, &len) == -1)
		fatal("buffer of a socket");
	/* The kernel takes, and tells, twice the size. */
	if (size / 2 >= SOCKBUF_ENOUGH || warned)
		return;
	log_warn("socket buffers are limited to %d bytes (net.core.%s): under "
	    "load queries can get lost, and dnsfw can end; at least %d are "
	    "needed", size / 2, limit, SOCKBUF_ENOUGH);
	warned = true;
}

void
sockbuf_send(int fd, int size)
{
	enlarge(fd, SO_SNDBUFFORCE, SO_SNDBUF, size, "wmem_max");
}

void
sockbuf_receive(int fd, int size)
{
	enlarge(fd, SO_RCVBUFFORCE, SO_RCVBUF, size, "rmem_max");
}
