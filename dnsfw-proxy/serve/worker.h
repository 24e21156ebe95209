/*
 * The worker: one process, one event loop.  It answers clients over UDP and
 * TCP, as the list of the keeper says.
 */
#ifndef SERVE_WORKER_H
#define SERVE_WORKER_H

#include <stddef.h>
#include <stdint.h>

#include "msg.h"

/*
 * Before the confinement: take CONFIG from the channel, and prepare all that
 * needs a descriptor or a system call that is forbidden later.
 */
void	worker_init(void);

/* After it: READY, then serve until the keeper says STOP. */
void	worker_run(void);

/*
 * The most octets of memory that it may ask the kernel for: what it has at most
 * (docs/performance.md), and a quarter more for what malloc cannot use.
 */
size_t	worker_memory(void);

/*
 * The most descriptors that the worker can have, and the TCP ports that it
 * connects to (host order; at most MSG_UPSTREAMS_MAX).
 */
unsigned long worker_descriptors(void);
size_t	worker_connect_ports(uint16_t ports[MSG_UPSTREAMS_MAX]);

#endif
