/* The system calls of dnsfw-proxy once it is confined, in each role. */
#ifndef PROXY_SYSCALLS_H
#define PROXY_SYSCALLS_H

#include "msg.h"
#include "sandbox.h"

/* All up to here are a worker's to keep: what it opens comes behind. */
#define WORKER_LAST_LISTENER	(MSG_FD_LISTEN + 2 * MSG_BINDS_MAX - 1)

extern const struct sandbox_rule compiler_rules[];
extern const size_t compiler_nrules;

extern const struct sandbox_rule worker_rules[];
extern const size_t worker_nrules;

#endif
