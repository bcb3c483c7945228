/* The keys of an entry of collect.probe. What spans several of them is told by entry_probe.c. */
#include "config/schema.h"

static const struct key json_keys[] = {
    {.name = "path", .type = KEY_STR},
    {.name = "equals", .type = KEY_STR},
};
SCHEMA(json, "json of collect.probe");

static const struct key dns_keys[] = {
    {.name = "name", .type = KEY_STR},
    {.name = "type", .type = KEY_STR},
    {.name = "server", .type = KEY_STR},
};
SCHEMA(dns, "dns of collect.probe");

/* What a request is, and what its answer must be. */
static const struct key request_keys[] = {
    {.name = "method", .type = KEY_STR},    {.name = "body", .type = KEY_STR},
    {.name = "upload", .type = KEY_STR},    {.name = "content_type", .type = KEY_STR},
    {.name = "status", .type = KEY_STRS},   {.name = "match", .type = KEY_STR},
    {.name = "not_match", .type = KEY_STR}, {.name = "json", .type = KEY_MAPS, .sub = &json},
};
static const struct schema request = {
    .what = "collect.probe", .keys = request_keys, .n = ARRAY_LEN(request_keys)};
static const struct schema asked = {.what = "collect.probe",
                                    .keys = request_keys,
                                    .n = ARRAY_LEN(request_keys),
                                    .also = &schema_http_entry};

static const struct key step_keys[] = {{.name = "path", .type = KEY_STR}};
static const struct schema step = {.what = "steps of collect.probe",
                                   .keys = step_keys,
                                   .n = ARRAY_LEN(step_keys),
                                   .also = &request};

static const struct key probe_keys[] = {
    {.name = "url", .type = KEY_URL},
    {.name = "tcp", .type = KEY_STR},
    {.name = "icmp", .type = KEY_STR},
    {.name = "dns", .type = KEY_MAP, .sub = &dns},
    {.name = "steps", .type = KEY_MAPS, .sub = &step},
    {.name = "tls_expiry", .type = KEY_DURATION},
    {.name = "audio",
     .type = KEY_ANY,
     USE_REFUSED,
     "answers are not measured as audio yet; remove it, the rest of the probe works"},
};

const struct schema schema_entry_probe = {
    .what = "collect.probe", .keys = probe_keys, .n = ARRAY_LEN(probe_keys), .also = &asked};
