#include <apus.h>

struct read_items_in {
    int64_t item_id;
    apus_str q;
};
MODEL(read_items_in, PATH(item_id, .title = "The ID of the item to get", .gt = 0, .le = 1000), QUERY(q));

struct results {
    int64_t item_id;
    apus_opt_str q;
};
MODEL(results, FIELD(item_id), FIELD(q, .omit = WHEN_UNSET));

static int read_items(apus_request *, const struct read_items_in *in, struct results *out)
{
    out->item_id = in->item_id;
    if (in->q.len)
        out->q = apus_some(in->q);
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_items, read_items_in, results, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
