#include <apus.h>

struct item {
    apus_str name, description;
};
MODEL(item, SCHEMA("Item"), FIELD(name), FIELD(description));

struct item_list {
    LISTOF(struct item) items;
};
MODEL(item_list, ROOT_LIST(items, item));

static struct item items[] = {
    {APUS_STR("Foo"), APUS_STR("There comes my hero")},
    {APUS_STR("Red"), APUS_STR("It's my aeroplane")},
};

static int read_items(apus_request *, const apus_none *, struct item_list *out)
{
    *out = (struct item_list){{items, 2}};
    return 0;
}

ROUTES(routes, GET("/items/", read_items, apus_none, item_list));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
