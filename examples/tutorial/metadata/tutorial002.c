#include <apus.h>

struct item {
    apus_str name;
};
MODEL(item, FIELD(name));

struct item_list {
    LISTOF(struct item) items;
};
MODEL(item_list, ROOT_LIST(items, item));

static struct item items[] = {{APUS_STR("Foo")}};

static int read_items(apus_request *, const apus_none *, struct item_list *out)
{
    *out = (struct item_list){{items, 1}};
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, apus_none, item_list, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .openapi_url = "/api/v1/openapi.json",
        .routes = routes,
    });
}
