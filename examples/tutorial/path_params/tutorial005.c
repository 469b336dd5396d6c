#include <apus.h>

enum model_name { ALEXNET, RESNET, LENET };
ENUM_TYPE(model_name, "ModelName", VALUE(ALEXNET, "alexnet"), VALUE(RESNET, "resnet"), VALUE(LENET, "lenet"));

struct get_model_in {
    enum model_name model_name;
};
MODEL(get_model_in, PATH_ENUM(model_name, model_name));

struct model {
    enum model_name model_name;
    apus_str message;
};
MODEL(model, ENUM(model_name, model_name), FIELD(message));

static int get_model(apus_request *, const struct get_model_in *in, struct model *out)
{
    out->model_name = in->model_name;
    switch (in->model_name) {
    case ALEXNET:
        out->message = APUS_STR("Deep Learning FTW!");
        break;
    case LENET:
        out->message = APUS_STR("LeCNN all the images");
        break;
    case RESNET:
        out->message = APUS_STR("Have some residuals");
        break;
    }
    return 0;
}

ROUTES(routes,
    GET("/models/{model_name}", get_model, get_model_in, model, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
