#include <apus.h>
#include <stdio.h>

static int custom_http_exception_handler(apus_request *req, const void *detail)
{
    const apus_json *words = detail;
    printf("OMG! An HTTP error!: %d %.*s\n", http_response_status(req), APUS_ARG(words->text));
    return 0;
}

static int validation_exception_handler(apus_request *req, const void *)
{
    printf("OMG! The client sent invalid data!: %.*s\n", APUS_ARG(http_validation_errors(req)));
    return 0;
}

struct read_item_in {
    int64_t item_id;
};
MODEL(read_item_in, PATH(item_id));

struct result {
    int64_t item_id;
};
MODEL(result, FIELD(item_id));

static int read_item(apus_request *req, const struct read_item_in *in, struct result *out)
{
    if (in->item_id == 3)
        return http_error(req, 418, "Nope! I don't like 3.");
    out->item_id = in->item_id;
    return 0;
}

ROUTES(routes,
    GET("/items/{item_id}", read_item, read_item_in, result, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .routes = routes,
        .exception_handlers = HANDLERS(
            {.http = true, .run = custom_http_exception_handler},
            {.validation = true, .run = validation_exception_handler}),
    });
}
