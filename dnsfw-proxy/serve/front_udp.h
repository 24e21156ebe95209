/* Queries and answers over UDP. */
#ifndef SERVE_FRONT_UDP_H
#define SERVE_FRONT_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "asker.h"

/*
 * Before the confinement: the sockets are those of msg.h.  What comes goes to
 * receive, at the earliest after front_udp_start().
 */
void	front_udp_init(asker_receive *receive);

/* Begin to read. */
void	front_udp_start(void);

/* Send an answer, at the end of the turn. */
void	front_udp_send(const struct asker *to, const uint8_t *msg, size_t len);

/*
 * The end of a turn: send what was collected; and there is time again for what
 * has come (D21).
 */
void	front_udp_flush(void);

#endif
