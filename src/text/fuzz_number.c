/* A text that is a number prints and reads back the same, in every form. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "text/number.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t bits_of(double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t (*const forms[])(double, char *) = {number_print, number_print_f, number_print_g};
    struct str text = {(const char *)data, size};
    char out[NUMBER_FIXED_MAX];
    int64_t i, i_back;
    double v, back;

    if (number_parse_i64(text, &i)) {
        size_t n = number_print_i64(i, out);

        assert(number_parse_i64((struct str){out, n}, &i_back) && i == i_back);
    }
    if (!number_parse(text, &v))
        return 0;
    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        size_t n = forms[f](v, out);

        assert(n <= (f == 1 ? NUMBER_FIXED_MAX : NUMBER_TEXT_MAX));
        assert(number_parse((struct str){out, n}, &back));
        assert(bits_of(v) == bits_of(back));
    }
    return 0;
}
