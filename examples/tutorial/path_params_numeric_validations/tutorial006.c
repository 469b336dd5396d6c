#include <apus.h>

struct read_items_in {
    int64_t item_id;
    apus_str q;
    double size;
};
MODEL(read_items_in,
    PATH(item_id, .title = "The ID of the item to get", .ge = 0, .le = 1000),
    QUERY(q),
    QUERY(size, .gt = 0, .lt = 10.5));

struct results {
    int64_t item_id;
    apus_opt_str q;
    double size;
};
MODEL(results, FIELD(item_id), FIELD(q, .omit = WHEN_UNSET), FIELD(size));

static int read_items(apus_request *, const struct read_items_in *in, struct results *out)
{
    out->item_id = in->item_id;
    if (in->q.len)
        out->q = apus_some(in->q);
    out->size = in->size;
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_items, read_items_in, results, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
