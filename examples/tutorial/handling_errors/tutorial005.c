#include <apus.h>

struct invalid {
    apus_json detail, body;
};
MODEL(invalid, FIELD(detail), FIELD(body));

static int validation_exception_handler(apus_request *req, const void *)
{
    struct invalid content = {{http_validation_errors(req)}, http_body_json(req)};
    return http_json(req, 422, invalid_model, &content);
}

struct item {
    apus_str title;
    int64_t size;
};
MODEL(item, SCHEMA("Item"), FIELD(title), FIELD(size));

struct create_item_in {
    struct item item;
};
MODEL(create_item_in, BODY(item, item));

static int create_item(apus_request *, const struct create_item_in *in, struct item *out)
{
    *out = in->item;
    return 0;
}

ROUTES(routes,
    POST("/items/", create_item, create_item_in, item, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .routes = routes,
        .exception_handlers = HANDLERS({.validation = true, .run = validation_exception_handler}),
    });
}
