/*
 * Patterns: the regular expressions of Rust's regex crate, as Pydantic takes them, rewritten for PCRE2. What PCRE2 would read
 * otherwise, or could only match by unbounded backtracking, is refused at the start.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/plan.h"

#include <pcre2.h>
#include <pthread.h>

#include "core/limits.h"

struct pattern {
    pcre2_code *code;
};

#define PATTERN_CEILING 65536
#define JIT_STACK_FIRST (32 * 1024)
#define JIT_STACK_MOST (512 * 1024)
#define MATCH_HEAP_KIB 1024

/* What a match needs, one per thread; fibers have no stack to spare for it. */
typedef struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
} matcher;

static pthread_key_t matcher_key;
static pthread_once_t matcher_once = PTHREAD_ONCE_INIT;

/* A position in a pattern that is being rewritten. */
typedef struct scan {
    compiler *c;
    const char *at, *end;
    buffer out;
    bool repeatable; /* what stands before can be repeated */
    bool in_class, negated, not_word;
    size_t class_at; /* where the class begins in `out` */
} scan;

#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}"

static void emit(scan *s, const char *text)
{
    buffer_append_str(&s->out, apus_cstr(text));
}

static void pass(scan *s, size_t n)
{
    buffer_append(&s->out, s->at, n);
    s->at += n;
}

static bool refuse_pattern(scan *s, const char *why)
{
    return complain(s->c, ".pattern: %s", why);
}

/* `\x41`, `\x{41}`, `\u0041`, `\U00000041`: all become `\x{…}`. */
static bool take_code_point(scan *s, size_t digits)
{
    const char *from = s->at;
    if (from < s->end && *from == '{') {
        const char *close = memchr(from, '}', (size_t)(s->end - from));
        if (!close)
            return refuse_pattern(s, "a code point has no closing brace");
        digits = (size_t)(close - ++from);
        s->at = close + 1;
    } else {
        if ((size_t)(s->end - from) < digits)
            return refuse_pattern(s, "a code point is cut short");
        s->at += digits;
    }
    emit(s, "\\x{");
    buffer_append(&s->out, from, digits);
    emit(s, "}");
    return true;
}

static bool take_property(scan *s, char letter)
{
    const char *close = s->at < s->end && *s->at == '{' ? memchr(s->at, '}', (size_t)(s->end - s->at)) : s->at;
    if (!close || close >= s->end)
        return refuse_pattern(s, "a property is cut short");
    buffer_printf(&s->out, "\\%c", letter);
    pass(s, (size_t)(close - s->at) + 1);
    return true;
}

/* Escapes that stand for a text of PCRE2, outside and inside a class. */
static const struct {
    char letter;
    const char *outside, *inside; /* NULL: not allowed there */
} escapes[] = {
    {'w', "[" WORD "]", WORD},
    {'W', "[^" WORD "]", ""},
    {'s', "\\p{White_Space}", "\\p{White_Space}"},
    {'S', "\\P{White_Space}", "\\P{White_Space}"},
    {'d', "\\d", "\\d"},
    {'D', "\\D", "\\D"},
    {'b', "\\b", NULL},
    {'B', "\\B", NULL},
    {'A', "\\A", NULL},
    {'z', "\\z", NULL},
    {'n', "\\n", "\\n"},
    {'r', "\\r", "\\r"},
    {'t', "\\t", "\\t"},
    {'f', "\\f", "\\f"},
    {'a', "\\a", "\\a"},
    {'v', "\\x0b", "\\x0b"},
};

static bool take_letter(scan *s, char letter)
{
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++) {
        const char *text = s->in_class ? escapes[i].inside : escapes[i].outside;
        if (escapes[i].letter != letter || !text)
            continue;
        if ((letter == 'b' || letter == 'B') && s->at < s->end && *s->at == '{')
            break;
        s->not_word = s->not_word || (s->in_class && letter == 'W');
        emit(s, text);
        return true;
    }
    char why[] = "the escape \\? is not known there (no look-around, no backreferences)";
    *strchr(why, '?') = letter;
    return refuse_pattern(s, why);
}

static bool take_escape(scan *s)
{
    if (++s->at == s->end)
        return refuse_pattern(s, "it ends with a backslash");
    char c = *s->at;
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    s->repeatable = !strchr("bBAz", c);
    if (!alphanumeric) {
        if (c == '<' || c == '>' || (unsigned char)c >= 0x80)
            return refuse_pattern(s, "an escape of what needs none");
        s->at--;
        pass(s, 2);
        return true;
    }
    s->at++;
    switch (c) {
    case 'x':
        return take_code_point(s, 2);
    case 'u':
        return take_code_point(s, 4);
    case 'U':
        return take_code_point(s, 8);
    case 'p':
    case 'P':
        return take_property(s, c);
    default:
        return take_letter(s, c);
    }
}

/* POSIX names within a class are ASCII's. */
static const char *const ascii_classes[][2] = {
    {"[:alnum:]", "0-9A-Za-z"},  {"[:alpha:]", "A-Za-z"},    {"[:ascii:]", "\\x00-\\x7f"}, {"[:blank:]", "\\t "},
    {"[:cntrl:]", "\\x00-\\x1f\\x7f"}, {"[:digit:]", "0-9"}, {"[:graph:]", "!-~"},         {"[:lower:]", "a-z"},
    {"[:print:]", " -~"},        {"[:punct:]", "!-\\/:-@\\[-`{-~"}, {"[:space:]", "\\t\\n\\x0b\\f\\r "},
    {"[:upper:]", "A-Z"},        {"[:word:]", "0-9A-Za-z_"}, {"[:xdigit:]", "0-9A-Fa-f"},
};

static bool take_ascii_class(scan *s)
{
    for (size_t i = 0; i < sizeof ascii_classes / sizeof *ascii_classes; i++) {
        size_t len = strlen(ascii_classes[i][0]);
        if ((size_t)(s->end - s->at) < len || memcmp(s->at, ascii_classes[i][0], len) != 0)
            continue;
        emit(s, ascii_classes[i][1]);
        s->at += len;
        return true;
    }
    return refuse_pattern(s, "a class within a class: write [ as \\[");
}

static bool doubled(const scan *s, char c)
{
    return s->end - s->at > 1 && s->at[0] == c && s->at[1] == c;
}

/* `\W` beside other members of a class: a union that PCRE2's classes cannot say. */
static bool leave_class(scan *s)
{
    s->in_class = false;
    pass(s, 1);
    if (!s->not_word || s->out.failed)
        return true;
    size_t open = s->class_at + 1 + s->negated, len = s->out.len - open;
    char *members = arena_alloc(s->c->memory, len + 1);
    if (!members)
        return refuse_pattern(s, "no memory");
    memcpy(members, s->out.ptr + open, len);
    members[len] = '\0';
    s->out.len = s->class_at;
    if (len == 1)
        emit(s, s->negated ? "[" WORD "]" : "[^" WORD "]");
    else
        buffer_printf(&s->out, s->negated ? "(?:(?![%s)[" WORD "])" : "(?:[%s|[^" WORD "])", members);
    return true;
}

static bool take_in_class(scan *s)
{
    if (*s->at == '\\')
        return take_escape(s);
    if (*s->at == '[')
        return take_ascii_class(s);
    if (doubled(s, '&') || doubled(s, '-') || doubled(s, '~'))
        return refuse_pattern(s, "set operations within a class");
    if (*s->at == ']')
        return leave_class(s);
    pass(s, 1);
    return true;
}

static bool enter_class(scan *s)
{
    s->class_at = s->out.len;
    s->not_word = false;
    pass(s, 1);
    s->negated = s->at < s->end && *s->at == '^';
    if (s->negated)
        pass(s, 1);
    if (s->at < s->end && *s->at == ']') {
        emit(s, "\\]");
        s->at++;
    }
    s->in_class = s->repeatable = true;
    return true;
}

/* `(`, `(?:`, `(?P<name>`, `(?<name>` and the flags i, m, s, U. */
static bool take_group(scan *s)
{
    const char *at = s->at + 1;
    s->repeatable = false;
    if (at < s->end && *at == '*')
        return refuse_pattern(s, "nothing to repeat after (");
    if (at == s->end || *at != '?') {
        pass(s, 1);
        return true;
    }
    at++;
    const char *flags = at;
    if (at < s->end && *at == 'P')
        at++;
    if (s->end - at > 1 && *at == '<' && at[1] != '=' && at[1] != '!') {
        pass(s, (size_t)(at - s->at));
        return true;
    }
    for (at = flags; at < s->end && strchr("imsU-", *at); at++)
        ;
    if (at == s->end || (*at != ':' && (*at != ')' || at == flags)))
        return refuse_pattern(s, "look-around, conditions and flags other than i, m, s and U are not known");
    pass(s, (size_t)(at - s->at) + 1);
    return true;
}

/* The braces of a counted repetition, or 0. */
static size_t braces(const scan *s)
{
    const char *at = s->at + 1, *digits = at;
    while (at < s->end && *at >= '0' && *at <= '9')
        at++;
    if (at == digits)
        return 0;
    if (at < s->end && *at == ',')
        for (at++; at < s->end && *at >= '0' && *at <= '9';)
            at++;
    return at < s->end && *at == '}' ? (size_t)(at - s->at) + 1 : 0;
}

static bool take_repetition(scan *s)
{
    size_t len = *s->at == '{' ? braces(s) : 1;
    if (len == 0)
        return refuse_pattern(s, "{ opens no repetition: write it as \\{");
    if (!s->repeatable)
        return refuse_pattern(s, "a repetition of nothing, or of a repetition (put it in a group)");
    pass(s, len);
    if (s->at < s->end && *s->at == '?')
        pass(s, 1);
    s->repeatable = false;
    return true;
}

static bool take_outside(scan *s)
{
    switch (*s->at) {
    case '\\':
        return take_escape(s);
    case '[':
        return enter_class(s);
    case '(':
        return take_group(s);
    case '*':
    case '+':
    case '?':
    case '{':
        return take_repetition(s);
    default:
        s->repeatable = *s->at != '|';
        pass(s, 1);
        return true;
    }
}

static bool rewrite(scan *s)
{
    while (s->at < s->end)
        if (!(s->in_class ? take_in_class(s) : take_outside(s)))
            return false;
    buffer_append_char(&s->out, '\0');
    return !s->out.failed || refuse_pattern(s, "it is too long");
}

static pcre2_code *compile_rewritten(compiler *c, apus_str text)
{
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return NULL;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    int error = 0;
    size_t at = 0;
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, options, &error, &at, context);
    pcre2_compile_context_free(context);
    if (code)
        return code;
    char words[160] = "";
    pcre2_get_error_message(error, (PCRE2_UCHAR *)words, sizeof words);
    complain(c, ".pattern does not compile: %s", words);
    return NULL;
}

static void free_matcher(void *arg)
{
    matcher *m = arg;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->context);
    pcre2_jit_stack_free(m->stack);
    free(m);
}

static void make_matcher_key(void)
{
    pthread_key_create(&matcher_key, free_matcher);
}

const pattern *pattern_compile(compiler *c, const char *text)
{
    scan s = {.c = c, .at = text, .end = text + strlen(text)};
    if (!json_utf8_valid(apus_cstr(text))) {
        complain(c, ".pattern is not UTF-8");
        return NULL;
    }
    buffer_init(&s.out, c->memory, 64, PATTERN_CEILING);
    if (!rewrite(&s))
        return NULL;
    pattern *p = keep_zeroed(c, sizeof *p);
    if (!p || !(p->code = compile_rewritten(c, (apus_str){s.out.ptr, s.out.len - 1})))
        return NULL;
    pthread_once(&matcher_once, make_matcher_key);
    /* where writable code is forbidden this fails, and the interpreter matches */
    pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
    return p;
}

static matcher *thread_matcher(void)
{
    matcher *m = pthread_getspecific(matcher_key);
    if (m)
        return m;
    m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->data = pcre2_match_data_create(1, NULL);
    m->context = pcre2_match_context_create(NULL);
    m->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
    if (!m->data || !m->context || pthread_setspecific(matcher_key, m) != 0) {
        free_matcher(m);
        return NULL;
    }
    pcre2_set_match_limit(m->context, LIMIT_PATTERN_MATCHES);
    pcre2_set_heap_limit(m->context, MATCH_HEAP_KIB);
    if (m->stack)
        pcre2_jit_stack_assign(m->context, NULL, m->stack);
    return m;
}

/* A match that reaches its limit is none: the text is refused, the loop goes on. */
bool pattern_matches(const pattern *p, apus_str text)
{
    matcher *m = thread_matcher();
    return m && pcre2_match(p->code, (PCRE2_SPTR)text.ptr, text.len, 0, 0, m->data, m->context) >= 0;
}
