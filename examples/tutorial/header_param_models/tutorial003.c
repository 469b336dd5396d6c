#include <apus.h>

struct common_headers {
    apus_str host;
    bool save_data;
    apus_opt_str if_modified_since, traceparent;
    LISTOF(apus_str) x_tag;
};
MODEL(common_headers,
    FIELD(host),
    FIELD(save_data),
    FIELD(if_modified_since),
    FIELD(traceparent),
    LIST(x_tag, apus_str, .fallback_json = "[]"));

struct read_items_in {
    struct common_headers headers;
};
MODEL(read_items_in, HEADER_MODEL(headers, common_headers, .convert_underscores_off = true));

static int read_items(apus_request *, const struct read_items_in *in, struct common_headers *out)
{
    *out = in->headers;
    return 0;
}

ROUTES(routes,
    GET("/items/", read_items, read_items_in, common_headers, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
