#include "dependencies.h"

struct get_token_header_in {
    apus_str x_token;
};
MODEL(get_token_header_in, HEADER(x_token));

static int get_token_header(apus_request *req, const struct get_token_header_in *in, apus_none *)
{
    if (!apus_str_is(in->x_token, "fake-super-secret-token"))
        return http_error(req, 400, "X-Token header invalid");
    return 0;
}
DEPENDENCY(get_token_header, get_token_header_in, apus_none);

struct get_query_token_in {
    apus_str token;
};
MODEL(get_query_token_in, QUERY(token));

static int get_query_token(apus_request *req, const struct get_query_token_in *in, apus_none *)
{
    if (!apus_str_is(in->token, "jessica"))
        return http_error(req, 400, "No Jessica token provided");
    return 0;
}
DEPENDENCY(get_query_token, get_query_token_in, apus_none);
