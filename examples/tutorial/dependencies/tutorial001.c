#include <apus.h>

struct common_parameters_in {
    apus_opt_str q;
    int64_t skip, limit;
};
MODEL(common_parameters_in, QUERY(q), QUERY(skip, .fallback = 0), QUERY(limit, .fallback = 100));

struct commons {
    apus_opt_str q;
    int64_t skip, limit;
};
MODEL(commons, FIELD(q), FIELD(skip), FIELD(limit));

static int common_parameters(apus_request *, const struct common_parameters_in *in, struct commons *out)
{
    *out = (struct commons){in->q, in->skip, in->limit};
    return 0;
}
DEPENDENCY(common_parameters, common_parameters_in, commons);

struct read_in {
    struct commons commons;
};
MODEL(read_in, DEPENDS(commons, common_parameters));

static int read_items(apus_request *, const struct read_in *in, struct commons *out)
{
    *out = in->commons;
    return 0;
}

static int read_users(apus_request *, const struct read_in *in, struct commons *out)
{
    *out = in->commons;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_in, commons, .response_model = APUS_UNDOCUMENTED),
    GET("/users/", read_users, read_in, commons, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
