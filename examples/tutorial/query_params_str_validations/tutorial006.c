#include <apus.h>

struct read_items_in {
    apus_str q;
};
MODEL(read_items_in, QUERY(q, .min_length = 3));

struct item {
    apus_str item_id;
};
MODEL(item, FIELD(item_id));

struct results {
    LISTOF(struct item) items;
    apus_opt_str q;
};
MODEL(results, LIST(items, item), FIELD(q, .omit = WHEN_UNSET));

static struct item items[] = {{APUS_STR("Foo")}, {APUS_STR("Bar")}};

static int read_items(apus_request *, const struct read_items_in *in, struct results *out)
{
    *out = (struct results){.items = {items, 2}};
    if (in->q.len)
        out->q = apus_some(in->q);
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, results, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
