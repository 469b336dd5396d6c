#include "route/request.h"

#include "route/response.h"

apus_str http_method(const apus_request *req)
{
    return req->method;
}

apus_str http_path(const apus_request *req)
{
    return req->path;
}

apus_str http_target(const apus_request *req)
{
    return req->target;
}

apus_str http_query(const apus_request *req)
{
    return req->query;
}

static bool same_name(apus_str lower, const char *name, size_t len)
{
    if (lower.len != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        if (lower.ptr[i] != (c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c))
            return false;
    }
    return true;
}

apus_str http_request_header(const apus_request *req, const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < req->header_count; i++) {
        if (same_name(req->headers[i].name, name, len))
            return req->headers[i].value;
    }
    return (apus_str){NULL, 0};
}

apus_str http_body(const apus_request *req)
{
    return req->body;
}

apus_str http_client(const apus_request *req)
{
    return req->client;
}

void *http_state(const apus_request *req)
{
    return req->state;
}

bool apus_field_was_set(apus_request *req, const void *object, size_t offset, size_t size)
{
    return model_was_set(&req->reader, object, offset, size);
}

void http_background(apus_request *req, void (*run)(apus_task *task, void *arg), void *arg)
{
    background_task *task = apus_alloc(req, sizeof *task);
    *task = (background_task){NULL, run, arg};
    if (req->background)
        *req->background_last = task;
    else
        req->background = task;
    req->background_last = &task->next;
}

void apus_update_as(apus_request *req, apus_model_fn model, void *object, const void *sent)
{
    if (response_model_ready(req, model()))
        model_update(&req->reader, model(), object, sent);
}

void apus_assign_as(apus_request *req, apus_model_fn model, void *object, const void *sent)
{
    if (response_model_ready(req, model()))
        model_assign(&req->reader, model(), object, sent);
}

int apus_load_as(apus_request *req, apus_model_fn model, void *out, apus_str json)
{
    json_value *value;
    json_error wrong = {0};
    if (!response_model_ready(req, model()))
        return APUS_EINVAL;
    if (json_read(req->task.arena, json, req->router->max_depth, &value, &wrong) != JSON_OK)
        return apus_fail(req, APUS_EVALIDATION, "at character %zu: %s", wrong.offset, wrong.error ? wrong.error : "not JSON");
    model_reader reader;
    model_reader_init(&reader, req->task.arena, req->router->max_depth);
    reader.presence = req->reader.presence;
    bool valid = model_read_json(&reader, model(), value, out, NULL);
    req->reader.presence = reader.presence;
    if (valid && !reader.out_of_memory)
        return 0;
    const model_error *first = reader.errors.first;
    if (!first)
        return apus_fail(req, APUS_ENOMEM, "the request has no memory left");
    return apus_fail(req, APUS_EVALIDATION, "%.*s: %.*s", APUS_ARG(first->loc), APUS_ARG(first->msg));
}
