/*
 * Which worker a client's packets reach (P5): the same choice as the program that
 * dnsfw attaches to the listening sockets (SO_ATTACH_REUSEPORT_CBPF).  Pure.
 */
#ifndef COMMON_CHOICE_H
#define COMMON_CHOICE_H

#include <stdint.h>

/* family: ADDR_V4 or ADDR_V6; client as in messages; workers: not 0. */
unsigned int choice_worker(uint8_t family, const uint8_t client[16],
	    unsigned int workers);

#endif
