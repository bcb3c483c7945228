/* bench_server: GET /-/healthy as the program answers it, to measure CPU per request and memory.
 *
 *     ninja -C build/release src/http/bench_server && build/release/src/http/bench_server 19860 &
 *     wrk -t2 -c16 -d5s http://127.0.0.1:19860/-/healthy
 *
 * SIGTERM ends it and prints requests, microseconds of CPU for each, and the resident set.
 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/server.h"
#include "sys/clock.h"
#include "sys/loop.h"

static void answer_healthy(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply(r, 200, "text/plain; charset=utf-8", STR("earshot is healthy.\n"));
}

static void on_signal(void *arg, int number)
{
    (void)number;
    loop_stop(arg);
}

static void print_usage(const struct http_server *s)
{
    struct http_stats stats = http_server_stats(s);
    struct rusage use;
    double us;

    (void)getrusage(RUSAGE_SELF, &use);
    us = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
         (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
    printf("%llu requests, %.2f us of CPU each (user %.2f), peak RSS %ld KiB\n",
           (unsigned long long)stats.requests, us / (double)(stats.requests ? stats.requests : 1),
           ((double)use.ru_utime.tv_sec * 1e6 + (double)use.ru_utime.tv_usec) /
               (double)(stats.requests ? stats.requests : 1),
           use.ru_maxrss);
}

int main(int argc, char **argv)
{
    static const struct http_route route = {
        .path = "/-/healthy", .methods = HTTP_GET, .handler = answer_healthy};
    char listen[32];
    struct budget budget;
    struct http_settings settings = {.listen = listen, .clock = clock_real(), .budget = &budget};
    struct loop *loop;
    struct http_server *s;
    struct err err;

    (void)snprintf(listen, sizeof listen, "127.0.0.1:%s", argc > 1 ? argv[1] : "19860");
    budget_init(&budget, "request memory", 64u << 20, NULL);
    if (loop_new(&loop, &err) < 0 || http_server_new(loop, &settings, &s, &err) < 0 ||
        loop_on_signals(loop, on_signal, loop, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    http_server_route(s, &route);
    loop_run(loop);
    print_usage(s);
    http_server_free(s);
    loop_free(loop);
    return 0;
}
