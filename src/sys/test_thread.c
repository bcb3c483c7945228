#include "base/test.h"

#include <fcntl.h>
#include <unistd.h>

#include "sys/thread.h"

static void a_thread_knows_the_time_it_took(void **state)
{
    int64_t before = thread_cpu_ns();
    volatile unsigned work = 0;

    (void)state;
    (void)usleep(20000);
    assert_true(thread_cpu_ns() - before < 15000000); /* sleeping is no work */
    before = thread_cpu_ns();
    while (thread_cpu_ns() - before < 2000000)
        work++;
    assert_true(work > 0);
}

static void a_thread_knows_what_it_read_from_files(void **state)
{
    char bytes[1000];
    uint64_t before, after;
    size_t own;
    int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    if (!thread_read_bytes(&before)) {
        (void)close(fd);
        skip(); /* a kernel without CONFIG_TASK_IO_ACCOUNTING */
    }
    assert_int_equal(read(fd, bytes, sizeof bytes), sizeof bytes);
    own = thread_read_bytes(&after);
    assert_true(own > 0);
    assert_int_equal(after - own - before, sizeof bytes);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_knows_the_time_it_took),
        cmocka_unit_test(a_thread_knows_what_it_read_from_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
