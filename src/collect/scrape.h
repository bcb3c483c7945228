/* scrape: an exposition over HTTP: asked for, judged, parsed.
 *
 * OpenMetrics is preferred, since only it has exemplars; names in UTF-8 are welcome. Errors are for
 * the person who reads the targets page: what came instead, and the line where parsing stopped.
 *
 * Threads: scrape_start on the loop; the others anywhere.
 */
#ifndef COLLECT_SCRAPE_H
#define COLLECT_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "model/expo.h"

struct arena;
struct client;
struct emit;
struct err;
struct fetch;
struct fetch_result;
struct fetcher;

struct scrape_request {
    const char *url;
    const char *method, *body; /* NULL: GET, none */
    bool json;                 /* JSON is asked for, and sent; else an exposition */
    int64_t timeout_ms;
    size_t body_max;
    struct client *client;   /* NULL: none */
    const char *socket_path; /* of via.h; NULL: directly */
    void (*done)(struct fetch *f, void *arg);
    void *arg;
};

MUST_USE int scrape_start(struct fetcher *fetcher, const struct scrape_request *request,
                          struct fetch **out, struct err *err);
/* Is it an answer with a status of success, 2xx? */
MUST_USE int scrape_judge_status(const struct fetch_result *result, struct err *err);
/* Is it an exposition, of status 200 as with Prometheus, and in which format? */
MUST_USE int scrape_judge(const struct fetch_result *result, enum expo_format *out,
                          struct err *err);
/* As expo_parse; the error names line and column in words and quotes the line. */
MUST_USE int scrape_parse(struct str body, enum expo_format format, struct arena *scratch,
                          struct emit *emit, struct err *err);

#endif
