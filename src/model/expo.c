#include "model/expo.h"

#include <strings.h>

#include "base/err.h"
#include "model/expo_scan.h"

/* What a media type is, for those that are no exposition; the words finish "the target answered".
 */
static const struct {
    struct str type;
    const char *words;
} foreign[] = {
    {STR("text/html"), "with a web page (HTML)"},
    {STR("application/xhtml+xml"), "with a web page (XHTML)"},
    {STR("application/json"), "in JSON"},
    {STR("application/problem+json"), "in JSON"},
    {STR("application/xml"), "in XML"},
    {STR("text/xml"), "in XML"},
    {STR("application/vnd.google.protobuf"), "in protobuf"},
};

static bool equal_fold(struct str a, struct str b)
{
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

int expo_format_of(struct str content_type, enum expo_format *out, struct err *err)
{
    struct str rest = content_type;
    struct str type = str_trim(str_split(&rest, ';'));

    for (size_t i = 0; i < ARRAY_LEN(foreign); i++)
        if (equal_fold(type, foreign[i].type))
            return err_set(err, ERR_TYPE,
                           "the target answered %s, not with metrics (Content-Type %.*s); what is "
                           "read is the Prometheus text format and OpenMetrics: check the path, "
                           "often /metrics",
                           foreign[i].words, STR_ARGS(str_take(type, 80)));
    *out = equal_fold(type, STR("application/openmetrics-text")) ? EXPO_OPENMETRICS : EXPO_TEXT;
    return 0;
}

int expo_parse(struct str body, enum expo_format format, struct arena *scratch, struct emit *emit,
               struct err *err)
{
    struct expo_scan scan;

    expo_scan_init(&scan, body, scratch, emit);
    return format == EXPO_OPENMETRICS ? expo_openmetrics_parse(&scan, err)
                                      : expo_text_parse(&scan, err);
}
