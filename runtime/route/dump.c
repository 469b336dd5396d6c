#include "core/limits.h"
#include "route/request.h"

apus_json apus_dump(apus_request *req, apus_model_fn model, const void *value)
{
    static const model_write_options options = {.style = JSON_PYDANTIC};
    buffer text;
    buffer_init(&text, req->task.arena, 1024, LIMIT_RESPONSE_BODY);
    if (model_write_json(&text, model(), value, &options) < 0 || text.failed)
        return (apus_json){{NULL, 0}};
    return (apus_json){buffer_str(&text)};
}
