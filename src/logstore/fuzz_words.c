/* What a person searches for, up to the first newline, and behind it a text: FTS5 takes the query,
 * and finds the text by it exactly where the words are in it. The text is read as packed fields,
 * too. */
#include <assert.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "logstore/batch.h"
#include "logstore/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sqlite3 *db;
static sqlite3_stmt *clear, *insert, *find;

static void open_index(void)
{
    static const char *const texts[] = {"INSERT INTO w(w) VALUES('delete-all')",
                                        "INSERT INTO w(rowid, t) VALUES(1, ?1)",
                                        "SELECT rowid FROM w WHERE w MATCH ?1"};
    sqlite3_stmt **const statements[] = {&clear, &insert, &find};

    assert(sqlite3_open(":memory:", &db) == SQLITE_OK && tokens_register(db) == SQLITE_OK);
    assert(sqlite3_exec(db,
                        "CREATE VIRTUAL TABLE w USING fts5(t, content='', columnsize=0,"
                        " detail=none, tokenize='earshot')",
                        NULL, NULL, NULL) == SQLITE_OK);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert(sqlite3_prepare_v2(db, texts[i], -1, statements[i], NULL) == SQLITE_OK);
}

static int run(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);

    (void)sqlite3_reset(s);
    return rc;
}

static bool has_all(const struct words *words, struct str text)
{
    struct words one = *words;

    for (size_t i = 0; i < one.n; i++)
        one.follows[i] = false;
    for (size_t i = 0; i < one.n; i++)
        if (!words_phrase_in(&one, i, text))
            return false;
    return true;
}

static void read_fields(struct str packed)
{
    struct cursor c = cursor_of(packed.p, packed.n);
    struct logstore_field field;

    while (packed_field_next(&c, &field))
        assert(field.value.p + field.value.n <= packed.p + packed.n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size}, search = str_split(&text, '\n');
    SCOPED(buf_fini) struct buf query = {0};
    struct words words;
    struct err err;
    int rc;

    if (!db)
        open_index();
    if (words_read(search, &words, &err) < 0)
        return 0;
    text = text.p ? text : STR("");
    read_fields(text);
    words_put_query(&words, &query);
    assert(run(clear) == SQLITE_DONE);
    (void)sqlite3_bind_text(insert, 1, text.p, (int)text.n, SQLITE_STATIC);
    assert(run(insert) == SQLITE_DONE);
    (void)sqlite3_bind_text(find, 1, query.p, (int)query.n, SQLITE_STATIC);
    rc = run(find);
    assert(rc == SQLITE_ROW || rc == SQLITE_DONE);
    assert((rc == SQLITE_ROW) == has_all(&words, text));
    for (size_t i = 0; i < words.n; i++)
        if (!words.follows[i])
            (void)words_phrase_in(&words, i, text);
    return 0;
}
