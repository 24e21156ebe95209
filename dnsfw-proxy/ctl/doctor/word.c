/* Words of nft and iptables. */
#include "word.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addrtext.h"

bool
word_number(const char *text, uint32_t most, uint32_t *out)
{
	unsigned long value;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return (false);
	value = strtoul(text, &end, 0);
	*out = (uint32_t)value;
	return (*end == '\0' && value <= most);
}

bool
word_protocol(const char *text, uint32_t *out)
{
	static const struct {
		const char	*name;
		uint32_t	 number;
	} all[] = { { "tcp", 6 }, { "udp", 17 }, { "icmp", 1 }, { "igmp", 2 },
	    { "ipv6-icmp", 58 }, { "icmpv6", 58 }, { "esp", 50 }, { "ah", 51 },
	    { "gre", 47 }, { "sctp", 132 }, { "dccp", 33 }, { "udplite", 136 },
	    { "comp", 108 }, { "ipcomp", 108 }, { "ipip", 4 }, { "ipv6", 41 } };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(all[i].name, text) == 0) {
			*out = all[i].number;
			return (true);
		}
	return (word_number(text, 255, out));
}

uint32_t
word_state(const char *text)
{
	return (strcasecmp(text, "new") == 0 ? MODEL_NEW :
	    strcasecmp(text, "established") == 0 ? MODEL_ESTABLISHED :
	    strcasecmp(text, "untracked") == 0 ? MODEL_UNTRACKED :
	    strcasecmp(text, "dnat") == 0 ? MODEL_IS_SENT : MODEL_OTHER_STATE);
}

static void
last_of_net(const struct addr_net *net, struct addr *out)
{
	size_t i, bits = addr_len(net->base.family) * 8;

	*out = net->base;
	for (i = net->prefix; i < bits; i++)
		out->bytes[i / 8] |= (uint8_t)(0x80U >> i % 8);
}

bool
word_addresses(const char *text, struct model_value *out)
{
	const char *dash = strchr(text, '-');
	struct addr_net net;

	if (dash != NULL)
		return (addr_parse(text, (size_t)(dash - text), &out->from) ==
		    0 && addr_parse(dash + 1, strlen(dash + 1), &out->to) ==
		    0 && out->from.family == out->to.family);
	if (addr_net_parse(text, strlen(text), &net) != 0)
		return (false);
	out->from = net.base;
	last_of_net(&net, &out->to);
	return (true);
}

void
word_interface(const char *text, struct model_value *out)
{
	size_t len;

	snprintf(out->name, sizeof(out->name), "%s", text);
	len = strlen(out->name);
	if (len > 0 && out->name[len - 1] == '+')
		out->name[len - 1] = '*';
}
