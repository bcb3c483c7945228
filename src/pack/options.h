/* options: what a person may give to a pack: its own parameters, and those that all packs take. */
#ifndef PACK_OPTIONS_H
#define PACK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct pack;
struct pack_parameter;
struct yaml;
struct yaml_errors;

/* instance, interval ... : of all packs. */
extern const char *const options_common[];
extern const size_t options_common_n;

/* All keys that the pack takes, at most `max`; their number. */
size_t options_names(const struct pack *pack, struct arena *a, const char **names, size_t max);
/* A value of the wrong type. */
void options_check(const struct pack_parameter *p, const struct yaml *value,
                   struct yaml_errors *errors);
/* Of all packs: times, labels, `rules` and `notify`. `given` NULL: nothing. */
void options_check_common(const struct pack *pack, const struct yaml *given,
                          struct yaml_errors *errors, struct yaml_errors *warnings);

#endif
