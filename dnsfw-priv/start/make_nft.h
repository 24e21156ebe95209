/* Stamps of --firewall nftables: sets, elements, rules, and what is read. */
#ifndef START_MAKE_NFT_H
#define START_MAKE_NFT_H

#include "stamps.h"
#include "wish.h"

void	make_nft(const struct stamps_wish *, struct stamps *);

#endif
