#include <apus.h>

struct read_items_in {
    apus_str hidden_query;
};
MODEL(read_items_in, QUERY(hidden_query, .hidden = true, .optional = true));

struct result {
    apus_str hidden_query;
};
MODEL(result, FIELD(hidden_query));

static int read_items(apus_request *, const struct read_items_in *in, struct result *out)
{
    out->hidden_query = in->hidden_query.len ? in->hidden_query : APUS_STR("Not found");
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
