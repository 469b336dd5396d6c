/* An application's router on a loop: requests in, what would go out is kept. */
#ifndef TESTS_ROUTE_FIXTURE_H
#define TESTS_ROUTE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "route/router.h"

/** What the last request was answered with. */
typedef struct answer {
    int sent;           /* how often a response was sent */
    int status;
    char type[128];     /* "" when there was no content-type */
    char headers[1024]; /* "name: value\n" each */
    char body[8192];
    char failed[512];   /* what hooks.failed was told */
} answer;

/** What happened, in order, one word after the other: handlers call note; sending adds "sent". */
extern char events[1024];
void note(const char *word);

int route_set_up(void **state);
int route_tear_down(void **state);

/** Builds the application's router for the requests that follow; a wrong table fails the test. */
router *serve_app(const apus_app *app);
/** The line that refuses the application's tables, or "". */
const char *refusal_of(const apus_app *app);
/**
 * Sends a request to the router. `headers` are "name: value" lines in lower case, or NULL; `body` may be NULL. The answer is
 * kept until the next request.
 */
const answer *ask(const char *method, const char *target, const char *headers, const char *body);
/** The same with a limit on the request's memory. */
const answer *ask_within(size_t memory, const char *method, const char *target, const char *headers, const char *body);
const answer *get(const char *target);
/** The next requests are cancelled (APUS_ECANCELED) before they run, when true. */
extern bool client_gone;

#define assert_answer(given, expected_status, expected_body)        \
    do {                                                            \
        const answer *answer_given = (given);                       \
        assert_string_equal(answer_given->body, (expected_body));   \
        assert_int_equal(answer_given->status, (expected_status));  \
    } while (0)

#endif
