/* The names of types and rcodes. */
#include "mnemonic.h"

#include <stddef.h>
#include <stdio.h>
#include <strings.h>

struct mnemonic {
	uint16_t	number;
	char		text[DNS_MNEMONIC_SIZE];
};

/* Those that are asked for, and a few that should not be. */
static const struct mnemonic types[] = {
	{ 1, "A" }, { 2, "NS" }, { 5, "CNAME" }, { 6, "SOA" }, { 10, "NULL" },
	{ 12, "PTR" }, { 13, "HINFO" }, { 15, "MX" }, { 16, "TXT" },
	{ 17, "RP" }, { 18, "AFSDB" }, { 24, "SIG" }, { 25, "KEY" },
	{ 28, "AAAA" }, { 29, "LOC" }, { 33, "SRV" }, { 35, "NAPTR" },
	{ 37, "CERT" }, { 39, "DNAME" }, { 41, "OPT" }, { 42, "APL" },
	{ 43, "DS" }, { 44, "SSHFP" }, { 45, "IPSECKEY" }, { 46, "RRSIG" },
	{ 47, "NSEC" }, { 48, "DNSKEY" }, { 49, "DHCID" }, { 50, "NSEC3" },
	{ 51, "NSEC3PARAM" }, { 52, "TLSA" }, { 53, "SMIMEA" }, { 55, "HIP" },
	{ 59, "CDS" }, { 60, "CDNSKEY" }, { 61, "OPENPGPKEY" },
	{ 62, "CSYNC" }, { 63, "ZONEMD" }, { 64, "SVCB" }, { 65, "HTTPS" },
	{ 99, "SPF" }, { 108, "EUI48" }, { 109, "EUI64" }, { 249, "TKEY" },
	{ 250, "TSIG" }, { 251, "IXFR" }, { 252, "AXFR" }, { 255, "ANY" },
	{ 256, "URI" }, { 257, "CAA" }
};

static const struct mnemonic rcodes[] = {
	{ 0, "NOERROR" }, { 1, "FORMERR" }, { 2, "SERVFAIL" },
	{ 3, "NXDOMAIN" }, { 4, "NOTIMP" }, { 5, "REFUSED" },
	{ 6, "YXDOMAIN" }, { 7, "YXRRSET" }, { 8, "NXRRSET" },
	{ 9, "NOTAUTH" }, { 10, "NOTZONE" }, { 16, "BADVERS" },
	{ 23, "BADCOOKIE" }
};

static const char *
print(const struct mnemonic *m, size_t n, const char *other, uint16_t number,
    char buf[DNS_MNEMONIC_SIZE])
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (m[i].number == number)
			return (m[i].text);
	}
	snprintf(buf, DNS_MNEMONIC_SIZE, "%s%u", other, number);
	return (buf);
}

const char *
dns_type_print(uint16_t type, char buf[DNS_MNEMONIC_SIZE])
{
	return (print(types, sizeof(types) / sizeof(types[0]), "TYPE", type,
	    buf));
}

bool
dns_type_parse(const char *text, uint16_t *type)
{
	unsigned int number = 0;
	const char *p;
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcasecmp(text, types[i].text) == 0) {
			*type = types[i].number;
			return (true);
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] == '\0')
		return (false);
	for (p = text + 4; *p >= '0' && *p <= '9' && number <= UINT16_MAX; p++)
		number = number * 10 + (unsigned int)(*p - '0');
	*type = (uint16_t)number;
	return (*p == '\0' && number <= UINT16_MAX);
}

const char *
dns_rcode_print(uint16_t rcode, char buf[DNS_MNEMONIC_SIZE])
{
	return (print(rcodes, sizeof(rcodes) / sizeof(rcodes[0]), "RCODE",
	    rcode, buf));
}
