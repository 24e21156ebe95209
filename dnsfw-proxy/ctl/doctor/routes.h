/* The routes of this host, of all tables. */
#ifndef DOCTOR_ROUTES_H
#define DOCTOR_ROUTES_H

/* To where, as "default" or "10.0.0.0/8", and by which interface. */
typedef void route_fn(void *arg, const char *to, const char *dev);

/* Tell of each; without ip(8), of none. */
void	routes_each(route_fn *fn, void *arg);

#endif
