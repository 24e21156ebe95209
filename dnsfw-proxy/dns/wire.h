/*
 * Reading and writing bytes of a message without ever leaving it.  Pure.
 *
 * A read steers control flow, so each one must be checked.  Writes go on after
 * an overflow without effect, and the flag is tested once at the end.
 */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MUSTCHECK __attribute__((warn_unused_result))

/*
 * A large variable on the path of every query, of which nothing is read before
 * it was written.  The compiler zeroes all others (-ftrivial-auto-var-init);
 * these thousands of octets would cost more than the work, and the cache.
 */
#define DNS_UNINITIALIZED __attribute__((uninitialized))

struct rcur {
	const uint8_t	*buf;
	size_t		 len;
	size_t		 pos;	/* <= len, always */
};

/* Network order in, host order out.  0, or -1 and nothing moved. */
DNS_MUSTCHECK int	rcur_u8(struct rcur *, uint8_t *);
DNS_MUSTCHECK int	rcur_u16(struct rcur *, uint16_t *);
DNS_MUSTCHECK int	rcur_u32(struct rcur *, uint32_t *);
DNS_MUSTCHECK int	rcur_skip(struct rcur *, size_t);
DNS_MUSTCHECK int	rcur_bytes(struct rcur *, void *, size_t);

struct wcur {
	uint8_t	*buf;
	size_t	 len;
	size_t	 pos;
	bool	 overflow;	/* sticky */
};

void	wcur_u8(struct wcur *, uint8_t);
void	wcur_u16(struct wcur *, uint16_t);
void	wcur_u32(struct wcur *, uint32_t);
void	wcur_bytes(struct wcur *, const void *, size_t);

#endif
