#include <apus.h>

struct item {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax;
    LISTOF(apus_str) tags;
};
MODEL(item, SCHEMA("Item"),
    FIELD(name), FIELD(description), FIELD(price), FIELD(tax), LIST(tags, apus_str, .fallback_json = "[]"));

struct update_item_in {
    int64_t item_id;
    struct item item;
};
MODEL(update_item_in, PATH(item_id), BODY(item, item));

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
