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
	struct dns_vet	vet;		/* its nets, and own addresses (own.c) */
	uint64_t	own_changes;	/* how often these were others */
	uint64_t	timeout;	/* --timeout, ns */
};

extern struct settings settings;

/* From the record with CONFIG. */
enum msg_err settings_take(const uint8_t *buf, size_t len);

#endif
