#include <apus.h>

enum order { CREATED_AT, UPDATED_AT };
ENUM_TYPE(order, NULL, VALUE(CREATED_AT, "created_at"), VALUE(UPDATED_AT, "updated_at"));

struct filter_params {
    int64_t limit, offset;
    enum order order_by;
    LISTOF(apus_str) tags;
};
MODEL(filter_params,
    FIELD(limit, .gt = 0, .le = 100, .fallback = 100),
    FIELD(offset, .ge = 0, .fallback = 0),
    ENUM(order_by, order, .fallback = CREATED_AT),
    LIST(tags, apus_str, .fallback_json = "[]"));

struct read_items_in {
    struct filter_params filter_query;
};
MODEL(read_items_in, QUERY_MODEL(filter_query, filter_params));

static int read_items(apus_request *, const struct read_items_in *in, struct filter_params *out)
{
    *out = in->filter_query;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, filter_params, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
