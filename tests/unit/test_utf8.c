/* UTF-8 (RFC 3629): each length, and what is none. */
#include <criterion/criterion.h>

#include <string.h>

#include "ctl/utf8.h"

Test(utf8, characters)
{
	static const char *const texts[] = { "a", "\x7f", "\xc2\x80",
	    "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
	    "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert_eq(utf8_length(texts[i], strlen(texts[i])),
		    strlen(texts[i]), "%zu", i);
		/* Cut short, and with more behind it. */
		cr_assert_eq(utf8_length(texts[i], strlen(texts[i]) - 1), 0);
		cr_assert_eq(utf8_length(texts[i], strlen(texts[i]) + 1),
		    strlen(texts[i]));
	}
}

Test(utf8, what_is_none)
{
	static const char *const texts[] = { "\x80", "\xbf", "\xc0\x80",
	    "\xc1\xbf", "\xc2" "a", "\xe0\x9f\xbf", "\xe1\x80" "a",
	    "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
	    "\xf5\x80\x80\x80", "\xff" };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_eq(utf8_length(texts[i], strlen(texts[i])), 0,
		    "%zu", i);
}
