/* A firewall as it would be. */
#include "whatif.h"

#include <netinet/in.h>

#include <err.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX	2000000ULL	/* rules that are looked at for a packet */

/* Chains and rules are its own, all else is the model's. */
static void
copy_model(struct model *copy, const struct model *m)
{
	*copy = *m;
	copy->chains = calloc(m->nchains + 1UL, sizeof(*m->chains));
	copy->rules = calloc(m->nrules + 1UL, sizeof(*m->rules));
	if (copy->chains == NULL || copy->rules == NULL)
		err(1, "calloc");
	if (m->nchains > 0)
		memcpy(copy->chains, m->chains,
		    m->nchains * sizeof(*m->chains));
	if (m->nrules > 0)
		memcpy(copy->rules, m->rules, m->nrules * sizeof(*m->rules));
}

static void
free_copy(struct model *copy)
{
	free(copy->chains);
	free(copy->rules);
}

/* One of nftables can be some here, with the same handle. */
static void
take_out(struct model *copy, uint32_t rule)
{
	const struct model_rule gone = copy->rules[rule];
	struct model_rule *r;
	uint32_t i;

	for (i = 0; i < copy->nrules; i++) {
		r = &copy->rules[i];
		if (i != rule && (gone.handle == 0 ||
		    r->handle != gone.handle || r->chain != gone.chain))
			continue;
		r->verdict = MODEL_CONTINUE;
		r->target = MODEL_NONE;
	}
}

/* A client behind iifs[i], as far as one is known. */
static struct addr
client_behind(const struct ways_world *w, uint8_t family, size_t i)
{
	size_t k;

	for (k = 0; k < w->nnets; k++)
		if (w->nets[k].iif == i && w->nets[k].net.prefix > 0 &&
		    w->nets[k].net.base.family == family)
			return (ways_address(&w->nets[k].net));
	return (w->client[family == ADDR_V6]);
}

void
whatif_packet(const struct ways_world *w, uint8_t family, size_t i, size_t k,
    enum judge_kind kind, struct judge_packet *out)
{
	const char *in = i < w->niifs ? w->iifs[i] : "";
	const char *away = k < w->noifs ? w->oifs[k] : "";
	const struct addr client = client_behind(w, family, i);
	const struct addr *stranger = &w->stranger[family == ADDR_V6];

	*out = (struct judge_packet){ .iif = in, .oif = away,
	    .saddr = client, .daddr = *stranger, .proto = IPPROTO_TCP,
	    .dport = WAYS_PORT_ANY, .kind = kind };
	if (kind != JUDGE_REPLY)
		return;
	out->iif = away;
	out->oif = in;
	out->saddr = *stranger;
	out->daddr = client;
}

bool
whatif_silent(const struct model *m, const struct ways_world *w,
    uint8_t family, const struct whatif_gone *gone, uint32_t *closer)
{
	uint64_t steps = STEPS_MAX;
	struct judge_packet p;
	struct judgement j;
	struct model copy;

	copy_model(&copy, m);
	if (gone->rule != MODEL_NONE)
		take_out(&copy, gone->rule);
	else if (gone->chain != MODEL_NONE)
		copy.chains[gone->chain].drops = true;
	whatif_packet(w, family, 0, 0, JUDGE_REPLY, &p);
	judge(&copy, &p, &steps, &j);
	free_copy(&copy);
	*closer = j.base;
	return (steps > 0 && j.end == JUDGE_DROPPED && j.unsure == MODEL_NONE);
}

bool
whatif_closed(const struct model *m, const struct ways_world *w,
    uint8_t family, uint32_t chain)
{
	uint64_t steps = STEPS_MAX;
	struct judge_packet p;
	struct judgement j;
	struct model copy;

	copy_model(&copy, m);
	copy.chains[chain].hook = MODEL_NO_HOOK;
	whatif_packet(w, family, 0, 0, JUDGE_NEW, &p);
	judge(&copy, &p, &steps, &j);
	free_copy(&copy);
	return (steps > 0 && j.end == JUDGE_DROPPED && j.reached);
}
