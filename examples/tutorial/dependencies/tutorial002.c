#include <apus.h>

struct item {
    apus_str item_name;
};
MODEL(item, FIELD(item_name));

static struct item fake_items_db[] = {{APUS_STR("Foo")}, {APUS_STR("Bar")}, {APUS_STR("Baz")}};

struct common_query_params_in {
    apus_opt_str q;
    int64_t skip, limit;
};
MODEL(common_query_params_in, QUERY(q), QUERY(skip, .fallback = 0), QUERY(limit, .fallback = 100));

struct commons {
    apus_opt_str q;
    int64_t skip, limit;
};
MODEL(commons, FIELD(q), FIELD(skip), FIELD(limit));

static int common_query_params(apus_request *, const struct common_query_params_in *in, struct commons *out)
{
    *out = (struct commons){in->q, in->skip, in->limit};
    return 0;
}
DEPENDENCY(common_query_params, common_query_params_in, commons);

struct read_items_in {
    struct commons commons;
};
MODEL(read_items_in, DEPENDS(commons, common_query_params));

struct response {
    apus_opt_str q;
    LISTOF(struct item) items;
};
MODEL(response, FIELD(q, .omit = WHEN_UNSET), LIST(items, item));

static int64_t within(int64_t index, int64_t count)
{
    return index < 0 ? 0 : index > count ? count : index;
}

static int read_items(apus_request *, const struct read_items_in *in, struct response *out)
{
    int64_t first = within(in->commons.skip, 3), count = within(in->commons.limit, 3 - first);
    if (in->commons.q.value.len)
        out->q = in->commons.q;
    out->items.items = fake_items_db + first;
    out->items.len = (size_t)count;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, response, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
