#define _GNU_SOURCE /* memmem */
#include "route/errors.h"

#include "route/response.h"
#include "route/status.h"

typedef bool (*row_matches)(const apus_exception_row *row, const apus_request *req);

static bool is_for_kind(const apus_exception_row *row, const apus_request *req)
{
    return row->kind && row->kind == req->raised;
}

static bool is_for_status(const apus_exception_row *row, const apus_request *req)
{
    return !row->kind && row->status && row->status == req->out.status;
}

static bool is_for_any_error(const apus_exception_row *row, const apus_request *req)
{
    (void)req;
    return row->http;
}

static bool is_for_validation(const apus_exception_row *row, const apus_request *req)
{
    (void)req;
    return row->validation;
}

static const apus_exception_row *find_row(const apus_request *req, row_matches matches)
{
    const apus_exception_row *row = req->router->app->exception_handlers;
    while (row && row->run && !matches(row, req))
        row++;
    return row && row->run ? row : NULL;
}

/* A handler that makes no response keeps the default one, which is there already. */
static void run_row(apus_request *req, const apus_exception_row *row, const void *value)
{
    int result = row->run(req, value);
    if (req->raised)
        response_failed(req, "an exception handler raised an exception");
    else if (result < 0 && result != APUS_ERESPONDED)
        response_failed(req, apus_error(req));
    req->raised = NULL;
}

static void run_status_row(apus_request *req, const apus_exception_row *row, apus_str detail)
{
    if (!row)
        return;
    apus_json *value = apus_alloc(req, sizeof *value);
    value->text = detail;
    run_row(req, row, value);
}

static void answer_failure(apus_request *req, const char *what)
{
    response_failed(req, what);
    run_status_row(req, find_row(req, is_for_status), APUS_STR("\"Internal Server Error\""));
}

static void answer_error(apus_request *req)
{
    const apus_exception_row *row = find_row(req, is_for_status);
    run_status_row(req, row ? row : find_row(req, is_for_any_error), response_detail(req));
}

static void answer_raised(apus_request *req)
{
    const apus_exception_row *row = find_row(req, is_for_kind);
    const char *name = req->raised->name;
    req->out.status = 0;
    req->raised = NULL;
    if (row)
        run_row(req, row, req->raised_value);
    if (req->out.status == 0)
        answer_failure(req, name);
}

static void answer_validation(apus_request *req)
{
    const apus_exception_row *row = find_row(req, is_for_validation);
    response_validation(req);
    if (row)
        run_row(req, row, NULL);
}

/* The query is where a text holds what only a later call refuses, such as NUL, when it is escaped there; else it is the body. */
static const model_loc *late_loc(const apus_request *req)
{
    static const model_loc query = {.name = {"query", 5}}, body = {.name = {"body", 4}};
    bool escaped = req->query.len >= 3 && memmem(req->query.ptr, req->query.len, "%00", 3);
    return escaped || !req->body.len ? &query : &body;
}

/* What the tables let through and a later call refused, the database above all: told as any other error of validation. */
static void answer_late_refusal(apus_request *req)
{
    apus_str words = apus_printf(req, "Value error, %s", apus_error(req));
    model_add_error(&req->reader, late_loc(req), "value_error", words, (model_input){.is = INPUT_NULL}, APUS_STR("{\"error\":{}}"));
    answer_validation(req);
}

/* Why there is no response: the failure's own words, or what was returned without any. */
static const char *words_of_code(apus_request *req, int code)
{
    if (code == APUS_ERESPONDED)
        return "APUS_ERESPONDED was returned, but no response was made";
    return req->task.error || req->task.cancel ? apus_error(req) : apus_printf(req, "the handler returned %d", code).ptr;
}

/* An error code that nobody turned into a response. */
static void answer_code(apus_request *req, int code)
{
    apus_str text;
    int status = status_of_code(code, &text);
    if (status == 500 || status == 0) {
        answer_failure(req, words_of_code(req, code));
        return;
    }
    if (status == 503 && code != APUS_EOUTCOME) /* to send it again may do it twice */
        http_set_header(req, "retry-after", APUS_STR("1"));
    response_error(req, status, text);
    answer_error(req);
}

static void answer(apus_request *req, int result)
{
    if (req->raised)
        answer_raised(req);
    else if (req->out.is_error)
        answer_error(req);
    else if (result == APUS_EVALIDATION && req->reader.errors.count)
        answer_validation(req);
    else if (result == APUS_EVALIDATION)
        answer_late_refusal(req);
    else
        answer_code(req, result);
}

/* Background tasks belong to a response that the handler made: an error drops them, a client that left does not. */
int errors_settle(apus_request *req, int result)
{
    bool failed = req->raised || req->out.status == 0 || req->out.is_error;
    if (failed)
        req->background = NULL;
    if (result == APUS_ECANCELED || req->task.cancel == APUS_ECANCELED)
        return APUS_ECANCELED;
    if (failed)
        answer(req, result);
    return APUS_ERESPONDED;
}
