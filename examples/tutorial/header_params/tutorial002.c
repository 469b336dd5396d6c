#include <apus.h>

struct read_items_in {
    apus_opt_str strange_header;
};
MODEL(read_items_in, HEADER(strange_header, .convert_underscores_off = true));

struct result {
    apus_opt_str strange_header;
};
MODEL(result, FIELD(strange_header));

static int read_items(apus_request *, const struct read_items_in *in, struct result *out)
{
    out->strange_header = in->strange_header;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
