/* Any text as what nft or, without a brace at its start, iptables-save tells. */
#include <netinet/in.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/doctor/judge.h"
#include "ctl/doctor/nft.h"
#include "ctl/doctor/search.h"
#include "ctl/doctor/xt.h"

#define STEPS	100000

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *
no_elements(void *arg, const char *table, const char *set)
{
	(void)arg;
	(void)table;
	(void)set;
	return (NULL);
}

static bool
take(void *arg, const struct judge_packet *packet, const struct judgement *j)
{
	const struct model *m = arg;

	if (packet->saddr.family != ADDR_V4 ||
	    (j->rule != MODEL_NONE && j->rule >= m->nrules) ||
	    (j->unsure != MODEL_NONE && j->unsure >= m->nrules) ||
	    (j->chain != MODEL_NONE && j->chain >= m->nchains))
		abort();
	return (true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct guard nft = { "nftables", "inet filter", "dnsfw" };
	static const struct guard xt = { "iptables", NULL, "DNSFW" };
	static const char *const none[] = { NULL };
	static struct ways_world world = { .iifs = { "lan" }, .niifs = 1,
	    .oifs = { "wan" }, .noifs = 1, .client = { { ADDR_V4, { 10 } },
	    { ADDR_V6, { 0xfd } } }, .stranger = { { ADDR_V4, { 9 } },
	    { ADDR_V6, { 0x26 } } } };
	struct model m = { .full = false };
	uint64_t steps = STEPS;
	char *text;

	if ((text = malloc(size + 1)) == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (text[0] == '{')
		(void)nft_parse(&m, &nft, text, size, none, no_elements, NULL);
	else
		xt_parse(&m, &xt, "iptables", ADDR_V4, NULL, text);
	(void)search_each(&m, &world, ADDR_V4, &steps, take, &m);
	model_free(&m);
	free(text);
	return (0);
}
