/* RFC 3339 in UTC. */
#include "timestamp.h"

#define DAY		86400		/* seconds */
#define DAYS_400	146097		/* in the 400 years of the calendar */
#define DAYS_TO_1970	719468		/* from 1 March of the year 0 */

/* Write a number with leading zeros. */
static char *
digits(char *at, unsigned int n, unsigned int width)
{
	unsigned int i;

	for (i = width; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
	return (at + width);
}

void
timestamp_print(int64_t seconds, unsigned int ms, char out[TIMESTAMP_SIZE])
{
	uint64_t days = (uint64_t)seconds / DAY + DAYS_TO_1970;
	unsigned int second = (unsigned int)((uint64_t)seconds % DAY);
	unsigned int in_era = (unsigned int)(days % DAYS_400);
	unsigned int year, day, month;
	char *at = out;

	/* A year from March on: the leap day is its last, as of a century. */
	year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) /
	    365;
	day = in_era - (365 * year + year / 4 - year / 100);
	/* The lengths of the months repeat: 153 days are 5 of them. */
	month = (5 * day + 2) / 153;
	day -= (153 * month + 2) / 5;
	month = month < 10 ? month + 3 : month - 9;
	year += (unsigned int)(days / DAYS_400) * 400 + (month <= 2);

	at = digits(at, year, 4);
	*at++ = '-';
	at = digits(at, month, 2);
	*at++ = '-';
	at = digits(at, day + 1, 2);
	*at++ = 'T';
	at = digits(at, second / 3600, 2);
	*at++ = ':';
	at = digits(at, second / 60 % 60, 2);
	*at++ = ':';
	at = digits(at, second % 60, 2);
	*at++ = '.';
	at = digits(at, ms, 3);
	*at++ = 'Z';
	*at = '\0';
}
