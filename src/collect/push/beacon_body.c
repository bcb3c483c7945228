#include "collect/push/beacon_body.h"

#include <jansson.h>
#include <string.h>

#include "base/attr.h"
#include "base/err.h"
#include "text/json.h"

#define COUNT_MAX   (UINT64_C(1) << 53) /* a browser has no larger whole numbers */
#define LATENCY_MAX 86400000.0

static const char *const names[] = {[BEACON_CHUNKS] = "chunksReceived",
                                    [BEACON_ERRORS] = "chunkErrors",
                                    [BEACON_UNDERRUNS] = "bufferUnderruns"};

static int read_count(const json_t *metrics, enum beacon_counter which, struct beacon_body *out,
                      struct err *err)
{
    const json_t *value = json_object_get(metrics, names[which]);
    double v = json_number_value(value);

    if (!value || json_is_null(value))
        return 0;
    if (!json_is_number(value) || !(v >= 0 && v <= (double)COUNT_MAX) || v != (double)(uint64_t)v)
        return err_set(err, ERR_SYNTAX, "%s is no whole number from 0 on", names[which]);
    out->has[which] = true;
    out->counts[which] = (uint64_t)v;
    return 0;
}

static int read_latency(const json_t *metrics, struct beacon_body *out, struct err *err)
{
    const json_t *value = json_object_get(metrics, "avgLatencyMs");
    double v = json_number_value(value);

    if (!value || json_is_null(value))
        return 0;
    if (!json_is_number(value) || !(v >= 0 && v <= LATENCY_MAX))
        return err_set(err, ERR_SYNTAX, "avgLatencyMs is no number of milliseconds");
    out->has_latency = true;
    out->latency_ms = v;
    return 0;
}

static int read_metrics(const json_t *root, struct beacon_body *out, struct err *err)
{
    const char *type = json_string_value(json_object_get(root, "type"));
    const json_t *metrics = json_object_get(root, "metrics");

    if (!type || strcmp(type, "client_metrics") != 0 || !json_is_object(metrics))
        return err_set(err, ERR_SYNTAX,
                       "expected {\"type\": \"client_metrics\", \"metrics\": {...}}");
    for (int i = 0; i < BEACON_COUNTERS; i++)
        if (read_count(metrics, (enum beacon_counter)i, out, err) < 0)
            return -1;
    return read_latency(metrics, out, err);
}

int beacon_body_read(struct str text, struct beacon_body *out, struct err *err)
{
    json_t *root = NULL;
    int rc;

    *out = (struct beacon_body){.has_latency = false};
    if (json_read(str_trim(text), &root, err) < 0)
        return -1;
    rc = read_metrics(root, out, err);
    json_decref(root);
    return rc;
}
