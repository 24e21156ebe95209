/* Reading and writing bytes: nothing leaves the message. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "dns/wire.h"

static const uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7 };

Test(wire, reads_network_order)
{
	struct rcur c = { .buf = bytes, .len = sizeof(bytes) };
	uint8_t v8;
	uint16_t v16;
	uint32_t v32;

	cr_assert_eq(rcur_u8(&c, &v8), 0);
	cr_assert_eq(v8, 1);
	cr_assert_eq(rcur_u16(&c, &v16), 0);
	cr_assert_eq(v16, 0x0203);
	cr_assert_eq(rcur_u32(&c, &v32), 0);
	cr_assert_eq(v32, 0x04050607);
	cr_assert_eq(c.pos, c.len);
}

/* Of every length that a message cut inside it can have. */
Test(wire, tlv_is_there_as_a_whole)
{
	static const uint8_t buf[] = { 9, 0, 10, 0, 2, 7, 8, 0, 1, 0, 0 };
	struct rcur c;
	struct tlv t;
	size_t len;

	for (len = 1; len <= sizeof(buf); len++) {
		c = (struct rcur){ .buf = buf, .len = len, .pos = 1 };
		cr_assert_eq(rcur_tlv(&c, &t), len < 7 ? -1 : 0, "%zu", len);
		cr_assert_eq(c.pos, len < 7 ? 1 : 7);
	}
	cr_assert(t.type == 10 && t.length == 2 && t.value == 5);
	cr_assert_eq(rcur_tlv(&c, &t), 0);
	cr_assert(t.type == 1 && t.length == 0 && t.value == 11);
	cr_assert_eq(rcur_tlv(&c, &t), -1);
	cr_assert_eq(c.pos, c.len);
}

/* For every length and position: what does not fit moves nothing. */
Test(wire, reads_stop_at_the_end)
{
	uint8_t v8, out[8];
	uint16_t v16;
	uint32_t v32;
	struct rcur c;
	size_t len, pos, left, n;

	for (len = 0; len <= sizeof(bytes); len++)
		for (pos = 0; pos <= len; pos++) {
			left = len - pos;
			c = (struct rcur){ bytes, len, pos };
			cr_assert_eq(rcur_u8(&c, &v8), left < 1 ? -1 : 0);
			cr_assert_eq(c.pos, left < 1 ? pos : pos + 1);
			c.pos = pos;
			cr_assert_eq(rcur_u16(&c, &v16), left < 2 ? -1 : 0);
			cr_assert_eq(c.pos, left < 2 ? pos : pos + 2);
			c.pos = pos;
			cr_assert_eq(rcur_u32(&c, &v32), left < 4 ? -1 : 0);
			cr_assert_eq(c.pos, left < 4 ? pos : pos + 4);
			for (n = 0; n <= sizeof(out); n++) {
				c.pos = pos;
				cr_assert_eq(rcur_skip(&c, n),
				    left < n ? -1 : 0);
				cr_assert_eq(c.pos, left < n ? pos : pos + n);
				c.pos = pos;
				cr_assert_eq(rcur_bytes(&c, out, n),
				    left < n ? -1 : 0);
				cr_assert_eq(c.pos, left < n ? pos : pos + n);
			}
		}
}

Test(wire, no_length_wraps_around)
{
	struct rcur c = { .buf = bytes, .len = sizeof(bytes), .pos = 3 };
	uint8_t out[1];

	cr_assert_eq(rcur_skip(&c, SIZE_MAX), -1);
	cr_assert_eq(rcur_skip(&c, SIZE_MAX - 2), -1);
	cr_assert_eq(rcur_bytes(&c, out, SIZE_MAX), -1);
	cr_assert_eq(c.pos, 3);
}

Test(wire, bytes_are_copied)
{
	struct rcur c = { .buf = bytes, .len = sizeof(bytes), .pos = 2 };
	uint8_t out[4];

	cr_assert_eq(rcur_bytes(&c, out, sizeof(out)), 0);
	cr_assert_eq(memcmp(out, bytes + 2, sizeof(out)), 0);
}

Test(wire, writes_network_order)
{
	uint8_t out[10];
	struct wcur w = { .buf = out, .len = sizeof(out) };

	wcur_u8(&w, 1);
	wcur_u16(&w, 0x0203);
	wcur_u32(&w, 0x04050607);
	wcur_bytes(&w, "abc", 3);
	cr_assert_not(w.overflow);
	cr_assert_eq(w.pos, sizeof(out));
	cr_assert_eq(memcmp(out, bytes, sizeof(bytes)), 0);
	cr_assert_eq(memcmp(out + 7, "abc", 3), 0);
	wcur_bytes(&w, NULL, 0);
	cr_assert_not(w.overflow);
}

Test(wire, overflow_writes_nothing_and_stays)
{
	uint8_t out[4] = { 9, 9, 9, 9 };
	struct wcur w = { .buf = out, .len = 3 };

	wcur_u16(&w, 0x0102);
	wcur_u16(&w, 0x0304);
	cr_assert(w.overflow);
	cr_assert_eq(w.pos, 2);
	/* It would fit, but what stands before it is missing. */
	wcur_u8(&w, 5);
	cr_assert(w.overflow);
	cr_assert_eq(memcmp(out, "\001\002\011\011", sizeof(out)), 0);
	w = (struct wcur){ .buf = out, .len = 3, .pos = 1 };
	wcur_bytes(&w, out, SIZE_MAX);
	cr_assert(w.overflow);
}
