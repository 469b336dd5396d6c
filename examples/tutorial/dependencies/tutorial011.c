#define _GNU_SOURCE /* memmem */
#include <apus.h>
#include <string.h>

static const char fixed_content[] = "bar";

struct checker_in {
    apus_str q;
};
MODEL(checker_in, QUERY(q, .fallback_str = ""));

static int checker(apus_request *, const struct checker_in *in, bool *out)
{
    *out = memmem(in->q.ptr, in->q.len, fixed_content, strlen(fixed_content)) != NULL;
    return 0;
}
DEPENDENCY(checker, checker_in, bool);

struct read_query_check_in {
    bool fixed_content_included;
};
MODEL(read_query_check_in, DEPENDS(fixed_content_included, checker));

struct result {
    bool fixed_content_in_query;
};
MODEL(result, FIELD(fixed_content_in_query));

static int read_query_check(apus_request *, const struct read_query_check_in *in, struct result *out)
{
    out->fixed_content_in_query = in->fixed_content_included;
    return 0;
}

ROUTES(routes,
    GET("/query-checker/", read_query_check, read_query_check_in, result,
        .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
