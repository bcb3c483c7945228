#include "config/test_given.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/test.h"
#include "config/config.h"
#include "text/yaml.h"

char given_folder[] = "/tmp/earshot-test-XXXXXX";

const char *given_file(const char *name, struct str text)
{
    static char path[2][128];
    static int turn;
    char *p = path[turn++ % 2];
    FILE *f;

    (void)snprintf(p, sizeof path[0], "%s/%s", given_folder, name);
    f = fopen(p, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    assert_int_equal(fclose(f), 0);
    return p;
}

/* Each entry of `packs` is a text: what a pack asks for, as YAML. */
static int given_packs(struct arena *a, const struct yaml *packs, struct yaml_errors *errors,
                       struct yaml_errors *warnings, struct pack_uses *out, struct err *err)
{
    (void)errors;
    (void)warnings;
    out->items = arena_new_array(a, struct pack_use, packs->n, err);
    assert_non_null(out->items);
    for (size_t i = 0; i < packs->n; i++) {
        struct pack_use *use = &out->items[out->n++];

        *use = (struct pack_use){.name = "p", .at = &packs->items[i]};
        use->id = arena_printf(a, err, "p %zu", i);
        assert_int_equal(yaml_parse(a, "pack", packs->items[i].text, &use->collect, err), 0);
    }
    return 0;
}

/* The names of the packs whose rules are wanted. */
static int given_rules(struct arena *a, const struct pack_rules_wanted *wanted, const char **out,
                       struct err *err)
{
    const char *text = "";

    for (size_t i = 0; i < wanted->n && text; i++)
        text = arena_printf(a, err, "%s%s%s%s ", text, wanted->uses[i].name,
                            wanted->uses[i].host_name ? "@" : "",
                            wanted->uses[i].host_name ? wanted->uses[i].host_name : "");
    *out = text;
    return text ? 0 : -1;
}

const struct pack_reader given_reader = {given_packs, given_rules};

/* All mistakes of a file, one a line, without the folder; "" when it is taken. Then *out is set. */
const char *given_load(enum which which, struct str text, struct config **out)
{
    static char all[8000];
    const char *path = given_file("f.yml", text);
    struct config *c = NULL;
    struct err *errors = NULL;
    size_t errors_n = 0, n = 0;

    all[0] = '\0';
    if (config_load(which == EARSHOT ? path : NULL, which == PROMETHEUS ? path : NULL,
                    &given_reader, &c, &errors, &errors_n) == 0) {
        if (out)
            *out = c;
        else
            config_free(c);
        return all;
    }
    assert_true(errors_n > 0);
    for (size_t i = 0; i < errors_n; i++) {
        char line[600];
        const char *shown = err_format(&errors[i], line, sizeof line);

        if (strncmp(shown, given_folder, strlen(given_folder)) == 0)
            shown += strlen(given_folder) + 1;
        n += (size_t)snprintf(all + n, sizeof all - n, "%s\n", shown);
    }
    mem_free(errors);
    return all;
}

void assert_mistake(enum which which, const char *text, const char *expected)
{
    const char *found = given_load(which, str_c(text), NULL);

    if (!strstr(found, expected))
        fail_msg("expected \"%s\", found \"%s\"", expected, found);
}

struct config *given(enum which which, const char *text)
{
    struct config *c = NULL;
    const char *mistakes = given_load(which, str_c(text), &c);

    if (!c)
        fail_msg("%s", mistakes);
    return c;
}

int given_setup(void **state)
{
    (void)state;
    return mkdtemp(given_folder) ? 0 : -1;
}

int given_teardown(void **state)
{
    static const char *const names[] = {"f.yml", "caret.yml", "more-1.yml"};
    char path[128];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(path, sizeof path, "%s/%s", given_folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(given_folder);
}
