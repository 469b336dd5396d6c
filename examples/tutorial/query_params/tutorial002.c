#include <apus.h>

struct read_item_in {
    apus_str item_id, q;
};
MODEL(read_item_in, PATH(item_id), QUERY(q, .optional = true));

struct item {
    apus_str item_id;
    apus_opt_str q;
};
MODEL(item, FIELD(item_id), FIELD(q, .omit = WHEN_UNSET));

static int read_item(apus_request *, const struct read_item_in *in, struct item *out)
{
    out->item_id = in->item_id;
    if (in->q.len)
        out->q = apus_some(in->q);
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_item, read_item_in, item, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
