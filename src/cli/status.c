/* earshot status: the verdict of the overview in one line, as a Nagios plugin. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"

/* A plugin's exit status is its verdict. */
enum { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

static int unknown(const char *text)
{
    (void)printf("UNKNOWN: %s\n", text);
    return NAGIOS_UNKNOWN;
}

int status_run(const struct args *args)
{
    static const struct {
        const char *verdict, *word;
        int status;
    } verdicts[] = {{"ok", "OK", NAGIOS_OK},
                    {"warning", "WARNING", NAGIOS_WARNING},
                    {"critical", "CRITICAL", NAGIOS_CRITICAL}};
    const char *verdict, *sentence, *word = "UNKNOWN";
    json_t *overview = NULL;
    struct err err = {0};
    int status = NAGIOS_UNKNOWN;

    if (client_json(args, "/api/earshot/v1/overview", NULL, 0, &overview, &err) < 0)
        return unknown(err.text);
    verdict = json_string_value(json_object_get(overview, "verdict"));
    sentence = json_string_value(json_object_get(overview, "sentence"));
    for (size_t i = 0; verdict && i < ARRAY_LEN(verdicts); i++) {
        if (strcmp(verdict, verdicts[i].verdict) == 0) {
            status = verdicts[i].status;
            word = verdicts[i].word;
        }
    }
    if (args_switch(args, "json")) {
        (void)json_dumpf(overview, stdout, JSON_INDENT(2));
        (void)printf("\n");
    } else {
        (void)printf("%s: %s\n", word, sentence ? sentence : "the server gave no verdict");
    }
    json_decref(overview);
    return status;
}
