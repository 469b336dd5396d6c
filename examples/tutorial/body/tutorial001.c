#include <apus.h>

struct item {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax;
};
MODEL(item, SCHEMA("Item"), FIELD(name), FIELD(description), FIELD(price), FIELD(tax));

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
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
