#include "base/test.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "collect/logs/engines.h"
#include "text/json.h"

struct fixture {
    char folder[64];
    struct engines *engines;
    struct engines_found found;
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    (void)snprintf(f->folder, sizeof f->folder, "/tmp/earshot-engines-XXXXXX");
    if (!mkdtemp(f->folder))
        return -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    engines_free(f->engines);
    (void)snprintf(command, sizeof command, "rm -r %s", f->folder);
    (void)!system(command);
    mem_free(f);
    return 0;
}

/* With the folders that lead to it. */
static void write_file(struct fixture *f, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", f->folder, name);
    for (char *p = path + strlen(f->folder) + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = 0;
        (void)mkdir(path, 0700);
    }
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
}

static void look(struct fixture *f, const char *name)
{
    if (!f->engines)
        f->engines = engines_new(name, f->folder);
    engines_look(f->engines, &f->found);
}

static void docker_s_container_is_found_by_its_name(void **state)
{
    struct fixture *f = *state;

    write_file(f, "containers/a1/config.v2.json", "{\"Name\":\"/api\",\"LogPath\":\"/x/a1.log\"}");
    write_file(f, "containers/b2/config.v2.json", "{\"Name\":\"/other\",\"LogPath\":\"/x/b2\"}");
    write_file(f, "containers/c3/config.v2.json", "{\"Name\":\"/a");
    look(f, "api");
    assert_int_equal(f->found.n, 1);
    assert_string_equal(f->found.paths[0], "/x/a1.log");
    assert_false(f->found.journal);
}

static void a_container_that_gets_the_name_later_is_found_then(void **state)
{
    struct fixture *f = *state;

    look(f, "api-*");
    assert_int_equal(f->found.n, 0);
    write_file(f, "containers/a1/config.v2.json", "{\"Name\":\"/api-1\",\"LogPath\":\"/x/1\"}");
    look(f, "api-*");
    assert_int_equal(f->found.n, 1);
    write_file(f, "containers/a1/config.v2.json", "{\"Name\":\"/was-api-1\",\"LogPath\":\"/x/1\"}");
    write_file(f, "containers/b2/config.v2.json", "{\"Name\":\"/api-2\",\"LogPath\":\"/x/2\"}");
    look(f, "api-*");
    assert_int_equal(f->found.n, 1);
    assert_string_equal(f->found.paths[0], "/x/2");
}

static void one_without_a_file_may_write_to_the_journal(void **state)
{
    struct fixture *f = *state;

    write_file(f, "containers/a1/config.v2.json", "{\"Name\":\"/api\",\"LogPath\":\"\"}");
    look(f, "api");
    assert_int_equal(f->found.n, 0);
    assert_true(f->found.journal);
}

static void podman_s_container_is_found_by_any_of_its_names(void **state)
{
    struct fixture *f = *state;

    write_file(f, "overlay-containers/containers.json",
               "[{\"id\":\"a1\",\"names\":[\"one\",\"api\"]},{\"id\":\"b2\",\"names\":[\"two\"]},"
               "{\"id\":\"../x\",\"names\":[\"api\"]},{\"id\":\"c3\",\"names\":[\"api\"]},3]");
    write_file(f, "overlay-containers/a1/userdata/ctr.log", "");
    look(f, "api");
    assert_int_equal(f->found.n, 1);
    assert_non_null(strstr(f->found.paths[0], "/overlay-containers/a1/userdata/ctr.log"));
    assert_true(f->found.journal); /* c3 has no file */
}

int main(void)
{
#define ENGINES_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ENGINES_TEST(docker_s_container_is_found_by_its_name),
        ENGINES_TEST(a_container_that_gets_the_name_later_is_found_then),
        ENGINES_TEST(one_without_a_file_may_write_to_the_journal),
        ENGINES_TEST(podman_s_container_is_found_by_any_of_its_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
