#include "ops/dev_routes.h"

#include "core/limits.h"
#include "ops/dev_share.h"
#include "route/request.h"

#include <stdio.h>

#define FOLDER "/_dev"

int dev_answer(apus_request *req, int status, int which)
{
    static const char *const types[DEV_TEXTS] = {
        [DEV_PAGE] = "text/html; charset=utf-8", [DEV_STATE] = "application/json", [DEV_SCRIPT] = "text/javascript; charset=utf-8"};
    buffer text;
    buffer_init(&text, req->task.arena, 16 * 1024, LIMIT_DEV_PAGE);
    if (!dev_share_read((enum dev_text)which, &text))
        return http_error(req, 503, "The state is just being written");
    http_header(req, "cache-control", APUS_STR("no-store"));
    return http_bytes(req, status, types[which], buffer_str(&text));
}

static int page(apus_request *req, const apus_none *, apus_none *)
{
    return dev_answer(req, 200, DEV_PAGE);
}

static int state(apus_request *req, const apus_none *, apus_none *)
{
    return dev_answer(req, 200, DEV_STATE);
}

static int script(apus_request *req, const apus_none *, apus_none *)
{
    return dev_answer(req, 200, DEV_SCRIPT);
}

ROUTES(dev_rows,
    GET(FOLDER, page, apus_none, apus_none, .hidden = true),
    GET(FOLDER "/state", state, apus_none, apus_none, .hidden = true),
    GET(FOLDER "/script.js", script, apus_none, apus_none, .hidden = true),
);

const apus_routes *dev_routes(void)
{
    return dev_rows;
}

const char *dev_script(const char *root_path)
{
    static char address[512];
    size_t length = root_path ? strlen(root_path) : 0;
    while (length && root_path[length - 1] == '/')
        length--;
    snprintf(address, sizeof address, "%.*s" FOLDER "/script.js", (int)length, root_path ? root_path : "");
    return dev_share_is_open() ? address : NULL;
}

bool dev_routes_own(apus_str path)
{
    size_t length = sizeof FOLDER - 1;
    return dev_share_is_open() && path.len >= length && memcmp(path.ptr, FOLDER, length) == 0 &&
           (path.len == length || path.ptr[length] == '/');
}
