/* A keyed hash for tables whose keys strangers choose. */
#ifndef COMMON_HASH_H
#define COMMON_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Choose the key; once, before the first use. */
void	hash_init(void);

/*
 * SipHash-1-3 (Aumasson and Bernstein) of len bytes under this process's
 * random key: who does not know the key cannot make collisions.
 */
uint64_t hash_bytes(const void *data, size_t len);

#endif
