/* The system calls of dnsfw-stamp. */
#ifndef STAMP_SYSCALLS_H
#define STAMP_SYSCALLS_H

#include "sandbox.h"

extern const struct sandbox_rule stamp_rules[];
extern const size_t stamp_nrules;

#endif
