/* Which worker a client's packets reach. */
#include "choice.h"

#include "addr.h"

/* As BPF reads it. */
static uint32_t
word(const uint8_t *bytes)
{
	return ((uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	    (uint32_t)bytes[2] << 8 | bytes[3]);
}

unsigned int
choice_worker(uint8_t family, const uint8_t client[16], unsigned int workers)
{
	uint32_t a = word(client);

	if (family == ADDR_V6)
		a ^= word(client + 4) ^ word(client + 8) ^ word(client + 12);
	return (((a * 0x9e3779b1U) >> 16) % workers);
}
