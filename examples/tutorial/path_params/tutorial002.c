#include <apus.h>

struct read_item_in {
    int64_t item_id;
};
MODEL(read_item_in, PATH(item_id));

struct result {
    int64_t item_id;
};
MODEL(result, FIELD(item_id));

static int read_item(apus_request *, const struct read_item_in *in, struct result *out)
{
    out->item_id = in->item_id;
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_item, read_item_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
