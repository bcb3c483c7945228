#include "base/test.h"

#include "collect/ssh/links.h"

static void links_are_read_below_their_folder(void **state)
{
    static const struct {
        const char *path, *target;
    } wanted[] = {{"/proc/812/exe", "/usr/bin/redis-server"},
                  {"/proc/self/ns/net", "net:[4026531840]"},
                  {"/proc/812/fd", ""},
                  {"/proc/812/fd/6", "socket:[4711]"},
                  {"/proc/9/fd", ""},
                  {"/proc/9/fd/12", "/var/log/my access.log"}};
    struct links l = {
        .rest = STR("lrwxrwxrwx 1 root root 0 Nov 27 16:00 /proc/812/exe -> /usr/bin/redis-server\n"
                    "lrwxrwxrwx 1 0 0 0 Nov 27 16:00 /proc/self/ns/net -> net:[4026531840]\n\n"
                    "/proc/812/fd:\ntotal 0\n"
                    "lrwx------ 1 root root 64 Nov 27 16:00 6 -> socket:[4711]\n\n"
                    "/proc/9/fd:\n"
                    "l-wx------    1 root     root            64 Nov 27 16:00 12 -> "
                    "/var/log/my access.log\n")};
    struct link link;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        assert_true(links_next(&l, &link));
        assert_string_equal(link.path, wanted[i].path);
        if (!str_eq(link.target, str_c(wanted[i].target)))
            fail_msg("%s leads to %.*s", link.path, STR_ARGS(link.target));
    }
    assert_false(links_next(&l, &link));
}

static void no_path_leads_elsewhere(void **state)
{
    static const char *const bad[] = {
        "lrwx 1 r r 0 Nov 27 16:00 /proc/1/../../etc/exe -> x\n",
        "lrwx 1 r r 0 Nov 27 16:00 /etc/passwd -> x\n",
        "lrwx 1 r r 0 Nov 27 16:00 /proc/1/cwd -> x\n",
        "lrwx 1 r r 0 Nov 27 16:00 6 -> socket:[1]\n", /* of no folder */
        "/proc/1/fd/..:\n",
        "/tmp/fd:\n",
        "/proc/12345678901/fd:\n",
        "-rwx 1 r r 0 Nov 27 16:00 /proc/1/exe -> x\n",
        "lrwx 1 r r 0 Nov 27 16:00 /proc/1/exe -> \n",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct links l = {.rest = str_c(bad[i])};
        struct link link;

        if (links_next(&l, &link))
            fail_msg("line %zu is taken: %s", i, link.path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_read_below_their_folder),
        cmocka_unit_test(no_path_leads_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
