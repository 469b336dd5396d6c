#include <apus.h>

static const apus_exception unicorn_exception = {"UnicornException"};

struct message {
    apus_str message;
};
MODEL(message, FIELD(message));

static int unicorn_exception_handler(apus_request *req, const void *value)
{
    const apus_str *name = value;
    struct message content = {
        apus_printf(req, "Oops! %.*s did something. There goes a rainbow...", APUS_ARG(*name))};
    return http_json(req, 418, message_model, &content);
}

struct read_unicorn_in {
    apus_str name;
};
MODEL(read_unicorn_in, PATH(name));

struct unicorn {
    apus_str unicorn_name;
};
MODEL(unicorn, FIELD(unicorn_name));

static int read_unicorn(apus_request *req, const struct read_unicorn_in *in, struct unicorn *out)
{
    if (apus_str_is(in->name, "yolo"))
        return http_raise(req, &unicorn_exception, &in->name);
    out->unicorn_name = in->name;
    return 0;
}

ROUTES(routes,
    GET("/unicorns/{name}", read_unicorn, read_unicorn_in, unicorn, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .routes = routes,
        .exception_handlers = HANDLERS({&unicorn_exception, .run = unicorn_exception_handler}),
    });
}
