#include "sys/whole_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "base/test.h"

static int read_it(const char *path, size_t max_bytes, bool *absent, struct buf *out,
                   struct err *err)
{
    buf_init(out, max_bytes);
    *err = (struct err){0};
    return whole_file_read(path, out, absent, err);
}

static void all_of_it_or_an_error(void **state)
{
    char path[] = "/tmp/earshot-test-XXXXXX", text[20000];
    int fd = mkstemp(path);
    struct err err;
    struct buf out;
    bool absent;

    (void)state;
    memset(text, 'x', sizeof text);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, sizeof text), sizeof text);
    assert_ok(read_it(path, sizeof text, &absent, &out, &err), err);
    assert_false(absent);
    assert_int_equal(out.n, sizeof text);
    buf_fini(&out);
    assert_fails(read_it(path, sizeof text - 1, NULL, &out, &err), err, ERR_LIMIT,
                 "larger than 19 kB");
    buf_fini(&out);
    assert_fails(read_it("/tmp", 0, &absent, &out, &err), err, ERR_SYNTAX, "is a folder");
    buf_fini(&out);
    /* Reading at a place where nothing is mapped fails after the file was opened. */
    assert_fails(read_it("/proc/self/mem", 0, &absent, &out, &err), err, ERR_OS, "cannot be read");
    buf_fini(&out);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_ok(read_it(path, 0, &absent, &out, &err), err);
    assert_true(absent && out.n == 0);
    buf_fini(&out);
    assert_fails(read_it(path, 0, NULL, &out, &err), err, ERR_OS, "cannot be opened");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_of_it_or_an_error)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
