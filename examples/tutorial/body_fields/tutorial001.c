#include <apus.h>

struct item {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax;
};
MODEL(item, SCHEMA("Item"),
    FIELD(name),
    FIELD(description, .title = "The description of the item", .max_length = 300),
    FIELD(price, .gt = 0, .doc = "The price must be greater than zero"),
    FIELD(tax));

struct update_item_in {
    int64_t item_id;
    struct item item;
};
MODEL(update_item_in, PATH(item_id), BODY(item, item, .embed = true));

struct results {
    int64_t item_id;
    struct item item;
};
MODEL(results, FIELD(item_id), OBJECT(item, item));

static int update_item(apus_request *, const struct update_item_in *in, struct results *out)
{
    *out = (struct results){in->item_id, in->item};
    return 0;
}

ROUTES(routes,
    PUT("/items/{item_id}", update_item, update_item_in, results, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
