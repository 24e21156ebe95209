/* Other servers of DNS on this host. */
#include "listeners.h"

#include <stdio.h>
#include <string.h>

#include "addrtext.h"

#define TCP_LISTENS	0x0a	/* state, in /proc/net */

/* "0100007F:0035": words as the host has them in memory. */
static bool
parse_place(const char *text, uint8_t family, struct addr *a,
    unsigned int *port)
{
	size_t words = addr_len(family) / sizeof(uint32_t), i;
	uint32_t word;

	*a = (struct addr){ .family = family };
	for (i = 0; i < words; i++, text += 8) {
		if (sscanf(text, "%8x", &word) != 1)
			return (false);
		memcpy(a->bytes + i * sizeof(word), &word, sizeof(word));
	}
	return (sscanf(text, ":%4x", port) == 1);
}

static bool
is_dnsfws(const struct settings *s, const struct addr *a, unsigned int port)
{
	size_t i;

	for (i = 0; i < s->nbinds; i++)
		if (port == s->port && addr_equal(a, &s->binds[i]))
			return (true);
	return (false);
}

static void
look_at_file(const struct settings *s, struct findings *f, const char *path,
    uint8_t family)
{
	char line[256], place[64], text[ADDR_TEXT_MAX];
	bool tcp = strstr(path, "tcp") != NULL;
	unsigned int port, state;
	FILE *from = fopen(path, "re");
	struct addr a;

	while (from != NULL && fgets(line, sizeof(line), from) != NULL) {
		if (sscanf(line, " %*d: %63s %*s %x", place, &state) != 2 ||
		    !parse_place(place, family, &a, &port) ||
		    (port != 53 && port != 853) || (tcp && state !=
		    TCP_LISTENS) || addr_is_loopback(&a) || is_dnsfws(s, &a, port))
			continue;
		findings_add(f, NOTE, "resolver", "", "another program of this "
		    "host listens at %s %s port %u; the firewall's hook "
		    "\"input\" was not looked at: if clients reach it, it "
		    "answers them without dnsfw", addr_print(&a, text),
		    tcp ? "TCP" : "UDP", port);
	}
	if (from != NULL)
		fclose(from);
}

void
listeners_look(const struct settings *s, struct findings *f)
{
	look_at_file(s, f, "/proc/net/udp", ADDR_V4);
	look_at_file(s, f, "/proc/net/tcp", ADDR_V4);
	look_at_file(s, f, "/proc/net/udp6", ADDR_V6);
	look_at_file(s, f, "/proc/net/tcp6", ADDR_V6);
}
