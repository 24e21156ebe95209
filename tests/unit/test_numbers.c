/* Numbers instead of names: the same for equal names, and for no others. */
#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "dns/answer.h"
#include "dns/message.h"
#include "dns/numbers.h"
#include "work.h"

#define NAMES_MAX	200

static uint8_t msg[DNS_MESSAGE_MAX];
static struct wcur w;
static size_t offset[NAMES_MAX];	/* of each name */
static struct dns_name name[NAMES_MAX];

static struct dns_numbers numbers;
static uint16_t at[DNS_POINTER_REACH], slot[2 * DNS_NUMBERS_MAX];
static struct dns_number number[DNS_NUMBERS_MAX];

static uint64_t salt;

/* FNV-1a; and one that helps nothing. */
static uint64_t
hash(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t h = 0xcbf29ce484222325U + salt;

	for (; len > 0; len--)
		h = (h ^ *p++) * 0x100000001b3U;
	return (h);
}

static uint64_t
same_hash(const void *data, size_t len)
{
	(void)data;
	(void)len;
	return (7);
}

static void
begin(dns_hash_fn *fn, size_t max)
{
	dns_numbers_begin(&numbers, msg, w.pos, fn, at, number, max, slot,
	    sizeof(slot) / sizeof(slot[0]));
}

static enum dns_err
read_at(size_t place, uint16_t *n)
{
	struct rcur c = { .buf = msg, .len = w.pos, .pos = place }, skip = c;
	enum dns_err err = dns_numbers_read(&numbers, &c, n);

	if (err == DNS_OK) {
		cr_assert_eq(dns_name_skip(&skip), DNS_OK);
		cr_assert_eq(c.pos, skip.pos);
	}
	return (err);
}

static uint64_t state;

static size_t
below(size_t n)
{
	state = state * 6364136223846793005U + 1442695040888963407U;
	return ((size_t)(state >> 33) % n);
}

/* Up to three labels of "a", "A", "b" and the like, and then all but anything. */
static void
put_name(size_t i)
{
	struct rcur c = { .buf = msg };
	size_t n;

	do {
		w.pos = c.pos = offset[i] = i == 0 ? 12 : w.pos;
		for (n = below(4); n > 0; n--) {
			wcur_u8(&w, 1);
			wcur_u8(&w, (uint8_t)"aAbB"[below(4)]);
		}
		if (i == 0 || below(3) == 0)
			wcur_u8(&w, 0);
		else
			wcur_u16(&w, (uint16_t)(0xc000 | offset[below(i)]));
		c.len = w.pos;
	} while (dns_name_read(&c, true, &name[i]) != DNS_OK &&
	    (w.pos = offset[i]) != 0);
}

static void
expect_all(dns_hash_fn *fn)
{
	uint16_t got[NAMES_MAX], again;
	size_t i, k;

	begin(fn, DNS_NUMBERS_MAX);
	for (i = 0; i < NAMES_MAX; i++) {
		cr_assert_eq(read_at(offset[i], &got[i]), DNS_OK);
		cr_assert_eq(got[i] == 0, name[i].len == 1);
		for (k = 0; k < i; k++)
			cr_assert_eq(got[k] == got[i],
			    dns_name_equal(&name[k], &name[i]));
	}
	for (i = 0; i < NAMES_MAX; i++) {
		cr_assert_eq(read_at(offset[i], &again), DNS_OK);
		cr_assert_eq(again, got[i]);
	}
}

Test(numbers, D21_equal_if_the_names_are, .timeout = 60)
{
	unsigned int round;
	size_t i;

	for (round = 0; round < 100; round++) {
		state = round;
		/* Also where no pointer reaches, in the middle of the names. */
		w = (struct wcur){ .buf = msg, .len = sizeof(msg), .pos = 12 };
		for (i = 0; i < NAMES_MAX; i++)
			put_name(i);
		expect_all(hash);
		expect_all(same_hash);
	}
}

/* "ab" is not "a" and "b", nor is "a" before "b" the "a" before "c". */
Test(numbers, D21_labels_are_told_apart)
{
	static const char octets[] = "\2ab\0\1a\1b\0\1a\1c\0\1A\1B\0\1b\1a\0";
	uint16_t n[5];
	size_t i, k;

	memcpy(msg, octets, sizeof(octets) - 1);
	w.pos = sizeof(octets) - 1;
	for (salt = 0; salt < 64; salt++) {
		/* In as few slots as hold them all, so that they meet. */
		dns_numbers_begin(&numbers, msg, w.pos, hash, at, number, 8,
		    slot, 8);
		for (i = 0; i < 5; i++)
			cr_assert_eq(read_at(i == 0 ? 0 : 5 * i - 1, &n[i]),
			    DNS_OK);
		for (i = 0; i < 5; i++)
			for (k = 0; k < i; k++)
				cr_assert_eq(n[i] == n[k], i == 3 && k == 1);
	}
}

/* With the root there are max of them; equal labels need no other. */
Test(numbers, D21_as_many_as_there_may_be)
{
	uint16_t n;
	size_t i;

	w.pos = 0;
	for (i = 0; i < 20; i++) {
		msg[w.pos++] = 1;
		msg[w.pos++] = (uint8_t)('a' + i % 10);
		msg[w.pos++] = 0;
	}
	begin(hash, 11);
	for (i = 0; i < 20; i++)
		cr_assert_eq(read_at(3 * i, &n), DNS_OK);
	begin(hash, 10);
	for (i = 0; i < 9; i++)
		cr_assert_eq(read_at(3 * i, &n), DNS_OK);
	cr_assert_eq(read_at(27, &n), DNS_ECOUNT);
}

/* What is no message that was parsed does no harm. */
Test(numbers, D8_of_what_was_not_parsed)
{
	uint16_t n;

	memcpy(msg, "\300\000\300\003\001", 5);
	w.pos = 5;
	begin(hash, DNS_NUMBERS_MAX);
	cr_assert_eq(read_at(0, &n), DNS_EPOINTER);
	cr_assert_eq(read_at(2, &n), DNS_EPOINTER);
	cr_assert_eq(read_at(4, &n), DNS_ESHORT);
}

/* --- answers --- */

static struct dns_address out[DNS_ADDRESSES_MAX];

/*
 * www.example.com leads to the name below, which so many records have.  spell:
 * how each of them begins it.
 */
static size_t
put_answer(size_t records, size_t labels, bool pointers)
{
	size_t i, k, long_name, count = 1;

	w = (struct wcur){ .buf = msg, .len = sizeof(msg) };
	wcur_bytes(&w, "\x12\x34\x81\x80\0\1\0\0\0\0\0", 12);
	wcur_bytes(&w, "\3www\7example\3com\0\0\1\0\1", 21);
	wcur_bytes(&w, "\300\014\0\5\0\1\0\0\0\074", 10);
	wcur_u16(&w, (uint16_t)(2 * labels + 1));
	long_name = w.pos;
	for (i = 0; i < labels; i++)
		wcur_u16(&w, 0x0161);
	wcur_u8(&w, 0);
	for (i = 0; i < records; i++, count++) {
		for (k = 0; k < (pointers ? 1 : labels); k++)
			wcur_u16(&w, i % 2 ? 0x0161 : 0x0141);
		if (pointers)
			wcur_u16(&w, (uint16_t)(0xc000 | (long_name + 2)));
		else
			wcur_u8(&w, 0);
		wcur_bytes(&w, "\0\1\0\1\0\0\0\074\0\4", 10);
		wcur_u32(&w, (uint32_t)(0x01000000 + i));
	}
	cr_assert_not(w.overflow);
	msg[6] = (uint8_t)(count >> 8);
	msg[7] = (uint8_t)count;
	return (count);
}

static size_t
addresses(void)
{
	static struct dns_response r;
	size_t n;

	cr_assert_eq(dns_response_parse(msg, w.pos, &r), DNS_OK);
	cr_assert_eq(dns_answer_addresses(msg, w.pos, &r, hash, out,
	    DNS_ADDRESSES_MAX, &n), DNS_OK);
	return (n);
}

/* From the shortest answer to one that is longer than any table for short ones. */
Test(numbers, G3_short_and_long_answers)
{
	size_t records;

	for (records = 1; records < 60; records++) {
		put_answer(records, 1, false);
		cr_assert_eq(addresses(), records);
		put_answer(records, 5, true);
		cr_assert_eq(addresses(), records);
		put_answer(records, 100, false);
		cr_assert_eq(addresses(), records);
	}
	put_answer(3600, 127, true);
	cr_assert_eq(addresses(), 3600);
}

/* Each length about the one up to which an answer is short. */
Test(numbers, G3_answers_of_every_length)
{
	size_t pad;

	for (pad = 430; pad < 470; pad++) {
		put_answer(1, 1, false);
		wcur_bytes(&w, "\0\377\0\0\1\0\0\0\0", 9);
		wcur_u16(&w, (uint16_t)pad);
		memset(msg + w.pos, 'x', pad);
		w.pos += pad;
		msg[7]++;
		cr_assert_eq(addresses(), 1);
	}
	cr_assert_lt(w.pos - pad, DNS_SHORT_MAX - 430);
	cr_assert_gt(w.pos, DNS_SHORT_MAX);
}

static struct dns_response response;

static void
get_addresses(void)
{
	size_t n;

	cr_assert_eq(dns_answer_addresses(msg, w.pos, &response, hash, out,
	    DNS_ADDRESSES_MAX, &n), DNS_OK);
}

/* Of the addresses of an answer. */
static uint64_t
work(size_t labels)
{
	put_answer(3600, labels, true);
	cr_assert_eq(dns_response_parse(msg, w.pos, &response), DNS_OK);
	return (work_of(get_addresses));
}

/* It is the same in each record, however long its owner is. */
Test(numbers, D21_work_does_not_grow_with_the_owners)
{
	cr_assert_lt(work(DNS_LABELS_MAX), 2 * work(2));
}
