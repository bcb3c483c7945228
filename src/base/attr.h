/* attr: the compiler attributes used everywhere. No behaviour lives here. */
#ifndef BASE_ATTR_H
#define BASE_ATTR_H

#define MUST_USE                     __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define NO_RETURN                    __attribute__((noreturn))
#define UNUSED                       __attribute__((unused))
#define NO_INLINE                    __attribute__((noinline))

/* Runs fn(&variable) when the variable's scope ends: SCOPED(arena_fini) struct arena a; */
#define SCOPED(fn) __attribute__((cleanup(fn)))

/* Hands an owned pointer on: yields it and leaves NULL behind, so that SCOPED has nothing to do. */
#define take(pointer)                                                                              \
    ({                                                                                             \
        __typeof__(pointer) take_value_ = (pointer);                                               \
        (pointer) = NULL;                                                                          \
        take_value_;                                                                               \
    })

/* The text of a constant: STRINGIFY(LIMIT) is "5000". */
#define STRINGIFY_(x) #x
#define STRINGIFY(x)  STRINGIFY_(x)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that holds `member`, given a pointer to the member. */
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer) - __builtin_offsetof(type, member)))

#endif
