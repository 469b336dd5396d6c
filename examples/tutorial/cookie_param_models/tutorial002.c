#include <apus.h>

struct cookies {
    apus_str session_id;
    apus_opt_str fatebook_tracker, googall_tracker;
};
MODEL(cookies,
    SCHEMA("Cookies", .forbid_extra = true), FIELD(session_id), FIELD(fatebook_tracker), FIELD(googall_tracker));

struct read_items_in {
    struct cookies cookies;
};
MODEL(read_items_in, COOKIE_MODEL(cookies, cookies));

static int read_items(apus_request *, const struct read_items_in *in, struct cookies *out)
{
    *out = in->cookies;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, cookies, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
