#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "openapi/openapi.h"
#include "openapi/pages.h"

static const page_urls urls = {"Fish & <Chips>", "/api/it's.json", "/docs/oauth2-redirect", "/docs/assets"};

static bool holds(const buffer *page, const char *text)
{
    return memmem(page->ptr, page->len, text, strlen(text)) != NULL;
}

static buffer page_of(void (*write)(buffer *b, const page_urls *given))
{
    buffer b;
    buffer_init(&b, NULL, 64, (size_t)1 << 16);
    write(&b, &urls);
    assert_false(b.failed);
    return b;
}

static void pages_name_their_document_and_assets(void **state)
{
    (void)state;
    buffer swagger = page_of(page_swagger), redoc = page_of(page_redoc);
    assert_true(holds(&swagger, "src=\"/docs/assets/swagger-ui-dist@5/swagger-ui-bundle.js\""));
    assert_true(holds(&swagger, "href=\"/docs/assets/swagger-ui-dist@5/swagger-ui.css\""));
    assert_true(holds(&swagger, "oauth2RedirectUrl: window.location.origin + '/docs/oauth2-redirect'"));
    assert_true(holds(&swagger, "\"dom_id\": \"#swagger-ui\""));
    assert_true(holds(&redoc, "src=\"/docs/assets/redoc@2/bundles/redoc.standalone.js\""));
    assert_true(holds(&redoc, "<redoc spec-url=\"/api/it's.json\">"));
    buffer_free(&swagger);
    buffer_free(&redoc);
}

static void what_an_application_is_called_cannot_end_a_tag_or_a_script(void **state)
{
    (void)state;
    buffer swagger = page_of(page_swagger);
    assert_true(holds(&swagger, "<title>Fish &amp; &lt;Chips&gt; - Swagger UI</title>"));
    assert_true(holds(&swagger, "url: '/api/it\\u0027s.json'"));
    buffer_free(&swagger);
}

static void a_page_runs_one_more_script_when_it_is_given(void **state)
{
    (void)state;
    page_urls with = urls;
    buffer page, without = page_of(page_swagger);
    with.script = "/_dev/\"script.js";
    buffer_init(&page, NULL, 64, (size_t)1 << 16);
    page_swagger(&page, &with);
    assert_true(holds(&page, "<script src=\"/_dev/&quot;script.js\"></script>\n</body>"));
    page.len = 0;
    page_redoc(&page, &with);
    assert_true(holds(&page, "<script src=\"/_dev/&quot;script.js\"></script>\n</body>"));
    assert_false(holds(&without, "_dev"));
    buffer_free(&page);
    buffer_free(&without);
}

static size_t count_path(const apus_routes *routes, const char *path)
{
    size_t count = 0;
    for (size_t i = 0; i < routes->count; i++)
        count += strcmp(routes->rows[i].path, path) == 0;
    return count;
}

static void pages_are_where_the_application_says_and_answer_head(void **state)
{
    (void)state;
    const apus_routes *routes = openapi_routes(&(apus_app){.docs_url = "/help", .redoc_url = ""}, NULL);
    assert_int_equal(count_path(routes, "/openapi.json"), 2);
    assert_int_equal(count_path(routes, "/help"), 2);
    assert_int_equal(count_path(routes, "/help/oauth2-redirect"), 2);
    assert_int_equal(count_path(routes, "/redoc"), 0);
    routes = openapi_routes(&(apus_app){.docs_url = ""}, NULL);
    assert_int_equal(count_path(routes, "/docs"), 0);
    assert_int_equal(count_path(routes, "/redoc"), 2);
}

static void without_a_document_there_are_no_pages(void **state)
{
    (void)state;
    assert_int_equal(openapi_routes(&(apus_app){.openapi_url = ""}, NULL)->count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_name_their_document_and_assets),
        cmocka_unit_test(a_page_runs_one_more_script_when_it_is_given),
        cmocka_unit_test(what_an_application_is_called_cannot_end_a_tag_or_a_script),
        cmocka_unit_test(pages_are_where_the_application_says_and_answer_head),
        cmocka_unit_test(without_a_document_there_are_no_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
