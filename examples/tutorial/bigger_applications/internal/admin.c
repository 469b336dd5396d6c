#include <apus.h>

struct admin_message {
    apus_str message;
};
MODEL(admin_message, FIELD(message));

static int update_admin(apus_request *, const apus_none *, struct admin_message *out)
{
    out->message = APUS_STR("Admin getting schwifty");
    return 0;
}

ROUTES(admin,
    POST("/", update_admin, apus_none, admin_message, .response_model = APUS_UNDOCUMENTED));
