#include <apus.h>

struct message {
    apus_str message;
};
MODEL(message, FIELD(message));

static int root(apus_request *, const apus_none *, struct message *out)
{
    out->message = APUS_STR("Hello World");
    return 0;
}

ROUTES(routes,
    GET("/", root, apus_none, message, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
