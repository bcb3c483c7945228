#include "http/route.h"

#include "base/test.h"

static void nothing(struct http_request *r, void *arg)
{
    (void)r;
    (void)arg;
}

static void exact_paths_win_then_the_longest_prefix(void **state)
{
    static const struct http_route routes[] = {
        {.path = "/*", .methods = HTTP_GET, .handler = nothing},
        {.path = "/api/*", .methods = HTTP_GET, .handler = nothing},
        {.path = "/api/v1/label/*", .methods = HTTP_GET, .handler = nothing},
        {.path = "/api/v1/label/x", .methods = HTTP_GET, .handler = nothing},
    };
    static const struct {
        const char *path;
        int route;
    } cases[] = {{"/", 0},
                 {"/x", 0},
                 {"/api", 0},
                 {"/api/", 1},
                 {"/api/v1", 1},
                 {"/api/v1/label/y", 2},
                 {"/api/v1/label/x", 3}};
    struct routes t;

    (void)state;
    routes_init(&t);
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        routes_add(&t, &routes[i]);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct route_found found = routes_find(&t, str_c(cases[i].path), HTTP_GET);

        assert_string_equal(found.route->path, routes[cases[i].route].path);
    }
    routes_fini(&t);
}

static void one_path_may_have_a_route_for_each_method(void **state)
{
    static const struct http_route get = {.path = "/a", .methods = HTTP_GET, .handler = nothing};
    static const struct http_route post = {
        .path = "/a", .methods = HTTP_POST | HTTP_OPTIONS, .handler = nothing};
    struct routes t;
    struct route_found found;
    char allow[64];

    (void)state;
    routes_init(&t);
    routes_add(&t, &get);
    routes_add(&t, &post);
    assert_int_equal(routes_find(&t, STR("/a"), HTTP_GET).route->methods, get.methods);
    assert_int_equal(routes_find(&t, STR("/a"), HTTP_POST).route->methods, post.methods);
    found = routes_find(&t, STR("/a"), HTTP_PUT);
    assert_null(found.route);
    routes_allow(found.methods, allow);
    assert_string_equal(allow, "GET, HEAD, POST, OPTIONS");
    assert_int_equal(routes_find(&t, STR("/b"), HTTP_GET).methods, 0);
    assert_int_equal(routes_method(STR("HEAD")), HTTP_GET);
    assert_int_equal(routes_method(STR("PATCH")), 0);
    routes_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_paths_win_then_the_longest_prefix),
        cmocka_unit_test(one_path_may_have_a_route_for_each_method),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
