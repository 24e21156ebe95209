/* Message ids that nobody can guess (D5). */
#ifndef SERVE_IDS_H
#define SERVE_IDS_H

#include <stdint.h>

/* 16 random bits, of arc4random(3). */
uint16_t ids_next(void);

#endif
