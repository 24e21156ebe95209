/* The benchmark's DNS messages, RFC 1035 section 4. */
#include "query.h"

#include <string.h>

#define NAME_DIGITS	14	/* offset of the number: header, length, 'n' */
#define TTL		3600	/* seconds */

#define FLAG_QR		0x80	/* of the third byte */
#define FLAG_RA		0x80	/* of the fourth byte */

static const uint8_t model[DNS_QUERY_LEN] =
    "\0\0\1\0\0\1\0\0\0\0\0\0\11n00000000\5bench\4test\0\0\1\0\1";

void
query_build(uint8_t *msg, uint16_t id, uint32_t number)
{
	static const char digits[] = "0123456789abcdef";
	int i;

	memcpy(msg, model, DNS_QUERY_LEN);
	msg[0] = (uint8_t)(id >> 8);
	msg[1] = (uint8_t)id;
	for (i = 7; i >= 0; i--) {
		msg[NAME_DIGITS + i] = (uint8_t)digits[number & 0xf];
		number >>= 4;
	}
}

bool
query_number(const uint8_t *msg, size_t len, uint32_t *number)
{
	uint32_t n = 0;
	size_t i;

	if (len < DNS_QUERY_LEN ||
	    memcmp(msg + DNS_HEADER, model + DNS_HEADER, 2) != 0 ||
	    memcmp(msg + NAME_DIGITS + 8, model + NAME_DIGITS + 8,
	    DNS_QUERY_LEN - NAME_DIGITS - 8) != 0)
		return (false);
	for (i = NAME_DIGITS; i < NAME_DIGITS + 8; i++) {
		if (msg[i] >= '0' && msg[i] <= '9')
			n = n << 4 | (uint32_t)(msg[i] - '0');
		else if (msg[i] >= 'a' && msg[i] <= 'f')
			n = n << 4 | (uint32_t)(msg[i] - 'a' + 10);
		else
			return (false);
	}
	*number = n;
	return (true);
}

uint32_t
query_address(uint32_t number)
{
	return (198U << 24 | 18U << 16 | (number & (QUERY_ADDRESSES - 1)));
}

uint16_t
query_id(const uint8_t *msg)
{
	return ((uint16_t)(msg[0] << 8 | msg[1]));
}

/* The one record of a true answer. */
static void
put_record(uint8_t *record, uint32_t number)
{
	uint32_t address = query_address(number);

	memcpy(record, "\300\14\0\1\0\1\0\0\0\0\0\4", 12);
	record[8] = (uint8_t)(TTL >> 8);
	record[9] = (uint8_t)(TTL & 0xff);
	record[12] = (uint8_t)(address >> 24);
	record[13] = (uint8_t)(address >> 16);
	record[14] = (uint8_t)(address >> 8);
	record[15] = (uint8_t)address;
}

/* The offset behind the question, or 0. */
static size_t
question_end(const uint8_t *msg, size_t len)
{
	size_t pos = DNS_HEADER;

	while (pos < len && msg[pos] != 0) {
		if (msg[pos] > 63)
			return (0);
		pos += (size_t)msg[pos] + 1;
	}
	return (len >= 5 && pos <= len - 5 ? pos + 5 : 0);
}

size_t
query_respond(uint8_t *msg, size_t len)
{
	uint32_t number;
	size_t end;

	if (len < DNS_HEADER || (msg[2] & FLAG_QR) != 0 ||
	    (end = question_end(msg, len)) == 0)
		return (0);
	msg[2] |= FLAG_QR;
	msg[3] = FLAG_RA;
	memset(msg + 6, 0, 6);		/* only the question is kept */
	if (!query_number(msg, end, &number))
		return (end);
	msg[7] = 1;
	put_record(msg + end, number);
	return (end + 16);
}

enum query_err
query_check(const uint8_t *msg, size_t len, uint32_t number, uint8_t rcode)
{
	uint8_t query[DNS_QUERY_LEN];
	uint32_t address;

	query_build(query, 0, number);
	if (len < DNS_QUERY_LEN || msg[4] != 0 || msg[5] != 1 ||
	    memcmp(msg + DNS_HEADER, query + DNS_HEADER,
	    DNS_QUERY_LEN - DNS_HEADER) != 0)
		return (QUERY_EQUESTION);
	if ((msg[2] & FLAG_QR) == 0 || (msg[3] & 0xf) != rcode)
		return (QUERY_ERCODE);
	if (rcode != RCODE_NOERROR)
		return (QUERY_OK);
	address = len < DNS_ANSWER_LEN ? 0 :
	    (uint32_t)msg[50] << 24 | (uint32_t)msg[51] << 16 |
	    (uint32_t)msg[52] << 8 | msg[53];
	if (msg[6] != 0 || msg[7] != 1 || address != query_address(number) ||
	    memcmp(msg + DNS_QUERY_LEN, "\300\14\0\1\0\1", 6) != 0 ||
	    memcmp(msg + DNS_QUERY_LEN + 10, "\0\4", 2) != 0)
		return (QUERY_EADDRESS);
	return (QUERY_OK);
}

enum query_err
query_check_bare(const uint8_t *msg, size_t len, uint8_t rcode)
{
	if (len != DNS_HEADER || msg[4] != 0 || msg[5] != 0)
		return (QUERY_EQUESTION);
	if ((msg[2] & FLAG_QR) != 0 || (msg[3] & 0xf) != rcode)
		return (QUERY_ERCODE);
	return (QUERY_OK);
}
