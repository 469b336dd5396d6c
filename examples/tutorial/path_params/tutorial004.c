#include <apus.h>

struct read_file_in {
    apus_str file_path;
};
MODEL(read_file_in, PATH(file_path));

struct file {
    apus_str file_path;
};
MODEL(file, FIELD(file_path));

static int read_file(apus_request *, const struct read_file_in *in, struct file *out)
{
    out->file_path = in->file_path;
    return 0;
}

ROUTES(routes,
    GET("/files/{file_path:path}", read_file, read_file_in, file, .response_model = APUS_UNDOCUMENTED));

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.routes = routes});
}
