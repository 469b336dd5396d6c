#include <apus.h>

struct create_item_in {
    apus_str name;
};
MODEL(create_item_in, QUERY(name));

struct result {
    apus_str name;
};
MODEL(result, FIELD(name));

static int create_item(apus_request *, const struct create_item_in *in, struct result *out)
{
    out->name = in->name;
    return 0;
}

ROUTES(routes,
    POST("/items/", create_item, create_item_in, result, .status = 201, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
