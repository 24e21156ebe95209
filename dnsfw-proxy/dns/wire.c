/* Reading and writing bytes of a message without ever leaving it. */
#include "wire.h"

#include <string.h>

int
rcur_bytes(struct rcur *c, void *out, size_t n)
{
	if (!rcur_has(c, n))
		return (-1);
	if (n > 0)
		memcpy(out, c->buf + c->pos, n);
	c->pos += n;
	return (0);
}

int
rcur_tlv(struct rcur *c, struct tlv *out)
{
	struct rcur at = *c;

	if (rcur_u16(&at, &out->type) == -1 ||
	    rcur_u16(&at, &out->length) == -1)
		return (-1);
	out->value = at.pos;
	if (rcur_skip(&at, out->length) == -1)
		return (-1);
	*c = at;
	return (0);
}

void
wcur_u8(struct wcur *c, uint8_t v)
{
	wcur_bytes(c, &v, 1);
}

void
wcur_u16(struct wcur *c, uint16_t v)
{
	const uint8_t bytes[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	wcur_bytes(c, bytes, sizeof(bytes));
}

void
wcur_u32(struct wcur *c, uint32_t v)
{
	const uint8_t bytes[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v };

	wcur_bytes(c, bytes, sizeof(bytes));
}

/* What does not fit whole is not written at all. */
void
wcur_bytes(struct wcur *c, const void *bytes, size_t n)
{
	if (c->overflow || c->len - c->pos < n) {
		c->overflow = true;
		return;
	}
	if (n > 0)
		memcpy(c->buf + c->pos, bytes, n);
	c->pos += n;
}
