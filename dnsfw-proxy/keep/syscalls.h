/* The system calls of the keeper after its start. */
#ifndef KEEP_SYSCALLS_H
#define KEEP_SYSCALLS_H

#include "sandbox.h"

extern const struct sandbox_rule keep_rules[];
extern const size_t keep_nrules;

#endif
