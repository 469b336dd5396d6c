#include <apus.h>

struct read_items_in {
    LISTOF(apus_str) q;
};
MODEL(read_items_in, QUERY_LIST(q, apus_str, .nullable = true));

struct query_items {
    LISTOF(apus_str) q;
};
MODEL(query_items, LIST(q, apus_str, .nullable = true));

static int read_items(apus_request *, const struct read_items_in *in, struct query_items *out)
{
    *out = (struct query_items){.q = APUS_LIST(in->q)};
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, query_items, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
