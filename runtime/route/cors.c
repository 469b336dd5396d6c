#include "route/cors.h"

#include "route/router.h"

#include <stdlib.h>
#include <strings.h>

#define DEFAULT_MAX_AGE 600
#define LISTED 64

static const char all_methods[] = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";
static const char safe_headers[] = "Accept, Accept-Language, Content-Language, Content-Type";
static const char preflight_vary[] = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, "
                                     "Access-Control-Request-Private-Network";

static bool is_any(const char *list)
{
    return !list || strcmp(list, "*") == 0;
}

/* The next element of a list separated by commas, blanks around it cut off; false at its end. */
static bool next_listed(apus_str *rest, apus_str *out)
{
    while (rest->len && (*rest->ptr == ' ' || *rest->ptr == ',')) {
        rest->ptr++;
        rest->len--;
    }
    const char *comma = rest->len ? memchr(rest->ptr, ',', rest->len) : NULL;
    out->ptr = rest->ptr;
    out->len = comma ? (size_t)(comma - rest->ptr) : rest->len;
    rest->ptr += out->len;
    rest->len -= out->len;
    while (out->len && out->ptr[out->len - 1] == ' ')
        out->len--;
    return out->len > 0;
}

static bool same_any_case(apus_str a, apus_str b)
{
    return a.len == b.len && strncasecmp(a.ptr, b.ptr, a.len) == 0;
}

static bool is_listed(const char *list, apus_str word, bool (*same)(apus_str, apus_str))
{
    apus_str rest = apus_cstr(list), one;
    while (next_listed(&rest, &one))
        if (same(one, word))
            return true;
    return false;
}

static bool origin_allowed(const apus_cors *cors, apus_str origin)
{
    return is_any(cors->origins) || is_listed(cors->origins, origin, apus_str_eq);
}

/* `*` says nothing to a request with credentials: such an origin is named. */
static void allow_origin(apus_request *req, const apus_cors *cors, apus_str origin)
{
    bool with_cookie = http_request_header(req, "cookie").len > 0;
    if (is_any(cors->origins) && !cors->credentials && !with_cookie)
        http_header(req, "access-control-allow-origin", APUS_STR("*"));
    else if (origin_allowed(cors, origin))
        http_header(req, "access-control-allow-origin", origin);
    if (cors->credentials)
        http_header(req, "access-control-allow-credentials", APUS_STR("true"));
}

static int compare_words(const void *a, const void *b)
{
    const apus_str *x = a, *y = b;
    int order = strncmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);
    return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The safe-listed headers and those that are allowed, sorted. */
static apus_str allowed_headers(apus_request *req, const apus_cors *cors)
{
    apus_str words[LISTED], rest = apus_cstr(safe_headers);
    size_t count = 0;
    while (count < LISTED && next_listed(&rest, &words[count]))
        count++;
    rest = apus_cstr(cors->headers);
    while (count < LISTED && next_listed(&rest, &words[count]))
        count++;
    qsort(words, count, sizeof *words, compare_words);
    apus_str joined = {"", 0};
    for (size_t i = 0; i < count; i++)
        if (i == 0 || !apus_str_eq(words[i], words[i - 1]))
            joined = apus_printf(req, "%.*s%s%.*s", APUS_ARG(joined), joined.len ? ", " : "", APUS_ARG(words[i]));
    return joined;
}

static bool headers_allowed(const apus_cors *cors, apus_str asked)
{
    apus_str one;
    if (is_any(cors->headers))
        return true;
    while (next_listed(&asked, &one))
        if (!is_listed(safe_headers, one, same_any_case) && !is_listed(cors->headers, one, same_any_case))
            return false;
    return true;
}

/* What is not allowed, in words; empty when all is. */
static apus_str disallowed(apus_request *req, const apus_cors *cors, apus_str origin, apus_str method, apus_str headers)
{
    const char *wrong[3];
    size_t count = 0;
    if (!origin_allowed(cors, origin))
        wrong[count++] = "origin";
    if (!is_listed(is_any(cors->methods) ? all_methods : cors->methods, method, apus_str_eq))
        wrong[count++] = "method";
    if (!headers_allowed(cors, headers))
        wrong[count++] = "headers";
    apus_str text = {"", 0};
    for (size_t i = 0; i < count; i++)
        text = apus_printf(req, "%.*s%s%s", APUS_ARG(text), i ? ", " : "", wrong[i]);
    return text;
}

static int answer_preflight(apus_request *req, const apus_cors *cors, apus_str origin, apus_str method)
{
    apus_str headers = http_request_header(req, "access-control-request-headers");
    http_header(req, "vary", apus_cstr(preflight_vary));
    http_header(req, "access-control-allow-methods", apus_cstr(is_any(cors->methods) ? all_methods : cors->methods));
    http_header(req, "access-control-max-age", apus_printf(req, "%d", cors->max_age ? cors->max_age : DEFAULT_MAX_AGE));
    if (!is_any(cors->headers))
        http_header(req, "access-control-allow-headers", allowed_headers(req, cors));
    else if (headers.len)
        http_header(req, "access-control-allow-headers", headers);
    allow_origin(req, cors, origin);
    apus_str wrong = disallowed(req, cors, origin, method, headers);
    if (wrong.len)
        return http_text(req, 400, apus_printf(req, "Disallowed CORS %.*s", APUS_ARG(wrong)));
    return http_text(req, 200, APUS_STR("OK"));
}

int cors_middleware(apus_request *req, apus_next *next)
{
    const apus_cors *cors = &req->router->app->cors;
    apus_str origin = http_request_header(req, "origin");
    apus_str method = http_request_header(req, "access-control-request-method");
    if (origin.ptr && method.ptr && apus_str_is(http_method(req), "OPTIONS"))
        return answer_preflight(req, cors, origin, method);
    int result = apus_call_next(req, next);
    http_header(req, "vary", APUS_STR("Origin"));
    if (!origin.ptr)
        return result;
    allow_origin(req, cors, origin);
    if (cors->expose)
        http_header(req, "access-control-expose-headers", apus_cstr(cors->expose));
    return result;
}
