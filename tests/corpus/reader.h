/*
 * A DNS parser as a program: tests/corpus/compare feeds several of them the
 * same messages and compares what they read.
 *
 * In: messages, each behind its length (32 bits, network order).  Out: a line
 * a message, either "refused" with a reason, or "ok" with the question (OWNER
 * TYPE CLASS) and every record of the three sections (SECTION OWNER TYPE CLASS
 * TTL RDATA), separated by "|".  Names are uncompressed wire form and all
 * octets are hexadecimal; letter case is as the parser gives it.
 */
#ifndef READER_H
#define READER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Each program has its own: print the line for msg, without the newline. */
void	reader_message(const uint8_t *msg, size_t len);

void	reader_hex(const uint8_t *p, size_t len);
void	reader_refused(const char *why);

/*
 * The layout of a type's rdata as far as it matters where names are in it: a
 * digit is that many octets, s a character string, n a name, * the rest.
 */
const char *reader_layout(unsigned int type);

#endif
