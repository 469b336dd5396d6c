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

struct create_item_in {
    struct item item;
};
MODEL(create_item_in, BODY(item, item));

static int create_item(apus_request *, const struct create_item_in *in, struct item *out)
{
    *out = in->item;
    return 0;
}

struct item_list {
    LISTOF(struct item) items;
};
MODEL(item_list, ROOT_LIST(items, item));

static struct item items[] = {
    {.name = APUS_STR("Portal Gun"), .price = 42.0},
    {.name = APUS_STR("Plumbus"), .price = 32.0},
};

static int read_items(apus_request *, const apus_none *, struct item_list *out)
{
    *out = (struct item_list){{items, 2}};
    return 0;
}

ROUTES(routes,
    POST("/items/", create_item, create_item_in, item),
    GET("/items/", read_items, apus_none, item_list));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
