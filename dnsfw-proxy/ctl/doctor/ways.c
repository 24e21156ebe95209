/* Packets of clients. */
#include "ways.h"

void
ways_any(const struct ways_world *w, uint8_t family, uint8_t proto,
    uint16_t port, struct judge_packet *out)
{
	size_t i = family == ADDR_V4 ? 0 : 1;

	*out = (struct judge_packet){
	    .iif = w->niifs == 0 ? "" : w->iifs[0],
	    .oif = w->noifs == 0 ? "" : w->oifs[0],
	    .saddr = w->client[i], .daddr = w->stranger[i],
	    .proto = proto, .dport = port };
}

struct addr
ways_address(const struct addr_net *net)
{
	struct addr a = net->base;
	size_t len = addr_len(a.family);

	if (net->prefix + 3U <= len * 8)
		a.bytes[len - 1] |= 5;
	return (a);
}

bool
ways_packet(const struct ways_world *w, size_t i, uint8_t family,
    uint8_t proto, uint16_t port, struct judge_packet *out)
{
	const struct ways_net *n;

	ways_any(w, family, proto, port, out);
	if (i < w->niifs) {
		out->iif = w->iifs[i];
		return (true);
	}
	i -= w->niifs;
	if (i < w->noifs) {
		out->oif = w->oifs[i];
		return (true);
	}
	i -= w->noifs;
	if (i >= w->nnets)
		return (i == 0 && w->niifs + w->noifs == 0);
	n = &w->nets[i];
	/* Everybody is no client of its own. */
	if (n->net.base.family == family && n->net.prefix > 0) {
		out->saddr = ways_address(&n->net);
		out->iif = w->niifs == 0 ? "" : w->iifs[n->iif];
	}
	return (true);
}
