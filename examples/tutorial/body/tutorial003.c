#include <apus.h>

struct item {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax;
};
MODEL(item, SCHEMA("Item"), FIELD(name), FIELD(description), FIELD(price), FIELD(tax));

struct update_item_in {
    int64_t item_id;
    struct item item;
};
MODEL(update_item_in, PATH(item_id), BODY(item, item));

struct result {
    int64_t item_id;
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax;
};
MODEL(result, FIELD(item_id), FIELD(name), FIELD(description), FIELD(price), FIELD(tax));

static int update_item(apus_request *, const struct update_item_in *in, struct result *out)
{
    const struct item *item = &in->item;
    *out = (struct result){in->item_id, item->name, item->description, item->price, item->tax};
    return 0;
}

ROUTES(routes,
    PUT("/items/{item_id}", update_item, update_item_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
