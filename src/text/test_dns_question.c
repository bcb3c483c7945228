#include "base/test.h"

#include <stdio.h>

#include "base/err.h"
#include "text/dns_question.h"

/* The answer to "hub.test A" with the id 0x1234: one CNAME, one SOA, nothing else. */
static const char answer[] =
    "\x12\x34\x81\x80\x00\x01\x00\x02\x00\x03\x00\x04"
    "\x03hub\x04test\x00\x00\x01\x00\x01"
    "\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x10"
    "\xc0\x10\x00\x06\x00\x01\x00\x00\x00\x3c\x00\x19"
    "\x01n\xc0\x10\x00\x78\x86\xa8\xbd\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00"
    "\x04";
#define ANSWER                                                                                     \
    (struct str)                                                                                   \
    {                                                                                              \
        answer, sizeof answer - 1                                                                  \
    }

static void a_question_is_written_as_rfc_1035_has_it(void **state)
{
    static const char bytes[] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
                                "\x03hub\x04test\x00\x00\x1c\x00\x01";
    struct buf out = {.max_bytes = 600};
    struct err err;

    (void)state;
    assert_int_equal(
        dns_question_write("hub.test.", dns_question_type(STR("aaaa")), 0x1234, &out, &err), 0);
    assert_int_equal(out.n, sizeof bytes - 1);
    assert_memory_equal(out.p, bytes, out.n);
    buf_fini(&out);
}

static void what_is_no_name_is_refused(void **state)
{
    static const char *const bad[] = {
        "a..b", ".a", "a..",
        "1234567890123456789012345678901234567890123456789012345678901234.test"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct buf out = {.max_bytes = 600};
        struct err err = {.kind = ERR_NONE};

        assert_int_equal(dns_question_write(bad[i], 1, 1, &out, &err), -1);
        assert_int_equal(err.kind, ERR_SYNTAX);
        buf_fini(&out);
    }
    assert_int_equal(dns_question_type(STR("AX")), 0);
}

static void an_answer_tells_its_records_and_the_serial(void **state)
{
    struct dns_answer a;

    (void)state;
    assert_true(dns_question_read(ANSWER, 0x1234, &a));
    assert_int_equal(a.rcode, 0);
    assert_int_equal(a.answers, 2);
    assert_int_equal(a.authority, 3);
    assert_int_equal(a.additional, 4);
    assert_true(a.has_serial);
    assert_int_equal(a.serial, 2022090941);
}

static void what_is_no_answer_to_it_is_told(void **state)
{
    struct dns_answer a;
    char question[sizeof answer];

    (void)state;
    assert_false(dns_question_read(ANSWER, 0x1235, &a));
    memcpy(question, answer, sizeof answer);
    question[2] = 1; /* a question itself */
    assert_false(dns_question_read((struct str){question, sizeof answer - 1}, 0x1234, &a));
    for (size_t n = 0; n + 1 < sizeof answer; n++) /* cut short */
        assert_false(dns_question_read((struct str){answer, n}, 0x1234, &a));
    assert_non_null(strstr(dns_question_rcode(3), "NXDOMAIN"));
    assert_non_null(dns_question_rcode(15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_written_as_rfc_1035_has_it),
        cmocka_unit_test(what_is_no_name_is_refused),
        cmocka_unit_test(an_answer_tells_its_records_and_the_serial),
        cmocka_unit_test(what_is_no_answer_to_it_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
