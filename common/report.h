/*
 * What the helper says to the keeper (order.h), as the keeper reads it.  Not
 * linked into the helper.  Pure.
 */
#ifndef COMMON_REPORT_H
#define COMMON_REPORT_H

#include "order.h"

/* Decoders, as those of order.h. */
enum order_err	report_ready_decode(const void *buf, size_t len,
		    struct order_ready *out);
enum order_err	report_refused_decode(const void *buf, size_t len,
		    struct order_refused *out);
enum order_err	report_error_decode(const void *buf, size_t len,
		    struct order_error *out);

/* Short texts for the log; valid for every value. */
const char	*report_err_text(enum order_err);
const char	*report_code_text(enum order_code);
const char	*report_end_text(enum order_end);

#endif
