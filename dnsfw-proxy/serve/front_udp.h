/* Queries and answers over UDP. */
#ifndef SERVE_FRONT_UDP_H
#define SERVE_FRONT_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "query.h"

/* Before the confinement: the sockets are those of msg.h. */
void	front_udp_init(void);

/* Begin to read. */
void	front_udp_start(void);

/* Send an answer, at the end of the turn. */
void	front_udp_send(const struct endpoint *to, const uint8_t *msg, size_t len);

/* Send what was collected. */
void	front_udp_flush(void);

#endif
