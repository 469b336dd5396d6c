#include <apus.h>

struct read_items_in {
    apus_opt_str user_agent;
};
MODEL(read_items_in, HEADER(user_agent));

struct result {
    apus_opt_str user_agent;
};
MODEL(result, FIELD(user_agent, .alias = "User-Agent"));

static int read_items(apus_request *, const struct read_items_in *in, struct result *out)
{
    out->user_agent = in->user_agent;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
