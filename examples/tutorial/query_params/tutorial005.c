#include <apus.h>

struct read_user_item_in {
    apus_str item_id, needy;
};
MODEL(read_user_item_in, PATH(item_id), QUERY(needy));

struct item {
    apus_str item_id, needy;
};
MODEL(item, FIELD(item_id), FIELD(needy));

static int read_user_item(apus_request *, const struct read_user_item_in *in, struct item *out)
{
    *out = (struct item){in->item_id, in->needy};
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_user_item, read_user_item_in, item, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
