/* test_given: configuration files of a test, in a folder of its own.
 *
 * Threads: one.
 */
#ifndef CONFIG_TEST_GIVEN_H
#define CONFIG_TEST_GIVEN_H

#include "base/str.h"
#include "config/config.h"

enum which { EARSHOT, PROMETHEUS };

extern char given_folder[];
/* Its path, until the call after the next. */
const char *given_file(const char *name, struct str text);
/* Each entry of `packs` is a text: what a pack asks for, as YAML. Rules are the names of the packs:
 * "p p@far earshot ". */
extern const struct pack_reader given_reader;
/* All mistakes of a file, one a line, without the folder; "" when it is taken. Then *out is set. */
const char *given_load(enum which which, struct str text, struct config **out);
/* One that is taken, or the test fails. */
struct config *given(enum which which, const char *text);
void assert_mistake(enum which which, const char *text, const char *expected);

/* Of the group of tests: makes the folder, takes it away. */
int given_setup(void **state);
int given_teardown(void **state);

#endif
