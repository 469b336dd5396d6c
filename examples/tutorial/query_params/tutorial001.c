#include <apus.h>

struct item {
    apus_str item_name;
};
MODEL(item, FIELD(item_name));

struct item_list {
    LISTOF(struct item) items;
};
MODEL(item_list, ROOT_LIST(items, item));

static struct item fake_items_db[] = {{APUS_STR("Foo")}, {APUS_STR("Bar")}, {APUS_STR("Baz")}};

struct read_item_in {
    int64_t skip, limit;
};
MODEL(read_item_in, QUERY(skip, .fallback = 0), QUERY(limit, .fallback = 10));

static int64_t within(int64_t index, int64_t count)
{
    return index < 0 ? 0 : index > count ? count : index;
}

static int read_item(apus_request *, const struct read_item_in *in, struct item_list *out)
{
    int64_t first = within(in->skip, 3), count = within(in->limit, 3 - first);
    *out = (struct item_list){{fake_items_db + first, (size_t)count}};
    return 0;
}

ROUTES(routes,
    GET("/items/", read_item, read_item_in, item_list, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
