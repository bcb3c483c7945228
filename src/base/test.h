/* test: cmocka with the headers it needs before itself, for every test_*.c. */
#ifndef BASE_TEST_H
#define BASE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The two calls every fallible function of ours deserves in a test: it worked, or it failed with
 * the kind and words expected. */
#define assert_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != 0)                                                                           \
            fail_msg("%s: %s", #call, (err).text);                                                 \
    } while (0)
#define assert_fails(call, err, wanted_kind, words)                                                \
    do {                                                                                           \
        assert_int_equal((call), -1);                                                              \
        assert_int_equal((err).kind, (wanted_kind));                                               \
        if (!strstr((err).text, (words)))                                                          \
            fail_msg("\"%s\" is not in \"%s\"", (words), (err).text);                              \
    } while (0)

#endif
