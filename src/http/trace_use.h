/* trace_use: the inside of trace.h: a curl handle fills a trace.
 *
 * Threads: the net thread; trace_init and trace_fini where the fetch is.
 */
#ifndef HTTP_TRACE_USE_H
#define HTTP_TRACE_USE_H

#include <curl/curl.h>

#include "http/trace.h"

void trace_init(struct fetch_trace *t, const struct fetch_trace *cookies_of); /* NULL: none */
void trace_fini(struct fetch_trace *t);
/* Before each hop; `cookies`: those of the trace too, at the first one. */
void trace_set_options(struct fetch_trace *t, CURL *easy, bool cookies);
/* After each hop, whatever came of it. */
void trace_add_hop(struct fetch_trace *t, CURL *easy);

#endif
