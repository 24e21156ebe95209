/* The names of types and rcodes. */
#include <criterion/criterion.h>

#include <string.h>

#include "dns/mnemonic.h"

static const struct {
	uint16_t	number;
	const char	*text;
} types[] = {
	{ 0, "TYPE0" }, { 1, "A" }, { 3, "TYPE3" }, { 28, "AAAA" },
	{ 51, "NSEC3PARAM" }, { 64, "SVCB" }, { 65, "HTTPS" },
	{ 255, "ANY" }, { 257, "CAA" }, { 65280, "TYPE65280" },
	{ 65535, "TYPE65535" }
}, rcodes[] = {
	{ 0, "NOERROR" }, { 3, "NXDOMAIN" }, { 5, "REFUSED" },
	{ 11, "RCODE11" }, { 16, "BADVERS" }, { 23, "BADCOOKIE" },
	{ 4095, "RCODE4095" }, { 65535, "RCODE65535" }
};

Test(mnemonic, types)
{
	char buf[DNS_MNEMONIC_SIZE];
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		cr_assert_str_eq(dns_type_print(types[i].number, buf),
		    types[i].text);
}

Test(mnemonic, rcodes)
{
	char buf[DNS_MNEMONIC_SIZE];
	size_t i;

	for (i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++)
		cr_assert_str_eq(dns_rcode_print(rcodes[i].number, buf),
		    rcodes[i].text);
}

/* Whatever the number, the text fits and has nothing that JSON would quote. */
Test(mnemonic, every_number_has_a_text)
{
	char buf[DNS_MNEMONIC_SIZE];
	const char *text;
	unsigned int i;

	for (i = 0; i <= UINT16_MAX; i++) {
		text = dns_type_print((uint16_t)i, buf);
		cr_assert(strlen(text) > 0 && strlen(text) < sizeof(buf));
		cr_assert_eq(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		    "0123456789"), strlen(text));
	}
}

Test(mnemonic, types_are_read_back)
{
	char buf[DNS_MNEMONIC_SIZE];
	uint16_t type;
	unsigned int i;

	for (i = 0; i <= UINT16_MAX; i++) {
		cr_assert(dns_type_parse(dns_type_print((uint16_t)i, buf),
		    &type));
		cr_assert_eq(type, i);
	}
	cr_assert(dns_type_parse("aaaa", &type) && type == 28);
	cr_assert(dns_type_parse("type65535", &type) && type == UINT16_MAX);
}

Test(mnemonic, what_is_no_type)
{
	static const char *const texts[] = { "", "TYPE", "TYPE65536", "TYPE1x",
	    "TYPE-1", "AA", "28", "TYPE99999999999999999999" };
	uint16_t type;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_assert_not(dns_type_parse(texts[i], &type), "%s", texts[i]);
}
