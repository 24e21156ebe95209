/* What the options say, as dnsfw has read them. */
#ifndef SERVE_SETTINGS_H
#define SERVE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "../dns/vet.h"
#include "addr.h"
#include "msg.h"

struct settings {
	struct msg_config config;
	struct addr_net	client_nets[MSG_NETS_MAX];	/* those of config */
	struct addr_net	deny_nets[MSG_NETS_MAX];
	struct addr_net	allow_nets[MSG_NETS_MAX];
	struct dns_vet	vet;		/* these, and own addresses (own.c) */
	uint64_t	timeout;	/* --timeout, ns */
};

extern struct settings settings;

/* From the record with CONFIG. */
enum msg_err settings_take(const uint8_t *buf, size_t len);

#endif
