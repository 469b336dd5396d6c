#include "fixture.h"

#include <stdio.h>

struct which_in {
    int64_t which;
};
MODEL(which_in, PATH(which));

struct message {
    apus_str text;
    apus_opt_double number;
};
MODEL(message, FIELD(text), FIELD(number));

/* A result that no client of the document knows: compiled when it is first written. */
struct unknown {
    int64_t id;
};
MODEL(unknown, FIELD(id));

static const apus_exception unicorn = {"Unicorn"}, dragon = {"Dragon"};

static int codes(apus_request *req, const struct which_in *in, apus_none *out)
{
    (void)out;
    return apus_fail(req, (int)in->which, "the words of %d", (int)in->which);
}

enum { ERROR, ERRORF, MODEL_ERROR, JSON, JSON_TEXT, BYTES, TEXT, HTML, REDIRECT, STATUS, RESPONDED_0, NONE, NO_CONTENT, STATUS_99, STATUS_1000, BROKEN };

static int made(apus_request *req, const struct which_in *in, apus_none *out)
{
    const struct message message = {APUS_STR("hi"), APUS_SOME(1e-7)};
    (void)out;
    switch (in->which) {
    case ERROR:
        return http_error(req, 418, NULL);
    case ERRORF:
        return http_errorf(req, 404, "Item %d \"not\" found", 7);
    case MODEL_ERROR:
        return http_error_model(req, 400, message_model, &message);
    case JSON:
        return http_json(req, 202, unknown_model, &(struct unknown){5});
    case JSON_TEXT:
        return http_json_text(req, 200, APUS_STR("{\"a\":1}"));
    case BYTES:
        return http_bytes(req, 200, "application/octet-stream", APUS_STR("bytes"));
    case TEXT:
        return http_text(req, 200, APUS_STR("text"));
    case HTML:
        return http_html(req, 200, APUS_STR("<p>"));
    case REDIRECT:
        return http_redirect(req, 0, "/a b?c=\xc3\xa9&d=%20");
    case STATUS:
        http_status(req, 203);
        return 0;
    case RESPONDED_0:
        http_text(req, 200, APUS_STR("made"));
        return 0;
    case NONE:
        return APUS_ERESPONDED;
    case NO_CONTENT:
        return http_error(req, 204, NULL);
    case STATUS_99:
        return http_error(req, 99, "never seen");
    case STATUS_1000:
        http_status(req, 1000);
        return 0;
    default:
        return http_json(req, 200, message_model, &(struct message){.text = APUS_STR("\xff")});
    }
}

static int headed(apus_request *req, const struct which_in *in, apus_none *out)
{
    (void)out;
    switch (in->which) {
    case 0:
        http_header(req, "X-One", APUS_STR("1"));
        http_header(req, "x-one", APUS_STR("2"));
        http_set_header(req, "X-Two", APUS_STR("3"));
        http_set_header(req, "X-two", APUS_STR("4"));
        return 0;
    case 1:
        http_header(req, "content-type", APUS_STR("application/problem+json"));
        return 0;
    default:
        http_header(req, "x-error", APUS_STR("yes"));
        return http_error(req, 404, "Gone");
    }
}

static int refused_headers(apus_request *req, const apus_none *in, apus_none *out)
{
    static const struct {
        const char *name;
        apus_str value;
    } rows[] = {{"x", {"a\r\nset-cookie: b", 16}}, {"x", {"a\nb", 3}},        {"x", {"a\0b", 3}},   {"x\r\ny", {"a", 1}},
                {"x: y", {"a", 1}},              {"", {"a", 1}},            {"x y", {"a", 1}},    {"content-length", {"0", 1}},
                {"Transfer-Encoding", {"chunked", 7}}};
    (void)in, (void)out;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (http_header(req, rows[i].name, rows[i].value) != APUS_EINVAL)
            return http_errorf(req, 400, "row %zu was taken", i);
    }
    return 0;
}

static int no_content(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)req, (void)in, (void)out;
    return 0;
}

static int wordless(apus_request *req, const struct which_in *in, apus_none *out)
{
    (void)req, (void)out;
    return (int)in->which;
}

static int number(apus_request *req, const apus_none *in, struct message *out)
{
    (void)req, (void)in;
    *out = (struct message){APUS_STR("\xc3\xa9"), APUS_SOME(1e-7)};
    return 0;
}

static int nothing_set(apus_request *req, const apus_none *in, struct message *out)
{
    (void)req, (void)in;
    out->text = APUS_STR("t");
    return 0;
}

static int page(apus_request *req, const apus_none *in, apus_str *out)
{
    (void)req, (void)in;
    *out = APUS_STR("<b>\"x\"</b>");
    return 0;
}

static int broken(apus_request *req, const apus_none *in, struct message *out)
{
    (void)req, (void)in;
    out->text = APUS_STR("\xff");
    return 0;
}

static int raising(apus_request *req, const struct which_in *in, apus_none *out)
{
    (void)out;
    return http_raise(req, in->which ? &dragon : &unicorn, &in->which);
}

static int overlooked(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)in, (void)out;
    req->task.failure = APUS_EUNAVAILABLE;
    return 0;
}

static void note_clean_up(apus_task *task, void *arg)
{
    (void)task;
    note(arg);
}

static int greedy(apus_request *req, const apus_none *in, apus_none *out)
{
    static char word[] = "cleaned";
    (void)in, (void)out;
    apus_defer(req, note_clean_up, word);
    for (int i = 0; i < 1000000; i++)
        apus_alloc(req, 1000);
    return 0;
}

static int slow(apus_request *req, const apus_none *in, apus_none *out)
{
    (void)in, (void)out;
    return apus_sleep(req, 5);
}

static void sleep_and_note(apus_task *task, void *arg)
{
    note(apus_sleep(task, 0.02) == 0 ? arg : "cut-short");
}

static int patient(apus_request *req, const apus_none *in, apus_none *out)
{
    static char word[] = "background";
    (void)in, (void)out;
    http_background(req, sleep_and_note, word);
    while (apus_remaining(req) > 0)
        ;
    return 0;
}

static int state_of(apus_request *req, const apus_none *in, apus_str *out)
{
    (void)in;
    *out = apus_cstr(http_state(req));
    return 0;
}

ROUTES(responses,
    GET("/codes/{which}", codes, which_in, apus_none),
    GET("/wordless/{which}", wordless, which_in, apus_none),
    GET("/made/{which}", made, which_in, apus_none),
    GET("/headed/{which}", headed, which_in, apus_none),
    GET("/refused", refused_headers, apus_none, apus_none),
    GET("/no-content", no_content, apus_none, apus_none, .status = 204),
    GET("/created", number, apus_none, message, .status = 201),
    GET("/python", number, apus_none, message, .response_model = APUS_UNDOCUMENTED, .operation_id = "python"),
    GET("/set", nothing_set, apus_none, message),
    GET("/only-set", nothing_set, apus_none, message, .exclude_none = true, .operation_id = "only_set"),
    GET("/page", page, apus_none, apus_str, .media_type = "text/html; charset=utf-8"),
    GET("/broken", broken, apus_none, message),
    GET("/raising/{which}", raising, which_in, apus_none),
    GET("/overlooked", overlooked, apus_none, apus_none),
    GET("/greedy", greedy, apus_none, apus_none),
    GET("/slow", slow, apus_none, apus_none, .timeout = 0.02),
    GET("/patient", patient, apus_none, apus_none, .timeout = 0.02),
    GET("/state", state_of, apus_none, apus_str));
static const apus_app app = {.routes = responses};

static int set_up(void **state)
{
    if (route_set_up(state) != 0)
        return -1;
    serve_app(&app);
    return 0;
}

static void an_error_code_becomes_its_status(void **state)
{
    (void)state;
    static const struct {
        int code, status;
        const char *body, *headers;
    } rows[] = {
        {APUS_ETIMEDOUT, 503, "{\"detail\":\"Request timed out\"}", "retry-after: 1\n"},
        {APUS_EUNAVAILABLE, 503, "{\"detail\":\"Database unavailable\"}", "retry-after: 1\n"},
        {APUS_EOUTCOME, 503, "{\"detail\":\"Outcome unknown\"}", ""}, /* to try again may do it twice */
        {APUS_EUNIQUE, 409, "{\"detail\":\"Conflict\"}", ""},
        {APUS_EDISK_FULL, 507, "{\"detail\":\"Insufficient Storage\"}", ""},
        {APUS_EVALIDATION, 422,
         "{\"detail\":[{\"type\":\"value_error\",\"loc\":[\"query\"],\"msg\":\"Value error, the words of -21\",\"input\":null,\"ctx\":{\"error\":{}}}]}", ""},
        {APUS_EQUERY, 500, "Internal Server Error", ""},
        {-999, 500, "Internal Server Error", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char target[32], words[32];
        snprintf(target, sizeof target, "/codes/%d", rows[i].code);
        snprintf(words, sizeof words, "the words of %d", rows[i].code);
        const answer *a = get(target);
        assert_answer(a, rows[i].status, rows[i].body);
        assert_string_equal(a->headers, rows[i].headers);
        assert_string_equal(a->type, rows[i].status == 500 ? "text/plain; charset=utf-8" : "application/json");
        assert_string_equal(a->failed, rows[i].status == 500 ? words : "");
    }
}

static void an_error_code_without_words_is_told_by_its_number(void **state)
{
    (void)state;
    const answer *a = get("/wordless/-999");
    assert_int_equal(a->status, 500);
    assert_string_equal(a->failed, "the handler returned -999");
}

static void a_status_that_is_none_is_500_and_told(void **state)
{
    (void)state;
    char target[32];
    snprintf(target, sizeof target, "/made/%d", STATUS_99);
    assert_string_equal(get(target)->failed, "99 is no status of a response (200 to 599)");
    snprintf(target, sizeof target, "/made/%d", STATUS_1000);
    assert_string_equal(get(target)->failed, "1000 is no status of a response (200 to 599)");
}

static void a_handler_can_make_any_response(void **state)
{
    (void)state;
    static const struct {
        int which, status;
        const char *type, *body, *headers;
    } rows[] = {
        {ERROR, 418, "application/json", "{\"detail\":\"I'm a Teapot\"}", ""},
        {ERRORF, 404, "application/json", "{\"detail\":\"Item 7 \\\"not\\\" found\"}", ""},
        {MODEL_ERROR, 400, "application/json", "{\"detail\":{\"text\":\"hi\",\"number\":1e-7}}", ""},
        {JSON, 202, "application/json", "{\"id\":5}", ""},
        {JSON_TEXT, 200, "application/json", "{\"a\":1}", ""},
        {BYTES, 200, "application/octet-stream", "bytes", ""},
        {TEXT, 200, "text/plain; charset=utf-8", "text", ""},
        {HTML, 200, "text/html; charset=utf-8", "<p>", ""},
        {REDIRECT, 307, "", "", "location: /a%20b?c=%C3%A9&d=%20\n"},
        {STATUS, 203, "application/json", "null", ""},
        {RESPONDED_0, 200, "text/plain; charset=utf-8", "made", ""},
        {NONE, 500, "text/plain; charset=utf-8", "Internal Server Error", ""},
        {NO_CONTENT, 204, "", "", ""},
        {STATUS_99, 500, "text/plain; charset=utf-8", "Internal Server Error", ""},
        {STATUS_1000, 500, "text/plain; charset=utf-8", "Internal Server Error", ""},
        {BROKEN, 500, "text/plain; charset=utf-8", "Internal Server Error", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char target[32];
        snprintf(target, sizeof target, "/made/%d", rows[i].which);
        const answer *a = get(target);
        assert_answer(a, rows[i].status, rows[i].body);
        assert_string_equal(a->type, rows[i].type);
        assert_string_equal(a->headers, rows[i].headers);
    }
}

static void headers_are_added_or_replaced_in_lower_case(void **state)
{
    (void)state;
    assert_string_equal(get("/headed/0")->headers, "x-one: 1\nx-one: 2\nx-two: 4\n");
    const answer *a = get("/headed/1");
    assert_string_equal(a->type, "application/problem+json");
    assert_string_equal(a->headers, "");
    a = get("/headed/2");
    assert_answer(a, 404, "{\"detail\":\"Gone\"}");
    assert_string_equal(a->headers, "x-error: yes\n");
}

static void a_header_that_would_split_the_response_is_refused(void **state)
{
    (void)state;
    const answer *a = get("/refused");
    assert_answer(a, 200, "null");
    assert_string_equal(a->headers, "");
}

static void results_are_written_as_the_route_says(void **state)
{
    (void)state;
    const answer *a = get("/no-content");
    assert_answer(a, 204, "");
    assert_string_equal(a->type, "application/json");
    assert_answer(get("/created"), 201, "{\"text\":\"\xc3\xa9\",\"number\":1e-7}");
    assert_answer(get("/python"), 200, "{\"text\":\"\xc3\xa9\",\"number\":1e-07}");
    assert_answer(get("/set"), 200, "{\"text\":\"t\",\"number\":null}");
    assert_answer(get("/only-set"), 200, "{\"text\":\"t\"}");
    a = get("/page");
    assert_answer(a, 200, "<b>\"x\"</b>");
    assert_string_equal(a->type, "text/html; charset=utf-8");
}

static void a_result_that_breaks_its_own_table_is_500(void **state)
{
    (void)state;
    const answer *a = get("/broken");
    assert_answer(a, 500, "Internal Server Error");
    assert_non_null(strstr(a->failed, "broken"));
}

static void a_failure_of_the_database_that_a_handler_overlooks_is_not_a_success(void **state)
{
    (void)state;
    assert_answer(get("/overlooked"), 503, "{\"detail\":\"Database unavailable\"}");
}

static void nothing_is_sent_to_a_client_that_is_gone(void **state)
{
    (void)state;
    client_gone = true;
    const answer *a = get("/created");
    client_gone = false;
    assert_int_equal(a->sent, 0);
}

static void a_request_that_needs_too_much_memory_is_answered_and_cleaned_up(void **state)
{
    (void)state;
    assert_answer(get("/greedy"), 503, "{\"detail\":\"Request needs too much memory\"}");
    assert_string_equal(events, "sent cleaned");
    assert_answer(get("/created"), 201, "{\"text\":\"\xc3\xa9\",\"number\":1e-7}");
}

static void a_handler_that_waits_past_its_deadline_is_503(void **state)
{
    (void)state;
    const answer *a = get("/slow");
    assert_answer(a, 503, "{\"detail\":\"Request timed out\"}");
    assert_string_equal(a->headers, "retry-after: 1\n");
}

static void background_tasks_have_no_deadline(void **state)
{
    (void)state;
    assert_answer(get("/patient"), 200, "null");
    assert_string_equal(events, "sent background");
}

static void the_applications_state_reaches_handlers(void **state)
{
    (void)state;
    static char text[] = "state";
    apus_set_state(NULL, text);
    assert_answer(get("/state"), 200, "\"state\"");
    apus_set_state(NULL, NULL);
}

/* ---- exception handlers */

static int on_unicorn(apus_request *req, const void *value)
{
    const int64_t *which = value;
    return http_errorf(req, 418, "unicorn %d", (int)*which);
}

static int on_404(apus_request *req, const void *value)
{
    const apus_json *detail = value;
    return http_text(req, 404, apus_printf(req, "custom %.*s", APUS_ARG(detail->text)));
}

static int on_500(apus_request *req, const void *value)
{
    (void)value;
    return http_json_text(req, 500, APUS_STR("{\"oops\":true}"));
}

static int on_validation(apus_request *req, const void *value)
{
    assert_null(value);
    return http_json_text(req, 400, http_validation_errors(req));
}

static int on_409(apus_request *req, const void *value)
{
    (void)req, (void)value;
    return 0;
}

static int on_http(apus_request *req, const void *value)
{
    const apus_json *detail = value;
    int status = http_response_status(req);
    return http_text(req, status, apus_printf(req, "%d %.*s", status, APUS_ARG(detail->text)));
}

static int on_507(apus_request *req, const void *value)
{
    (void)value;
    return apus_fail(req, APUS_EQUERY, "broken too");
}

static void exception_handlers_answer_by_kind_status_and_validation(void **state)
{
    (void)state;
    serve_app(&(apus_app){
        .routes = responses,
        .exception_handlers = HANDLERS({&unicorn, .run = on_unicorn}, {.status = 404, .run = on_404}, {.status = 500, .run = on_500},
                                       {.validation = true, .run = on_validation}, {.status = 409, .run = on_409}),
    });
    assert_answer(get("/raising/0"), 418, "{\"detail\":\"unicorn 0\"}");
    assert_answer(get("/raising/1"), 500, "{\"oops\":true}");
    assert_answer(get("/nope"), 404, "custom \"Not Found\"");
    assert_answer(get("/made/1"), 404, "custom \"Item 7 \\\"not\\\" found\"");
    const answer *a = get("/codes/-15");
    assert_answer(a, 500, "{\"oops\":true}");
    assert_string_equal(a->failed, "the words of -15");
    assert_answer(get("/made/x"), 400, "[{\"type\":\"int_parsing\",\"loc\":[\"path\",\"which\"],\"msg\":\"Input should be a valid "
                                       "integer, unable to parse string as an integer\",\"input\":\"x\"}]");
    assert_answer(get("/codes/-7"), 409, "{\"detail\":\"Conflict\"}");
    serve_app(&(apus_app){
        .routes = responses,
        .exception_handlers = HANDLERS({.http = true, .run = on_http}, {.status = 404, .run = on_404}, {.status = 507, .run = on_507}),
    });
    assert_answer(get("/made/0"), 418, "418 \"I'm a Teapot\"");
    assert_answer(get("/nope"), 404, "custom \"Not Found\"");
    assert_answer(ask("POST", "/made/0", NULL, NULL), 405, "405 \"Method Not Allowed\"");
    assert_answer(get("/codes/-15"), 500, "Internal Server Error");
    assert_answer(get("/codes/-14"), 500, "Internal Server Error");
    serve_app(&app);
    a = get("/raising/1");
    assert_answer(a, 500, "Internal Server Error");
    assert_string_equal(a->failed, "Dragon");
}

/* ---- middleware */

static int outer(apus_request *req, apus_next *next)
{
    note("outer");
    int result = apus_call_next(req, next);
    char text[16];
    snprintf(text, sizeof text, "%d", http_response_status(req));
    http_header(req, "x-outer", apus_cstr(text));
    note("outer-end");
    return result;
}

static int inner(apus_request *req, apus_next *next)
{
    note("inner");
    if (apus_str_is(http_query(req), "stop"))
        return http_error(req, 403, "stopped");
    if (apus_str_is(http_query(req), "forget"))
        return 0;
    return apus_call_next(req, next);
}

/* As a cache or a log in the database would, that the answer does not depend on. */
static int careless(apus_request *req, apus_next *next)
{
    req->task.failure = APUS_EUNAVAILABLE;
    return apus_call_next(req, next);
}

static void a_failure_of_the_database_that_a_middleware_overlooks_is_its_own(void **state)
{
    (void)state;
    serve_app(&(apus_app){.routes = responses, .middleware = MIDDLEWARE(careless)});
    assert_int_equal(get("/created")->status, 201);
    assert_answer(get("/overlooked"), 503, "{\"detail\":\"Database unavailable\"}");
    serve_app(&app);
}

static int replacing(apus_request *req, apus_next *next)
{
    int result = apus_call_next(req, next);
    return http_response_status(req) == 500 ? http_text(req, 502, APUS_STR("replaced")) : result;
}

static void a_middlewares_answer_stands_even_for_an_exception_without_a_handler(void **state)
{
    (void)state;
    serve_app(&(apus_app){.routes = responses, .middleware = MIDDLEWARE(outer, replacing)});
    const answer *a = get("/raising/0");
    assert_answer(a, 502, "replaced");
    assert_string_equal(a->failed, "Unicorn");
    assert_string_equal(a->headers, "x-outer: 502\n");
    serve_app(&app);
}

static void middleware_wraps_everything_in_order(void **state)
{
    (void)state;
    serve_app(&(apus_app){.routes = responses, .middleware = MIDDLEWARE(outer, inner)});
    const answer *a = get("/created");
    assert_int_equal(a->status, 201);
    assert_string_equal(a->headers, "x-outer: 201\n");
    assert_string_equal(events, "outer inner outer-end sent");
    assert_string_equal(get("/nope")->headers, "x-outer: 404\n");
    assert_string_equal(get("/made/x")->headers, "x-outer: 422\n");
    assert_string_equal(get("/codes/-15")->headers, "x-outer: 500\n");
    a = get("/created?stop");
    assert_answer(a, 403, "{\"detail\":\"stopped\"}");
    assert_string_equal(a->headers, "x-outer: 403\n");
    assert_answer(get("/created?forget"), 500, "Internal Server Error");
    serve_app(&app);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_code_becomes_its_status),
        cmocka_unit_test(an_error_code_without_words_is_told_by_its_number),
        cmocka_unit_test(a_status_that_is_none_is_500_and_told),
        cmocka_unit_test(a_handler_can_make_any_response),
        cmocka_unit_test(headers_are_added_or_replaced_in_lower_case),
        cmocka_unit_test(a_header_that_would_split_the_response_is_refused),
        cmocka_unit_test(results_are_written_as_the_route_says),
        cmocka_unit_test(a_result_that_breaks_its_own_table_is_500),
        cmocka_unit_test(a_failure_of_the_database_that_a_handler_overlooks_is_not_a_success),
        cmocka_unit_test(nothing_is_sent_to_a_client_that_is_gone),
        cmocka_unit_test(a_request_that_needs_too_much_memory_is_answered_and_cleaned_up),
        cmocka_unit_test(a_handler_that_waits_past_its_deadline_is_503),
        cmocka_unit_test(background_tasks_have_no_deadline),
        cmocka_unit_test(the_applications_state_reaches_handlers),
        cmocka_unit_test(exception_handlers_answer_by_kind_status_and_validation),
        cmocka_unit_test(a_failure_of_the_database_that_a_middleware_overlooks_is_its_own),
        cmocka_unit_test(a_middlewares_answer_stands_even_for_an_exception_without_a_handler),
        cmocka_unit_test(middleware_wraps_everything_in_order),
    };
    return cmocka_run_group_tests(tests, set_up, route_tear_down);
}
