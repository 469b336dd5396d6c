#include <apus.h>

struct weights {
    DICTOF(apus_str, double) weights;
};
MODEL(weights, ROOT_DICT(weights, apus_str, double));

static int read_keyword_weights(apus_request *req, const apus_none *, struct weights *out)
{
    return apus_load(req, weights_model, out, APUS_STR("{\"foo\": 2.3, \"bar\": 3.4}"));
}

ROUTES(routes, GET("/keyword-weights/", read_keyword_weights, apus_none, weights));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
