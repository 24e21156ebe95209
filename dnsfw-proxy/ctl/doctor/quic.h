/* QUIC, where a list means TCP only. */
#ifndef DOCTOR_QUIC_H
#define DOCTOR_QUIC_H

#include "findings.h"

struct list;

void	quic_look(const struct list *, struct findings *);

#endif
