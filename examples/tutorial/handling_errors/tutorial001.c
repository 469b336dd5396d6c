#include <apus.h>

struct read_item_in {
    apus_str item_id;
};
MODEL(read_item_in, PATH(item_id));

struct result {
    apus_str item;
};
MODEL(result, FIELD(item));

static int read_item(apus_request *req, const struct read_item_in *in, struct result *out)
{
    if (!apus_str_is(in->item_id, "foo"))
        return http_error(req, 404, "Item not found");
    out->item = APUS_STR("The Foo Wrestlers");
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_item, read_item_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
