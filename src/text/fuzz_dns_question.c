/* Whatever a name server answers, reading it ends within its bytes; whatever name is asked for, the
 * question is well formed or refused. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "text/dns_question.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_fini) struct buf question = {.max_bytes = 600};
    struct dns_answer answer;
    const uint16_t id = (uint16_t)(size > 1 ? (unsigned)data[0] << 8 | data[1] : 0);
    char *name = mem_zalloc(size + 1);

    if (dns_question_read((struct str){(const char *)data, size}, id, &answer))
        assert(size >= 12 && answer.rcode < 16);
    memcpy(name, data, size);
    if (dns_question_write(name, 1, id, &question, NULL) == 0)
        assert(question.n >= 17 && question.n <= 12 + 255 + 4);
    mem_free(name);
    return 0;
}
