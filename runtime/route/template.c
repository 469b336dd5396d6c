#include "route/template.h"

#include "route/request.h"

#include <stdio.h>

static const struct {
    const char *name;
    part_kind kind;
} convertors[] = {{"str", PART_STR}, {"path", PART_PATH}, {"int", PART_INT}, {"float", PART_FLOAT}, {"uuid", PART_UUID}};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name(apus_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (i > 0 && is_digit(c))))
            return false;
    }
    return text.len > 0;
}

static bool convertor_of(apus_str name, part_kind *kind)
{
    for (size_t i = 0; i < sizeof convertors / sizeof *convertors; i++) {
        if (apus_str_is(name, convertors[i].name)) {
            *kind = convertors[i].kind;
            return true;
        }
    }
    return false;
}

int template_capture(const template_segments *template, apus_str name)
{
    int index = 0;
    for (size_t i = 0; i < template->count; i++) {
        if (template->parts[i].kind == PART_TEXT)
            continue;
        if (apus_str_eq(template->parts[i].text, name))
            return index;
        index++;
    }
    return -1;
}

static const char *add_capture(template_segments *t, apus_str inside)
{
    const char *colon = memchr(inside.ptr, ':', inside.len);
    apus_str name = inside, convertor = APUS_STR("str");
    if (colon) {
        name.len = (size_t)(colon - inside.ptr);
        convertor = (apus_str){colon + 1, inside.len - name.len - 1};
    }
    template_part part = {.text = name};
    if (!is_name(name))
        return "a parameter's name in braces is letters, digits and underscores";
    if (!convertor_of(convertor, &part.kind))
        return "a convertor is one of str, path, int, float, uuid";
    if (template_capture(t, name) >= 0)
        return "a parameter's name occurs twice";
    if (t->captures == REQUEST_CAPTURES)
        return "a path has at most 16 parameters";
    t->parts[t->count++] = part;
    t->captures++;
    return NULL;
}

static const char *add_parts(template_segments *t, const char *path)
{
    for (const char *at = path; *at;) {
        if (*at != '{') {
            size_t len = strcspn(at, "{");
            t->parts[t->count++] = (template_part){PART_TEXT, {at, len}};
            at += len;
            continue;
        }
        const char *end = strchr(at, '}');
        if (!end)
            return "a brace is not closed";
        const char *wrong = add_capture(t, (apus_str){at + 1, (size_t)(end - at - 1)});
        if (wrong)
            return wrong;
        at = end + 1;
    }
    return NULL;
}

static char *format_of(arena *memory, const template_segments *t, size_t size)
{
    char *format = arena_alloc(memory, size), *at = format;
    if (!format)
        return NULL;
    for (size_t i = 0; i < t->count; i++) {
        const template_part *part = &t->parts[i];
        at += sprintf(at, part->kind == PART_TEXT ? "%.*s" : "{%.*s}", (int)part->text.len, part->text.ptr);
    }
    *at = '\0';
    return format;
}

template_segments *template_parse(arena *memory, const char *path, char *error, size_t error_size)
{
    size_t len = strlen(path);
    template_segments *t = arena_alloc(memory, sizeof *t + (len + 1) * sizeof *t->parts);
    const char *wrong = t ? NULL : "out of memory";
    if (!wrong) {
        *t = (template_segments){0};
        wrong = path[0] == '/' ? add_parts(t, path) : "a path starts with a slash";
    }
    if (!wrong && !(t->format = format_of(memory, t, len + 1)))
        wrong = "out of memory";
    if (wrong) {
        snprintf(error, error_size, "%s", wrong);
        return NULL;
    }
    return t;
}

static size_t run_of(apus_str text, bool (*accepts)(char))
{
    size_t n = 0;
    while (n < text.len && accepts(text.ptr[n]))
        n++;
    return n;
}

static bool not_slash(char c)
{
    return c != '/';
}

/* The longest capture at the start of the text, and the least it may shrink to when what follows does not match. */
static size_t longest(part_kind kind, apus_str text, size_t *least)
{
    size_t n;
    *least = 1;
    switch (kind) {
    case PART_STR:
        return run_of(text, not_slash);
    case PART_INT:
        return run_of(text, is_digit);
    case PART_FLOAT:
        n = run_of(text, is_digit);
        if (n > 0 && n + 1 < text.len && text.ptr[n] == '.' && is_digit(text.ptr[n + 1]))
            n += 1 + run_of((apus_str){text.ptr + n + 1, text.len - n - 1}, is_digit);
        return n;
    case PART_UUID:
        n = 0;
        for (size_t digits = 0; digits < 32; digits++, n++) {
            if ((digits == 8 || digits == 12 || digits == 16 || digits == 20) && n < text.len && text.ptr[n] == '-')
                n++;
            if (n >= text.len || !is_hex(text.ptr[n]))
                return 0;
        }
        *least = n;
        return n;
    case PART_PATH:
    default:
        *least = 0;
        return text.len;
    }
}

static bool match_parts(const template_part *part, const template_part *end, apus_str text, apus_str *capture)
{
    if (part == end)
        return text.len == 0;
    if (part->kind == PART_TEXT) {
        size_t n = part->text.len;
        return n <= text.len && memcmp(text.ptr, part->text.ptr, n) == 0 &&
               match_parts(part + 1, end, (apus_str){text.ptr + n, text.len - n}, capture);
    }
    size_t least, n = longest(part->kind, text, &least);
    if (part + 1 == end) {
        *capture = text;
        return n == text.len && n >= least;
    }
    for (; n >= least; n--) {
        *capture = (apus_str){text.ptr, n};
        if (match_parts(part + 1, end, (apus_str){text.ptr + n, text.len - n}, capture + 1))
            return true;
        if (n == 0)
            break;
    }
    return false;
}

bool template_match(const template_segments *template, apus_str path, apus_str *captures)
{
    return match_parts(template->parts, template->parts + template->count, path, captures);
}
