#include <apus.h>

struct read_item_header_in {
    apus_str item_id;
};
MODEL(read_item_header_in, PATH(item_id));

struct result {
    apus_str item;
};
MODEL(result, FIELD(item));

static int read_item_header(apus_request *req, const struct read_item_header_in *in, struct result *out)
{
    if (!apus_str_is(in->item_id, "foo")) {
        http_header(req, "X-Error", APUS_STR("There goes my error"));
        return http_error(req, 404, "Item not found");
    }
    out->item = APUS_STR("The Foo Wrestlers");
    return 0;
}

ROUTES(routes,
    GET("/items-header/{item_id}", read_item_header, read_item_header_in, result,
        .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
