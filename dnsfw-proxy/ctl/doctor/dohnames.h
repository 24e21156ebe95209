/* Names of servers of DNS over HTTPS. */
#ifndef DOCTOR_DOHNAMES_H
#define DOCTOR_DOHNAMES_H

/* In lower case, up to NULL. */
extern const char *const doh_names[];

#endif
