/* The system calls of dnsfw-priv after its start. */
#ifndef PRIV_SYSCALLS_H
#define PRIV_SYSCALLS_H

#include "sandbox.h"

extern const struct sandbox_rule priv_rules[];
extern const size_t priv_nrules;

#endif
