#include "items.h"

static const char *greeting, *api_key;

struct message {
    apus_str message;
};
MODEL(message, FIELD(message));

struct health {
    apus_str status;
};
MODEL(health, FIELD(status));

static int root(apus_request *, const apus_none *, struct message *out)
{
    out->message = apus_cstr(greeting);
    return 0;
}

static int health(apus_request *, const apus_none *, struct health *out)
{
    out->status = APUS_STR("ok");
    return 0;
}

struct api_key_in {
    apus_str x_api_key;
};
MODEL(api_key_in, HEADER(x_api_key, .alias = "X-API-Key", .optional = true));

/* The key is compared in constant time; without one configured, nobody comes in. */
static int require_api_key(apus_request *req, const struct api_key_in *in, apus_none *)
{
    if (*api_key && apus_str_eq_secret(in->x_api_key, apus_cstr(api_key)))
        return 0;
    http_header(req, "www-authenticate", APUS_STR("APIKey"));
    return http_error(req, 401, "Not authenticated");
}
DEPENDENCY(require_api_key, api_key_in, apus_none);

static int read_protected(apus_request *, const apus_none *, struct message *out)
{
    out->message = APUS_STR("you hold the key");
    return 0;
}

ROUTES(base,
    GET("/", root, apus_none, message),
    GET("/api/v1/health", health, apus_none, health),
    GET("/protected", read_protected, apus_none, message, .dependencies = DEPENDS_ON(require_api_key)),
);

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){
        .title = "hello-fastapi",
        .version = env_or("APP_VERSION", "0.1.0"),
        .routes = base,
        .routers = ROUTERS({items, .prefix = "/items", .tags = TAGS("items")}),
        .settings = SETTINGS(
            {"GREETING", &greeting, "hello from FastAPI", "text of GET /"},
            {"API_KEY", &api_key, "", "key that X-API-Key must carry", .secret = true}),
        .database = true,
        .health_routes = true,
    });
}
