/* probe_settings: one entry of collect.probe: what is asked, and what counts as a success.
 *
 * Filled by config/entry_probe.c, which finds every mistake; run by probe.h.
 *
 * Ownership: everything lives in the configuration's arena. Threads: immutable once loaded.
 */
#ifndef COLLECT_PROBE_PROBE_SETTINGS_H
#define COLLECT_PROBE_PROBE_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "text/json_path.h"

enum probe_kind { PROBE_HTTP, PROBE_TCP, PROBE_DNS, PROBE_ICMP };

struct probe_status {
    int from, to; /* both are good */
};

struct probe_json {
    struct json_path path; /* without * */
    struct str equals;
};

/* What an answer must be. */
struct probe_expect {
    const struct probe_status *status; /* [status_n], of HTTP */
    size_t status_n;
    struct str match, not_match; /* RE2, anywhere in the body; compiles; p NULL: none */
    const struct probe_json *json;
    size_t json_n;
};

/* One HTTP request. */
struct probe_step {
    const char *url, *path; /* the path as written, for labels */
    const char *method;
    struct str body;          /* p NULL: none */
    const char *content_type; /* "Content-Type: ..."; NULL: none */
    struct probe_expect expect;
};

struct probe_settings {
    enum probe_kind kind;
    const char *name; /* "tcp 127.0.0.1:22": for the page and messages */
    int64_t tls_expiry_ms;

    const struct probe_step *steps; /* PROBE_HTTP: [steps_n], n >= 1 */
    size_t steps_n;

    const char *host; /* the others; of PROBE_DNS the server, NULL: the system's first */
    uint16_t port;
    struct str say;             /* PROBE_TCP: what is sent first */
    struct probe_expect expect; /* PROBE_TCP: match and not_match of what comes */

    const char *question; /* PROBE_DNS: a name */
    uint16_t type;        /* as in the DNS */
};

#endif
