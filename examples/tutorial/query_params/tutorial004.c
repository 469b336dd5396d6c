#include <apus.h>

struct read_user_item_in {
    int64_t user_id;
    apus_str item_id, q;
    bool brief;
};
MODEL(read_user_item_in,
    PATH(user_id), PATH(item_id), QUERY(q, .optional = true), QUERY(brief, .alias = "short", .fallback = false));

struct item {
    apus_str item_id;
    int64_t owner_id;
    apus_opt_str q, description;
};
MODEL(item,
    FIELD(item_id), FIELD(owner_id), FIELD(q, .omit = WHEN_UNSET), FIELD(description, .omit = WHEN_UNSET));

static int read_user_item(apus_request *, const struct read_user_item_in *in, struct item *out)
{
    out->item_id = in->item_id;
    out->owner_id = in->user_id;
    if (in->q.len)
        out->q = apus_some(in->q);
    if (!in->brief)
        out->description = apus_some(APUS_STR("This is an amazing item that has a long description"));
    return 0;
}

ROUTES(routes,
    GET("/users/{user_id}/items/{item_id}", read_user_item, read_user_item_in, item, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
