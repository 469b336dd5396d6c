#include <apus.h>

struct item {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_double tax;
};
MODEL(item, SCHEMA("Item"), FIELD(name), FIELD(description), FIELD(price), FIELD(tax));

struct user {
    apus_str username;
    apus_opt_str full_name;
};
MODEL(user, SCHEMA("User"), FIELD(username), FIELD(full_name));

struct update_item_in {
    int64_t item_id;
    struct item item;
    struct user user;
    int64_t importance;
    apus_str q;
};
MODEL(update_item_in,
    PATH(item_id),
    BODY(item, item),
    BODY(user, user),
    BODY_FIELD(importance, .gt = 0),
    QUERY(q, .optional = true));

struct results {
    int64_t item_id;
    struct item item;
    struct user user;
    int64_t importance;
    apus_opt_str q;
};
MODEL(results,
    FIELD(item_id), OBJECT(item, item), OBJECT(user, user), FIELD(importance), FIELD(q, .omit = WHEN_UNSET));

static int update_item(apus_request *, const struct update_item_in *in, struct results *out)
{
    *out = (struct results){in->item_id, in->item, in->user, in->importance};
    if (in->q.len)
        out->q = apus_some(in->q);
    return 0;
}

ROUTES(routes,
    PUT("/items/{item_id}", update_item, update_item_in, results, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
