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
    apus_str q;
    struct item *item;
};
MODEL(update_item_in,
    PATH(item_id, .title = "The ID of the item to get", .ge = 0, .le = 1000),
    QUERY(q, .optional = true),
    BODY(item, item));

struct results {
    int64_t item_id;
    apus_opt_str q;
    struct item *item;
};
MODEL(results, FIELD(item_id), FIELD(q, .omit = WHEN_UNSET), OBJECT(item, item, .omit = WHEN_UNSET));

static int update_item(apus_request *, const struct update_item_in *in, struct results *out)
{
    out->item_id = in->item_id;
    if (in->q.len)
        out->q = apus_some(in->q);
    out->item = in->item;
    return 0;
}

ROUTES(routes,
    PUT("/items/{item_id}", update_item, update_item_in, results, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
