/* The system calls of dnsfw-proxy once it is confined, in each role. */
#ifndef PROXY_SYSCALLS_H
#define PROXY_SYSCALLS_H

#include "sandbox.h"

extern const struct sandbox_rule compiler_rules[];
extern const size_t compiler_nrules;

extern const struct sandbox_rule worker_rules[];
extern const size_t worker_nrules;

#endif
