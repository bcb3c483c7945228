/* fetch_error: what a fetch checks about URLs, and what it says when it fails, in plain words.
 *
 * Texts name hosts and ports, never a whole URL: it may hold a password.
 * Threads: any.
 */
#ifndef HTTP_FETCH_ERROR_H
#define HTTP_FETCH_ERROR_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct err;

/* What is known about a transfer that failed. */
struct fetch_trouble {
    const char *url, *curl_text;
    int os;         /* why connecting failed; 0: not known */
    bool connected; /* before the time was over */
    int proxy_status;
    int64_t timeout_ms;
    size_t body_max, got;
    bool too_large, no_memory; /* our own write callback ended it */
    bool crowded;              /* it gave way to other answers */
    bool endless;              /* its head */
    bool proxied;
};

/* "http://" or "https://" with a host. */
MUST_USE int fetch_error_check_url(const char *url, struct err *err);
void fetch_error_explain(CURLcode code, const struct fetch_trouble *t, struct err *err);

#endif
