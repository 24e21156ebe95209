/* SipHash-1-3. */
#include "hash.h"

#include <stdlib.h>
#include <string.h>

struct state {
	uint64_t	v0, v1, v2, v3;
};

static uint64_t key[2];

void
hash_init(void)
{
	arc4random_buf(key, sizeof(key));
}

static uint64_t
rotate(uint64_t x, unsigned int bits)
{
	return (x << bits | x >> (64 - bits));
}

static inline void
round_once(struct state *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate(s->v1, 13) ^ s->v0;
	s->v3 = rotate(s->v3, 16) ^ s->v2;
	s->v0 = rotate(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate(s->v1, 17) ^ s->v2;
	s->v3 = rotate(s->v3, 21) ^ s->v0;
	s->v2 = rotate(s->v2, 32);
}

static inline void
absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	round_once(s);
	s->v0 ^= word;
}

uint64_t
hash_bytes(const void *data, size_t len)
{
	struct state s = {
		key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL
	};
	const uint8_t *p = data;
	uint64_t word;
	size_t left;

	for (left = len; left >= sizeof(word); left -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		absorb(&s, word);
		p += sizeof(word);
	}
	word = 0;
	memcpy(&word, p, left);
	absorb(&s, word | (uint64_t)len << 56);
	s.v2 ^= 0xff;
	round_once(&s);
	round_once(&s);
	round_once(&s);
	return (s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}
