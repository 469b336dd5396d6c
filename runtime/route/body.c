#include "core/limits.h"
#include "route/params.h"
#include "route/response.h"
#include "route/text.h"

#include <strings.h>

static bool equals_ignoring_case(apus_str text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.ptr, word, text.len) == 0;
}

/* `application/json` or `application/…+json`, whatever its case and its parameters (RFC 6839 section 3.1). */
static bool is_json_type(apus_str type)
{
    const char *semicolon = memchr(type.ptr, ';', type.len);
    if (semicolon)
        type.len = (size_t)(semicolon - type.ptr);
    while (type.len && (type.ptr[0] == ' ' || type.ptr[0] == '\t'))
        type = (apus_str){type.ptr + 1, type.len - 1};
    while (type.len && (type.ptr[type.len - 1] == ' ' || type.ptr[type.len - 1] == '\t'))
        type.len--;
    static const apus_str application = {"application/", 12};
    if (type.len <= application.len || strncasecmp(type.ptr, application.ptr, application.len) != 0)
        return false;
    apus_str subtype = {type.ptr + application.len, type.len - application.len};
    if (memchr(subtype.ptr, '/', subtype.len))
        return false;
    if (equals_ignoring_case(subtype, "json"))
        return true;
    return subtype.len >= 5 && equals_ignoring_case((apus_str){subtype.ptr + subtype.len - 5, 5}, "+json");
}

static bool is_json(const apus_request *req)
{
    apus_str type = http_request_header(req, "content-type");
    return type.len ? is_json_type(type) : !req->operation->strict_content_type;
}

static int refuse_syntax(apus_request *req, const json_error *wrong)
{
    static const model_loc body = {.name = {"body", 4}};
    model_loc loc = {.parent = &body, .index = (int64_t)wrong->offset};
    buffer ctx;
    buffer_init(&ctx, req->task.arena, 128, LIMIT_LOG_LINE);
    buffer_append(&ctx, "{\"error\":", 9);
    json_write_str(&ctx, apus_cstr(wrong->error));
    buffer_append_char(&ctx, '}');
    model_add_error(&req->reader, &loc, "json_invalid", APUS_STR("JSON decode error"),
                    (model_input){.is = INPUT_RAW, .text = APUS_STR("{}")}, buffer_str(&ctx));
    return APUS_EVALIDATION;
}

int body_decode(apus_request *req)
{
    if (req->operation->plan->body_count == 0 || req->body.len == 0 || !is_json(req))
        return 0;
    json_error wrong = {0};
    switch (json_read(req->task.arena, req->body, req->router->max_depth, &req->json, &wrong)) {
    case JSON_OK:
        return 0;
    case JSON_SYNTAX:
        return refuse_syntax(req, &wrong);
    case JSON_NO_MEMORY:
        response_error_body(req, 413, APUS_STR("{\"detail\":\"Content Too Large\"}"));
        return APUS_ERESPONDED;
    case JSON_REFUSED:
    default:
        response_error(req, 400, APUS_STR("There was an error parsing the body"));
        return APUS_ERESPONDED;
    }
}

static const model_input no_input = {.is = INPUT_NULL};

/* The one row that is the whole body. */
static bool read_whole(apus_request *req, const parameter *p, void *in)
{
    if (req->json || req->body.len == 0)
        return model_read_field_json(&req->reader, p->field, req->json, in, p->loc.parent, no_input);
    apus_str text = text_repair(req, req->body);
    return model_read_field_texts(&req->reader, p->field, &text, 1, false, in, p->loc.parent, no_input);
}

/* A row that is a member of the body. A body that is JSON but no object lacks it, default or not. */
static bool read_member(apus_request *req, const parameter *p, void *in)
{
    if (req->json && json_type_of(req->json) != JSON_OBJECT) {
        model_add_missing(&req->reader, &p->loc, no_input);
        return false;
    }
    const json_value *value = req->json ? json_get(req->json, p->key) : NULL;
    return model_read_field_json(&req->reader, p->field, value, in, &p->loc, no_input);
}

bool body_read(apus_request *req, const dependant *d, void *in)
{
    bool embed = req->operation->plan->embed, valid = true;
    for (size_t i = 0; i < d->body_count; i++)
        valid &= (embed ? read_member : read_whole)(req, &d->bodies[i], in);
    return valid;
}

apus_json http_body_json(apus_request *req)
{
    buffer b;
    buffer_init(&b, req->task.arena, req->body.len + 16, LIMIT_REQUEST_MEMORY);
    if (!req->operation || req->operation->plan->body_count == 0 || req->body.len == 0)
        json_write_null(&b);
    else if (req->json)
        json_write_value(&b, req->json, JSON_PYTHON);
    else
        json_write_str(&b, text_repair(req, req->body));
    return (apus_json){b.failed ? APUS_STR("null") : buffer_str(&b)};
}
