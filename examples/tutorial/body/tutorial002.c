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

struct priced_item {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax, price_with_tax;
};
MODEL(priced_item,
    FIELD(name), FIELD(description), FIELD(price), FIELD(tax), FIELD(price_with_tax, .omit = WHEN_UNSET));

static int create_item(apus_request *, const struct create_item_in *in, struct priced_item *out)
{
    const struct item *item = &in->item;
    *out = (struct priced_item){item->name, item->description, item->price, item->tax};
    if (item->tax.is == APUS_SET)
        out->price_with_tax = apus_some(item->price + item->tax.value);
    return 0;
}

ROUTES(routes,
    POST("/items/", create_item, create_item_in, priced_item, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
