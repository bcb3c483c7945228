#include "collect/logs/severity.h"

#include "base/attr.h"

#define WORD_MAX 13

static const char *const names[SEVERITIES] = {"", "debug", "info", "warning", "error", "critical"};

static const struct {
    const char *word; /* in capitals */
    enum severity severity;
} words[] = {
    {"INFO", SEVERITY_INFO},        {"DEBUG", SEVERITY_DEBUG},
    {"WARNING", SEVERITY_WARNING},  {"ERROR", SEVERITY_ERROR},
    {"WARN", SEVERITY_WARNING},     {"CRITICAL", SEVERITY_CRITICAL},
    {"TRACE", SEVERITY_DEBUG},      {"FATAL", SEVERITY_CRITICAL},
    {"NOTICE", SEVERITY_INFO},      {"ERR", SEVERITY_ERROR},
    {"CRIT", SEVERITY_CRITICAL},    {"EXCEPTION", SEVERITY_ERROR},
    {"INFORMATION", SEVERITY_INFO}, {"INF", SEVERITY_INFO},
    {"DBG", SEVERITY_DEBUG},        {"WRN", SEVERITY_WARNING},
    {"SEVERE", SEVERITY_ERROR},     {"ALERT", SEVERITY_CRITICAL},
    {"EMERG", SEVERITY_CRITICAL},   {"EMERGENCY", SEVERITY_CRITICAL},
    {"PANIC", SEVERITY_CRITICAL},   {"VERBOSE", SEVERITY_DEBUG},
    {"FINE", SEVERITY_DEBUG},       {"SUCCESS", SEVERITY_INFO},
};

const char *severity_name(enum severity severity)
{
    return names[severity];
}

enum severity severity_of(struct str word)
{
    char upper[WORD_MAX];

    if (word.n < 3 || word.n > sizeof upper)
        return SEVERITY_NONE;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];

        upper[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        if (upper[i] < 'A' || upper[i] > 'Z')
            return SEVERITY_NONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq((struct str){upper, word.n}, str_c(words[i].word)))
            return words[i].severity;
    return SEVERITY_NONE;
}

enum severity severity_of_priority(unsigned priority)
{
    static const enum severity levels[] = {SEVERITY_CRITICAL, SEVERITY_CRITICAL, SEVERITY_CRITICAL,
                                           SEVERITY_ERROR,    SEVERITY_WARNING,  SEVERITY_INFO,
                                           SEVERITY_INFO,     SEVERITY_DEBUG};

    return priority < ARRAY_LEN(levels) ? levels[priority] : SEVERITY_NONE;
}
