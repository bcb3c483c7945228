#include "collect/gpu/owner.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "collect/host/files.h"

#define ARGUMENTS_MAX 5 /* of a command line that are looked at */

/* Beginnings of a program's, script's or module's name, or of the folder of a script. */
static const struct {
    const char *begins, *name;
} known[] = {
    {"vllm", "vllm"},       {"tritonserver", "triton"},    {"text-generation-", "tgi"},
    {"ollama", "ollama"},   {"llama-server", "llama.cpp"}, {"comfyui", "comfyui"},
    {"whisper", "whisper"}, {"faster-whisper", "whisper"}, {"sglang", "sglang"},
};

static const char *const interpreters[] = {"python", "pypy", "node", "ruby", "perl", "java"};

/* Scripts whose name says nothing. */
static const char *const plain[] = {"main",   "app", "server", "run",    "manage",
                                    "worker", "api", "index",  "launch", "__main__"};

struct arguments {
    struct str items[ARGUMENTS_MAX];
    size_t n;
};

static struct arguments split(struct str cmdline)
{
    struct arguments a = {.n = 0};

    while (cmdline.n && a.n < ARGUMENTS_MAX)
        a.items[a.n++] = str_split(&cmdline, '\0');
    return a;
}

static struct str base_name(struct str path)
{
    const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

    return slash ? str_skip(path, (size_t)(slash + 1 - path.p)) : path;
}

static struct str folder_name(struct str path)
{
    size_t base = base_name(path).n;

    return base < path.n ? base_name(str_take(path, path.n - base - 1)) : STR("");
}

static bool begins(struct str s, const char *with)
{
    size_t n = strlen(with);

    return s.n >= n && strncasecmp(s.p, with, n) == 0;
}

static struct str known_name(struct str s)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (begins(s, known[i].begins))
            return str_c(known[i].name);
    return STR("");
}

static bool is_interpreter(struct str program)
{
    for (size_t i = 0; i < ARRAY_LEN(interpreters); i++)
        if (begins(program, interpreters[i]))
            return true;
    return false;
}

/* The script or module; where it is an argument that begins with - there is none. */
static struct str script_of(const struct arguments *a, bool *is_module)
{
    *is_module = false;
    for (size_t i = 1; i < a->n; i++) {
        if (str_eq(a->items[i], STR("-m")) && i + 1 < a->n) {
            *is_module = true;
            return a->items[i + 1];
        }
        if (str_eq(a->items[i], STR("-c")))
            return STR("");
        if (!str_starts(a->items[i], STR("-")))
            return a->items[i];
    }
    return STR("");
}

static struct str without_ending(struct str name)
{
    const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;

    return dot && dot > name.p ? str_take(name, (size_t)(dot - name.p)) : name;
}

static bool is_plain(struct str stem)
{
    for (size_t i = 0; i < ARRAY_LEN(plain); i++)
        if (str_eq(stem, str_c(plain[i])))
            return true;
    return false;
}

static struct str name_of_script(struct str script, bool is_module)
{
    struct str rest = script, stem = without_ending(base_name(script)), folder;

    if (is_module)
        return str_split(&rest, '.');
    folder = folder_name(script);
    return folder.n && is_plain(stem) ? folder : stem;
}

/* A command line may be one text (a process that names itself): its first word. */
static struct str program_of(const struct arguments *a)
{
    struct str text = a->n ? a->items[0] : STR("");

    return base_name(str_split(&text, ' '));
}

/* The innermost unit of "0::/system.slice/soundbox.service", without its ending. */
static struct str unit_of(struct str cgroup)
{
    struct str unit = STR("");

    while (cgroup.n) {
        struct str line = str_split(&cgroup, '\n');

        while (line.n) {
            struct str part = str_split(&line, '/');

            if (str_ends(part, STR(".service")) && !str_starts(part, STR("user@")))
                unit = str_take(part, part.n - STR(".service").n);
        }
    }
    return unit;
}

static struct str choose(const struct arguments *a, struct str cgroup)
{
    struct str program = program_of(a), script = STR(""), name = known_name(program), unit;
    bool is_module = false, interpreted = is_interpreter(program);

    if (interpreted)
        script = script_of(a, &is_module);
    if (!name.n && script.n)
        name = known_name(base_name(script));
    if (!name.n && script.n && !is_module)
        name = known_name(folder_name(script));
    if (name.n)
        return name;
    unit = unit_of(cgroup);
    if (unit.n)
        return unit;
    return script.n ? name_of_script(script, is_module) : program;
}

struct str owner_of_texts(struct str cmdline, struct str cgroup, char out[OWNER_BYTES])
{
    struct arguments a = split(cmdline);
    struct str name = str_take(choose(&a, cgroup), OWNER_BYTES);

    if (!name.n || !str_is_utf8(name))
        return STR("unknown");
    memcpy(out, name.p, name.n);
    return (struct str){out, name.n};
}

struct str owner_of(struct files *files, uint32_t pid, char out[OWNER_BYTES])
{
    char text[4096], path[16];
    struct str cmdline = STR(""), cgroup = STR("");
    int dir;

    (void)snprintf(path, sizeof path, "%u", pid);
    dir = files_open_dir(files_root_dir(files, FILES_PROC), path);
    if (dir < 0)
        return STR("unknown");
    if (files_read_at(files, dir, "cmdline", &cmdline) == FILES_READ) {
        cmdline = str_take(cmdline, sizeof text);
        memcpy(text, cmdline.p, cmdline.n); /* the next file takes its place */
        cmdline.p = text;
    }
    if (files_read_at(files, dir, "cgroup", &cgroup) != FILES_READ)
        cgroup = STR("");
    (void)close(dir);
    return owner_of_texts(cmdline, cgroup, out);
}
