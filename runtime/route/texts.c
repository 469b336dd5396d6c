#include "route/texts.h"

#include "route/text.h"

static size_t count_of(apus_str text, char c)
{
    size_t n = 0;
    for (const char *at = text.ptr, *end = text.ptr + text.len; at < end && (at = memchr(at, c, (size_t)(end - at))); at++)
        n++;
    return n;
}

/* Cuts the text at the first `c`: the part before it is returned, `*text` is what follows; false in `*found` without one. */
static apus_str cut(apus_str *text, char c, bool *found)
{
    const char *at = text->len ? memchr(text->ptr, c, text->len) : NULL;
    apus_str before = *text;
    *found = at != NULL;
    if (at) {
        before.len = (size_t)(at - text->ptr);
        *text = (apus_str){at + 1, text->len - before.len - 1};
    } else {
        *text = (apus_str){text->ptr + text->len, 0};
    }
    return before;
}

const request_texts *request_query(apus_request *req)
{
    request_texts *texts = &req->queries;
    if (texts->parsed)
        return texts;
    texts->parsed = true;
    if (req->query.len == 0)
        return texts;
    http_field *pairs = apus_alloc(req, (count_of(req->query, '&') + 1) * sizeof *pairs);
    apus_str rest = req->query;
    while (rest.len) {
        bool found;
        apus_str value = cut(&rest, '&', &found);
        if (value.len == 0)
            continue;
        apus_str name = cut(&value, '=', &found);
        pairs[texts->count++] = (http_field){text_decode(req, name, true), text_decode(req, value, true)};
    }
    texts->pairs = pairs;
    return texts;
}

static apus_str trim(apus_str text)
{
    while (text.len && strchr(" \t\r\n\v\f", text.ptr[0]))
        text = (apus_str){text.ptr + 1, text.len - 1};
    while (text.len && strchr(" \t\r\n\v\f", text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* A quoted cookie without its quotes: `\"` and `\\` stand for themselves, `\012` for the byte of that octal number. */
static apus_str unquote(apus_request *req, apus_str value)
{
    if (value.len < 2 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"')
        return value;
    value = (apus_str){value.ptr + 1, value.len - 2};
    if (!value.len || !memchr(value.ptr, '\\', value.len))
        return value;
    char *out = apus_alloc(req, value.len);
    size_t n = 0;
    for (size_t i = 0; i < value.len; i++) {
        const char *at = value.ptr + i;
        size_t left = value.len - i;
        if (at[0] == '\\' && left > 3 && at[1] <= '3' && is_octal(at[1]) && is_octal(at[2]) && is_octal(at[3])) {
            out[n++] = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
            i += 3;
        } else if (at[0] == '\\' && left > 1) {
            out[n++] = at[1];
            i++;
        } else {
            out[n++] = at[0];
        }
    }
    return (apus_str){out, n};
}

static void add_cookies(apus_request *req, request_texts *texts, http_field *pairs, apus_str header)
{
    while (header.len) {
        bool found;
        apus_str value = cut(&header, ';', &found);
        apus_str name = cut(&value, '=', &found);
        if (!found) {
            value = name;
            name = APUS_STR("");
        }
        name = trim(name);
        value = trim(value);
        if (name.len || value.len)
            pairs[texts->count++] = (http_field){text_header(req, name), text_header(req, unquote(req, value))};
    }
}

const request_texts *request_cookies(apus_request *req)
{
    request_texts *texts = &req->cookies;
    if (texts->parsed)
        return texts;
    texts->parsed = true;
    size_t most = 0;
    for (size_t i = 0; i < req->header_count; i++) {
        if (apus_str_eq(req->headers[i].name, APUS_STR("cookie")))
            most += count_of(req->headers[i].value, ';') + 1;
    }
    if (most == 0)
        return texts;
    http_field *pairs = apus_alloc(req, most * sizeof *pairs);
    for (size_t i = 0; i < req->header_count; i++) {
        if (apus_str_eq(req->headers[i].name, APUS_STR("cookie")))
            add_cookies(req, texts, pairs, req->headers[i].value);
    }
    texts->pairs = pairs;
    return texts;
}
