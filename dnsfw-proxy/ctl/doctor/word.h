/* Words of nft and iptables. */
#ifndef DOCTOR_WORD_H
#define DOCTOR_WORD_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

/* A protocol's number or name; false: it is not known. */
bool	word_protocol(const char *text, uint32_t *out);

/* A number up to most, and nothing behind it. */
bool	word_number(const char *text, uint32_t most, uint32_t *out);

/* The state of a connection. */
uint32_t word_state(const char *text);

/* An address, a net, or two addresses with '-' between them. */
bool	word_addresses(const char *text, struct model_value *out);

/* A name; one that is too long for an interface is cut.  '+' at its end is '*'. */
void	word_interface(const char *text, struct model_value *out);

#endif
