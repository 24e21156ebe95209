/*
 * Messages that are nearly right: mutants of seeds, from a pseudo-random
 * generator, so that the same seed gives the same messages again.
 */
#ifndef MUTATE_H
#define MUTATE_H

#include <stddef.h>
#include <stdint.h>

#define MUTATE_MAX	65535	/* octets of a message */

/* Start the generator. */
void	mutate_init(uint64_t seed);

/*
 * Load messages, each behind its length (32 bits, network order), from a file;
 * to be called once.  Exits if there is none.
 */
void	mutate_load(const char *path);

/* A number below n, which is not 0. */
size_t	mutate_below(size_t n);

/* A seed with QR cleared or set; returns its length. */
size_t	mutate_seed(int response, uint8_t out[MUTATE_MAX]);

/* One to four changes behind the first keep octets; returns the new length. */
size_t	mutate(uint8_t msg[MUTATE_MAX], size_t len, size_t keep);

#endif
