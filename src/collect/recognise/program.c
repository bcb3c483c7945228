#include "collect/recognise/program.h"

#include <stdio.h>

#include "base/attr.h"
#include "collect/recognise/survey.h"

/* What runs something else, by the begin of its name (python3.11). */
static const char *const interpreters[] = {
    "python", "pypy", "node", "ruby", "perl", "java",    "php",      "dotnet",
    "bash",   "sh",   "dash", "bun",  "deno", "uvicorn", "gunicorn", "hypercorn"};
static const char *const endings[] = {".py", ".js",  ".mjs", ".jar", ".rb",
                                      ".pl", ".php", ".sh",  ".dll", ".ts"};

struct str program_base(struct str path)
{
    for (size_t i = path.n; i > 0; i--)
        if (path.p[i - 1] == '/')
            return str_skip(path, i);
    return path;
}

static struct str next_word(struct str *words)
{
    return str_split(words, '\0');
}

static bool is_version(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.'))
            return false;
    return true;
}

static bool is_interpreter(struct str base)
{
    for (size_t i = 0; i < ARRAY_LEN(interpreters); i++)
        if (str_starts(base, str_c(interpreters[i])) &&
            is_version(str_skip(base, strlen(interpreters[i]))))
            return true;
    return false;
}

static struct str without_ending(struct str base)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (base.n > strlen(endings[i]) && str_ends(base, str_c(endings[i])))
            return str_take(base, base.n - strlen(endings[i]));
    return base;
}

/* Of "app.main:api": the module. */
static struct str module_of(struct str word)
{
    return str_split(&word, ':');
}

/* The code behind -c or -e: no name, and it may hold a password. */
static bool is_code(struct str word, struct str base)
{
    static const char signs[] = ";=(){}'\"`\n";

    for (size_t i = 0; i < word.n; i++)
        if (strchr(signs, word.p[i]))
            return true;
    return memchr(base.p, ' ', base.n);
}

/* The first word that is no option: a script, or behind -m or -jar a module or an archive. Scripts
 * that run others are passed over, unless they are all there is. */
static struct str script_of(struct str words)
{
    struct str found = STR("");

    while (words.p) {
        struct str word = next_word(&words), base;

        if (word.n == 0 || word.p[0] == '-')
            continue;
        base = without_ending(program_base(module_of(word)));
        if (base.n == 0 || is_code(word, base))
            continue;
        found = base;
        if (!is_interpreter(base))
            break;
    }
    return found;
}

static struct str find_name(const struct survey_process *p)
{
    struct str words = p->words, first = next_word(&words), base, script;

    if (!first.n)
        return program_base(p->exe).n ? program_base(p->exe) : p->name;
    /* What servers make of their title: "nginx: master process", "postgres: checkpointer". */
    base = program_base(first);
    base = memchr(base.p, ' ', base.n) ? p->name : base;
    if (!is_interpreter(base))
        return without_ending(base);
    script = script_of(words);
    return script.n ? script : base;
}

size_t program_odd(struct str s)
{
    static const char *const odd[] = {"\u2028", "\u2029", "\ufeff", "\xef\xbf\xbe", "\xef\xbf\xbf"};
    unsigned char c = s.n ? (unsigned char)s.p[0] : 'x';

    if (c < ' ' || c == 0x7f)
        return 1;
    if (c == 0xc2 && s.n > 1 && (unsigned char)s.p[1] < 0xa0)
        return 2;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        if (str_starts(s, str_c(odd[i])))
            return strlen(odd[i]);
    return 0;
}

void program_clean(char *text, char instead)
{
    struct str rest = str_c(text);

    if (!str_is_utf8(rest))
        for (char *c = text; *c; c++)
            *c = (unsigned char)*c < 0x80 ? *c : '?';
    for (size_t i = 0; i < rest.n; i++)
        for (size_t n = program_odd(str_skip(rest, i)); n > 0; n--, i += n > 0)
            text[i] = instead;
}

void program_name(const struct survey_process *p, char out[PROGRAM_NAME_MAX])
{
    struct str name = p ? find_name(p) : STR("");

    (void)snprintf(out, PROGRAM_NAME_MAX, "%.*s", STR_ARGS(str_take(name, PROGRAM_NAME_MAX - 1)));
    program_clean(out, ' ');
}

void program_job(const struct survey_process *p, unsigned port, char out[PROGRAM_NAME_MAX])
{
    size_t n = 0;

    program_name(p, out);
    for (size_t i = 0; out[i]; i++) {
        char c = out[i] >= 'A' && out[i] <= 'Z' ? (char)(out[i] - 'A' + 'a') : out[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';

        if (plain)
            out[n++] = c;
        else if (n > 0 && out[n - 1] != '-')
            out[n++] = '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    if (n == 0 || strcmp(out, "null") == 0) /* which is no text to YAML */
        (void)snprintf(out, PROGRAM_NAME_MAX, "port-%u", port);
}

bool program_has_word(const struct survey_process *p, struct str word)
{
    struct str words = p->words;

    while (words.p)
        if (str_eq(program_base(next_word(&words)), word))
            return true;
    return false;
}

struct str program_option(const struct survey_process *p, const char *letter, const char *name)
{
    struct str words = p->words, none = {NULL, 0};

    while (words.p) {
        struct str word = next_word(&words);

        if (str_eq(word, str_c(letter)) || str_eq(word, str_c(name)))
            return words.p ? next_word(&words) : none;
        if (str_starts(word, str_c(name)) && word.n > strlen(name) && word.p[strlen(name)] == '=')
            return str_skip(word, strlen(name) + 1);
        if (!str_starts(word, STR("--")) && str_starts(word, str_c(letter)) &&
            word.n > strlen(letter))
            return str_skip(word, strlen(letter));
    }
    return none;
}
