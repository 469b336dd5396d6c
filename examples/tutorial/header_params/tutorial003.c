#include <apus.h>

struct read_items_in {
    LISTOF(apus_str) x_token;
};
MODEL(read_items_in, HEADER_LIST(x_token, apus_str, .nullable = true));

struct tokens {
    LISTOF(apus_str) values;
};
MODEL(tokens, LIST(values, apus_str, .alias = "X-Token values", .nullable = true));

static int read_items(apus_request *, const struct read_items_in *in, struct tokens *out)
{
    *out = (struct tokens){.values = APUS_LIST(in->x_token)};
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, tokens, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
