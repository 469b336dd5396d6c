#include "route/response.h"

#include "core/limits.h"
#include "route/status.h"
#include "route/text.h"

#include <stdarg.h>
#include <stdio.h>

static const apus_str media_json = {"application/json", 16};
static const apus_str media_text = {"text/plain; charset=utf-8", 25};
static const apus_str media_html = {"text/html; charset=utf-8", 24};
static const apus_str detail_start = {"{\"detail\":", 10};

#define RESPONSE_CAPACITY 256 /* first size of a JSON answer's buffer */
#define WORDS 256             /* of an error */

void response_make(apus_request *req, int status, apus_str content_type, apus_str body)
{
    if (!status_is_final(status)) {
        response_failed(req, apus_printf(req, "%d is no status of a response (200 to 599)", status).ptr);
        return;
    }
    req->out.status = status;
    req->out.content_type = content_type;
    req->out.body = body;
    req->out.is_error = false;
}

static buffer response_buffer(apus_request *req)
{
    buffer b;
    buffer_init(&b, req->task.arena, RESPONSE_CAPACITY, LIMIT_RESPONSE_BODY);
    return b;
}

/* An error of 204 or 304 has neither content nor its type. */
void response_error_body(apus_request *req, int status, apus_str body)
{
    if (status_has_body(status))
        response_make(req, status, media_json, body);
    else
        response_make(req, status, (apus_str){NULL, 0}, (apus_str){NULL, 0});
    req->out.is_error = status_is_final(status);
}

void response_error(apus_request *req, int status, apus_str detail)
{
    buffer b = response_buffer(req);
    buffer_append_str(&b, detail_start);
    json_write_str(&b, text_repair(req, detail));
    buffer_append_char(&b, '}');
    if (b.failed)
        response_error_body(req, 503, APUS_STR("{\"detail\":\"Request needs too much memory\"}"));
    else
        response_error_body(req, status, buffer_str(&b));
}

apus_str response_detail(const apus_request *req)
{
    apus_str body = req->out.body;
    if (body.len <= detail_start.len)
        return (apus_str){NULL, 0};
    return (apus_str){body.ptr + detail_start.len, body.len - detail_start.len - 1};
}

void response_failed(apus_request *req, const char *what)
{
    if (req->router->hooks.failed)
        req->router->hooks.failed(req, what);
    response_make(req, 500, media_text, status_phrase(500));
}

/* An answer past the ceiling, or past the request's memory. */
static int too_large(apus_request *req)
{
    return apus_fail(req, APUS_ENOMEM, "a response is larger than %zu bytes, or the request has no memory left for it",
                     LIMIT_RESPONSE_BODY);
}

/* The type of a result: the handler's own, the route's, or JSON. */
static apus_str result_type(const apus_request *req, const operation *op)
{
    if (req->out.content_type.ptr)
        return req->out.content_type;
    return op->route->media_type ? apus_cstr(op->route->media_type) : media_json;
}

/* A text result of a type that is not JSON goes out as it is. */
static bool is_raw(const operation *op)
{
    return op->route->media_type && op->out == apus_str_model() && !strstr(op->route->media_type, "json");
}

int response_result(apus_request *req, const operation *op, const void *value)
{
    int status = req->out.status_override ? req->out.status_override : op->status;
    apus_str type = result_type(req, op);
    if (!status_has_body(status)) {
        response_make(req, status, type, (apus_str){NULL, 0});
        return 0;
    }
    if (is_raw(op)) {
        response_make(req, status, type, *(const apus_str *)value);
        return 0;
    }
    if (op->out == apus_none_model()) {
        response_make(req, status, type, APUS_STR("null"));
        return 0;
    }
    char words[WORDS] = "";
    const model_write_options options = {.exclude_unset = op->route->exclude_unset,
                                         .exclude_none = op->route->exclude_none,
                                         .exclude_defaults = op->route->exclude_defaults,
                                         .style = op->route->response_model == APUS_DOCUMENTED ? JSON_PYDANTIC : JSON_PYTHON,
                                         .reader = &req->reader,
                                         .error = words,
                                         .error_size = sizeof words};
    buffer b = response_buffer(req);
    int written = model_write_json(&b, op->out, value, &options);
    if (b.failed)
        return too_large(req);
    if (written < 0)
        return apus_fail(req, APUS_EINVAL, "the result of %s: %s", op->route->name, words);
    response_make(req, status, type, buffer_str(&b));
    return 0;
}

void response_validation(apus_request *req)
{
    buffer b = response_buffer(req);
    buffer_append_str(&b, detail_start);
    model_write_errors(&b, &req->reader.errors);
    buffer_append_char(&b, '}');
    if (b.failed)
        response_error(req, 413, status_phrase(413));
    else
        response_make(req, 422, media_json, buffer_str(&b));
}

apus_str http_validation_errors(apus_request *req)
{
    buffer b = response_buffer(req);
    model_write_errors(&b, &req->reader.errors);
    return b.failed ? APUS_STR("[]") : buffer_str(&b);
}

int http_error(apus_request *req, int status, const char *detail)
{
    response_error(req, status, detail ? apus_cstr(detail) : status_phrase(status));
    return APUS_ERESPONDED;
}

int http_errorf(apus_request *req, int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = len < 0 ? 1 : (size_t)len + 1;
    char *text = apus_alloc(req, size);
    va_start(args, format);
    vsnprintf(text, size, format, args);
    va_end(args);
    return http_error(req, status, text);
}

#define KNOWN_MODELS 256 /* a power of two */

bool response_model_ready(apus_request *req, const apus_model *model)
{
    static _Thread_local const apus_model *known[KNOWN_MODELS];
    const apus_model **slot = &known[((uintptr_t)model >> 5) % KNOWN_MODELS];
    if (*slot == model)
        return true;
    char words[WORDS] = "";
    bool compiled = model_compile(model, words, sizeof words);
    if (compiled)
        *slot = model;
    else
        apus_fail(req, APUS_EINVAL, "%s", words);
    return compiled;
}

/* A model's JSON between two texts; false when it cannot be written, with the words set. */
static bool write_model(apus_request *req, apus_str *out, apus_str before, apus_model_fn model, const void *value,
                        apus_str after)
{
    char words[WORDS] = "";
    const model_write_options options = {
        .style = JSON_PYDANTIC, .reader = &req->reader, .error = words, .error_size = sizeof words};
    if (!response_model_ready(req, model()))
        return false;
    buffer b = response_buffer(req);
    buffer_append_str(&b, before);
    int written = model_write_json(&b, model(), value, &options);
    buffer_append_str(&b, after);
    if (b.failed)
        too_large(req);
    else if (written < 0)
        apus_fail(req, APUS_EINVAL, "a %s: %s", model()->name, words);
    *out = buffer_str(&b);
    return written >= 0 && !b.failed;
}

int http_error_model_as(apus_request *req, int status, apus_model_fn model, const void *value)
{
    apus_str body;
    if (!write_model(req, &body, detail_start, model, value, APUS_STR("}")))
        response_failed(req, apus_error(req));
    else
        response_error_body(req, status, body);
    return APUS_ERESPONDED;
}

static apus_str chosen_type(const apus_request *req)
{
    return req->out.content_type.ptr && req->out.status == 0 ? req->out.content_type : media_json;
}

int http_json_as(apus_request *req, int status, apus_model_fn model, const void *value)
{
    apus_str body;
    if (!write_model(req, &body, APUS_STR(""), model, value, APUS_STR("")))
        response_failed(req, apus_error(req));
    else
        response_make(req, status, chosen_type(req), body);
    return APUS_ERESPONDED;
}

int http_json_text(apus_request *req, int status, apus_str text)
{
    response_make(req, status, chosen_type(req), text);
    return APUS_ERESPONDED;
}

apus_json apus_dump_as(apus_request *req, apus_model_fn model, const void *value)
{
    apus_str text;
    if (!write_model(req, &text, APUS_STR(""), model, value, APUS_STR("")))
        return (apus_json){{NULL, 0}};
    return (apus_json){text};
}

static bool is_safe(apus_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\r' || text.ptr[i] == '\n' || text.ptr[i] == '\0')
            return false;
    }
    return true;
}

int http_bytes(apus_request *req, int status, const char *content_type, apus_str body)
{
    apus_str type = apus_cstr(content_type);
    if (!is_safe(type)) {
        response_failed(req, "a content type holds a line break");
        return APUS_ERESPONDED;
    }
    response_make(req, status, type, body);
    return APUS_ERESPONDED;
}

int http_text(apus_request *req, int status, apus_str body)
{
    response_make(req, status, media_text, body);
    return APUS_ERESPONDED;
}

int http_html(apus_request *req, int status, apus_str body)
{
    response_make(req, status, media_html, body);
    return APUS_ERESPONDED;
}

int http_redirect(apus_request *req, int status, const char *location)
{
    response_make(req, status ? status : 307, (apus_str){NULL, 0}, (apus_str){NULL, 0});
    http_set_header(req, "location", text_encode_url(req, apus_cstr(location)));
    return APUS_ERESPONDED;
}

int http_raise(apus_request *req, const apus_exception *kind, const void *value)
{
    req->raised = kind;
    req->raised_value = value;
    return APUS_ERESPONDED;
}

void http_status(apus_request *req, int status)
{
    req->out.status_override = status;
}

int http_response_status(const apus_request *req)
{
    return req->out.status;
}

/* A field name is a token (RFC 9110 section 5.6.2), in lower case here; ptr NULL when it is none. */
static apus_str field_name(apus_request *req, const char *name)
{
    size_t len = strlen(name);
    char *out = apus_alloc(req, len + 1);
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("!#$%&'*+-.^_`|~", c))
            return (apus_str){NULL, 0};
        out[i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    }
    return (apus_str){len ? out : NULL, len};
}

static bool add_header(apus_request *req, http_field field)
{
    response *out = &req->out;
    if (out->header_count == out->header_capacity) {
        size_t capacity = out->header_capacity ? 2 * out->header_capacity : 4;
        if (capacity > 2 * LIMIT_HEADERS)
            return false;
        http_field *headers = apus_alloc(req, capacity * sizeof *headers);
        if (out->header_count)
            memcpy(headers, out->headers, out->header_count * sizeof *headers);
        out->headers = headers;
        out->header_capacity = capacity;
    }
    out->headers[out->header_count++] = field;
    return true;
}

static int put_header(apus_request *req, const char *name, apus_str value, bool replace)
{
    response *out = &req->out;
    http_field field = {field_name(req, name), apus_copy(req, value)};
    if (!field.name.ptr || !is_safe(value))
        return apus_fail(req, APUS_EINVAL, "a header's name is a token, and its value is without line breaks and NUL");
    if (apus_str_is(field.name, "content-length") || apus_str_is(field.name, "transfer-encoding"))
        return apus_fail(req, APUS_EINVAL, "the server itself writes %s", field.name.ptr);
    if (apus_str_is(field.name, "content-type")) {
        out->content_type = field.value;
        return 0;
    }
    if (apus_str_is(field.name, "connection")) {
        out->close |= apus_str_is(field.value, "close");
        return 0;
    }
    size_t kept = 0;
    for (size_t i = 0; i < out->header_count; i++) {
        if (!replace || !apus_str_eq(out->headers[i].name, field.name))
            out->headers[kept++] = out->headers[i];
    }
    out->header_count = kept;
    if (!add_header(req, field))
        return apus_fail(req, APUS_EINVAL, "a response has more than %d headers", 2 * LIMIT_HEADERS);
    return 0;
}

int http_header(apus_request *req, const char *name, apus_str value)
{
    return put_header(req, name, value, false);
}

int http_set_header(apus_request *req, const char *name, apus_str value)
{
    return put_header(req, name, value, true);
}
