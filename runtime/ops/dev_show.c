/* What `app dev` shows, and the answers that it gives itself while no server serves. */
#include "ops/dev.h"

#include "core/limits.h"
#include "ops/dev_page.h"
#include "ops/dev_routes.h"
#include "ops/dev_share.h"

#include <fcntl.h>

static void view_of(dev *d, dev_view *v)
{
    bool serves = dev_find(d, DEV_SERVING);
    *v = (dev_view){.title = d->app->title ? d->app->title : "FastAPI",
                    .script = dev_script(http_options.root_path),
                    .build = buffer_str(&d->build),
                    .server = buffer_str(&d->server),
                    .generation = d->generation,
                    .serving = d->serving,
                    .since = serves ? d->since : 0,
                    .explanation = serves ? "The version before it is still serving." : "Nothing is serving until that is mended."};
    if (dev_find(d, DEV_BUILD)) {
        v->state = "building", v->headline = "Building";
        v->explanation = serves ? "The version before is serving meanwhile." : "It serves as soon as it is built.";
    } else if (d->build.len) {
        v->state = "broken", v->headline = "The build failed";
    } else if (d->server.len) {
        v->state = "failed", v->headline = "The server failed";
        if (!serves && d->restart.at)
            v->explanation = "It is started again in a moment, or when a file changes.";
    } else if (dev_find(d, DEV_CANDIDATE)) {
        v->state = "starting", v->headline = "Starting";
        v->explanation = serves ? "The version before is serving meanwhile." : "It serves as soon as it is ready.";
    } else {
        v->state = "serving", v->headline = "Serving";
        v->explanation = "The newest version is serving.";
    }
}

/* Answers the ports itself while something is wrong and no server serves. Otherwise connections wait, for a server to take them. */
static void answer_or_not(dev *d)
{
    bool answer = !dev_find(d, DEV_SERVING) && (d->build.len || d->server.len) && !d->ending;
    for (size_t i = 0; i < d->listener_count && answer != d->answering; i++)
        (answer ? http_server_accept : http_server_hold)(d->responders[i]);
    d->answering = answer;
}

void dev_show(dev *d)
{
    dev_view view;
    buffer page, state;
    d->generation++;
    buffer_init(&page, NULL, 8192, LIMIT_DEV_PAGE / 2);
    buffer_init(&state, NULL, 8192, LIMIT_DEV_PAGE / 2 - LIMIT_DEV_OUTPUT);
    view_of(d, &view);
    dev_page_write(&page, &view);
    dev_state_write(&state, &view);
    dev_share_write((const apus_str[DEV_TEXTS]){
        [DEV_PAGE] = buffer_str(&page), [DEV_STATE] = buffer_str(&state), [DEV_SCRIPT] = dev_script_text});
    buffer_free(&page);
    buffer_free(&state);
    answer_or_not(d);
}

/* ---- the answers of `app dev` itself */

static bool wants_html(apus_request *req)
{
    apus_str accept = http_request_header(req, "accept");
    for (size_t i = 0; i + 9 <= accept.len; i++)
        if (memcmp(accept.ptr + i, "text/html", 9) == 0)
            return true;
    return false;
}

/* Whatever is asked for, but for what belongs to the page. */
static int answer_unavailable(apus_request *req, apus_next *next)
{
    if (dev_routes_own(http_path(req)))
        return apus_call_next(req, next);
    http_header(req, "retry-after", APUS_STR("1"));
    if (wants_html(req))
        return dev_answer(req, 503, DEV_PAGE);
    return http_error(req, 503, "Nothing is serving: the build or the server failed, /_dev tells why");
}

bool dev_open_responders(dev *d, char *error, size_t error_size)
{
    static const apus_middleware middleware[] = {answer_unavailable, NULL};
    static const apus_app app = {.title = "dev", .docs_url = "", .redoc_url = "", .openapi_url = "", .middleware = middleware};
    d->router = router_build(&app, dev_routes(), NULL, error, error_size);
    if (!d->router)
        return false;
    d->router->timeout = http_options.request_timeout;
    d->router->max_body = (size_t)http_options.max_body;
    d->router->max_depth = (size_t)http_options.max_depth;
    for (size_t i = 0; i < d->listener_count; i++) {
        http_listener own = d->listeners[i];
        own.fd = fcntl(own.fd, F_DUPFD_CLOEXEC, 0); /* the server closes it */
        own.inherited = own.held = true;
        d->responders[i] = own.fd >= 0 ? http_server_open(&d->loop, d->router, &own, 1, error, error_size) : NULL;
        if (!d->responders[i])
            return false;
    }
    return true;
}
