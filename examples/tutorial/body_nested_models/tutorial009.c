#include <apus.h>

struct weights {
    DICTOF(int64_t, double) weights;
};
MODEL(weights, ROOT_DICT(weights, int64_t, double));

struct create_index_weights_in {
    struct weights weights;
};
MODEL(create_index_weights_in, BODY(weights, weights));

static int create_index_weights(apus_request *, const struct create_index_weights_in *in, struct weights *out)
{
    *out = in->weights;
    return 0;
}

ROUTES(routes,
    POST("/index-weights/", create_index_weights, create_index_weights_in, weights,
        .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
