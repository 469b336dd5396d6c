#include <apus.h>

struct query_extractor_in {
    apus_opt_str q;
};
MODEL(query_extractor_in, QUERY(q));

static int query_extractor(apus_request *, const struct query_extractor_in *in, apus_opt_str *out)
{
    *out = in->q;
    return 0;
}
DEPENDENCY(query_extractor, query_extractor_in, apus_opt_str);

struct query_or_cookie_extractor_in {
    apus_opt_str q, last_query;
};
MODEL(query_or_cookie_extractor_in, DEPENDS(q, query_extractor), COOKIE(last_query));

static int query_or_cookie_extractor(apus_request *, const struct query_or_cookie_extractor_in *in, apus_opt_str *out)
{
    *out = in->q.value.len ? in->q : in->last_query;
    return 0;
}
DEPENDENCY(query_or_cookie_extractor, query_or_cookie_extractor_in, apus_opt_str);

struct read_query_in {
    apus_opt_str query_or_default;
};
MODEL(read_query_in, DEPENDS(query_or_default, query_or_cookie_extractor));

struct result {
    apus_opt_str q_or_cookie;
};
MODEL(result, FIELD(q_or_cookie));

static int read_query(apus_request *, const struct read_query_in *in, struct result *out)
{
    out->q_or_cookie = in->query_or_default;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_query, read_query_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
