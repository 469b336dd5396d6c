#include <apus.h>

struct read_items_in {
    apus_opt_str ads_id;
};
MODEL(read_items_in, COOKIE(ads_id));

struct result {
    apus_opt_str ads_id;
};
MODEL(result, FIELD(ads_id));

static int read_items(apus_request *, const struct read_items_in *in, struct result *out)
{
    out->ads_id = in->ads_id;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
