/* The typed and the many-rows routes that every peer serves too; payloads in README.md. */
#include <apus.h>

#define TWENTY 20

struct typed_get_in {
    int64_t item_id;
    apus_str q;
    int64_t limit;
};
MODEL(typed_get_in,
    PATH(item_id, .ge = 1),
    QUERY(q, .max_length = 50, .optional = true),
    QUERY(limit, .ge = 1, .le = 100, .fallback = 20));

struct typed {
    int64_t item_id;
    apus_opt_str q;
    int64_t limit;
};
MODEL(typed, FIELD(item_id), FIELD(q), FIELD(limit));

static int typed_get(apus_request *, const struct typed_get_in *in, struct typed *out)
{
    *out = (struct typed){in->item_id, {in->q.ptr ? APUS_SET : APUS_NULL, in->q}, in->limit};
    return 0;
}

struct new_item {
    apus_str name;
    double price;
    apus_opt_str description;
};
MODEL(new_item,
    FIELD(name, .min_length = 1, .max_length = 80),
    FIELD(price, .gt = 0),
    FIELD(description));

struct typed_post_in {
    struct new_item item;
};
MODEL(typed_post_in, BODY(item, new_item));

struct created_item {
    int64_t id;
    apus_str name;
    double price;
    apus_opt_str description;
};
MODEL(created_item, FIELD(id), FIELD(name), FIELD(price), FIELD(description));

static int typed_post(apus_request *, const struct typed_post_in *in, struct created_item *out)
{
    *out = (struct created_item){1, in->item.name, in->item.price, in->item.description};
    return 0;
}

struct item {
    int64_t id;
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_int stock;
    apus_datetime created_at;
};
MODEL(item, FIELD(id), FIELD(name), FIELD(description), FIELD(price), FIELD(stock), FIELD(created_at));

struct items {
    LISTOF(struct item) root;
};
MODEL(items, ROOT_LIST(root, item));

static int twenty(apus_request *req, const apus_none *, struct items *out)
{
    out->root.len = TWENTY;
    out->root.items = apus_alloc(req, TWENTY * sizeof *out->root.items);
    pg_batch *batch = pg_batch_begin(req);
    for (int64_t n = 0; n < TWENTY; n++)
        pg_batch_one(batch, item_model, &out->root.items[n], NULL,
                     "select id, name, description, price, stock, created_at from items where id = $1", PG(n * 500 + 1));
    return pg_batch_run(batch);
}

ROUTES(rows,
    GET("/typed/{item_id}", typed_get, typed_get_in, typed),
    POST("/typed", typed_post, typed_post_in, created_item, .status = 201),
    GET("/twenty", twenty, apus_none, items),
);

int main(int argc, char **argv)
{
    return apus_main(argc, argv, &(apus_app){.title = "bench", .routes = rows, .database = true, .health_routes = true});
}
