#include "items.h"

#define COLUMNS "id, name, description, price, stock, created_at"

struct item {
    int64_t id;
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_int stock;
    apus_datetime created_at;
};
MODEL(item, SCHEMA("Item"),
    FIELD(id),
    FIELD(name, .min_length = 1, .max_length = 80),
    FIELD(description),
    FIELD(price, .gt = 0),
    FIELD(stock),
    FIELD(created_at));

struct item_create {
    apus_str name;
    apus_opt_str description;
    double price;
    apus_opt_int stock;
};
MODEL(item_create, SCHEMA("ItemCreate"),
    FIELD(name, .min_length = 1, .max_length = 80, .doc = "Unique"),
    FIELD(description),
    FIELD(price, .gt = 0, .doc = "Unit price, EUR"),
    FIELD(stock));

struct item_patch {
    apus_opt_str name;
    apus_opt_str description;
    apus_opt_double price;
    apus_opt_int stock;
};
MODEL(item_patch, SCHEMA("ItemPatch"),
    FIELD(name, .min_length = 1, .max_length = 80, .not_null = true),
    FIELD(description),
    FIELD(price, .gt = 0, .not_null = true),
    FIELD(stock));

struct item_page {
    LISTOF(struct item) items;
    int64_t total;
};
MODEL(item_page, SCHEMA("ItemPage"), LIST(items, item), FIELD(total));

struct item_stats {
    int64_t count;
    int64_t total_stock;
    apus_opt_double min_price, max_price, mean_price;
};
MODEL(item_stats, SCHEMA("ItemStats"),
    FIELD(count), FIELD(total_stock), FIELD(min_price), FIELD(max_price), FIELD(mean_price));

static int not_found(apus_request *req)
{
    return http_error(req, 404, "Item not found");
}

/* What a statement that writes a name came to. */
static int written(apus_request *req, int rows)
{
    if (rows == APUS_EUNIQUE)
        return http_error(req, 409, "Item already exists");
    return rows == 0 ? not_found(req) : rows;
}

struct list_items_in {
    int64_t limit, offset;
    apus_str q;
};
MODEL(list_items_in,
    QUERY(limit, .ge = 1, .le = 100, .fallback = 20),
    QUERY(offset, .ge = 0, .fallback = 0),
    QUERY(q, .max_length = 80, .optional = true, .doc = "Part of a name"));

#define MATCHES "($1::text is null or position(lower($1) in lower(name)) > 0)"

static int list_items(apus_request *req, const struct list_items_in *in, struct item_page *out)
{
    pg_batch *batch = pg_batch_begin(req);
    pg_batch_list(batch, item_model, &out->items,
                  "select " COLUMNS " from items where " MATCHES " order by id limit $2 offset $3",
                  PG(in->q, in->limit, in->offset));
    pg_batch_one(batch, int64_t_model, &out->total, NULL, "select count(*) from items where " MATCHES, PG(in->q));
    return pg_batch_run(batch);
}

struct create_item_in {
    struct item_create item;
};
MODEL(create_item_in, BODY(item, item_create));

#define INSERT "insert into items (name, description, price, stock) values ($1, $2, $3, $4) returning " COLUMNS

static int create_item(apus_request *req, const struct create_item_in *in, struct item *out)
{
    const struct item_create *item = &in->item;
    return written(req, pg_one(req, item_model, out, INSERT, PG(item->name, item->description, item->price, item->stock)));
}

struct item_id_in {
    int64_t item_id;
};
MODEL(item_id_in, PATH(item_id, .ge = 1));

/* Only "no such row" needs a word: a statement that failed answers for itself. */
static int read_item(apus_request *req, const struct item_id_in *in, struct item *out)
{
    if (pg_one(req, item_model, out, "select " COLUMNS " from items where id = $1", PG(in->item_id)) == 0)
        return not_found(req);
    return 0;
}

struct replace_item_in {
    int64_t item_id;
    struct item_create item;
};
MODEL(replace_item_in, PATH(item_id, .ge = 1), BODY(item, item_create));

static int replace_item(apus_request *req, const struct replace_item_in *in, struct item *out)
{
    const struct item_create *item = &in->item;
    return written(req, pg_one(req, item_model, out,
                               "update items set name = $2, description = $3, price = $4, stock = $5"
                               " where id = $1 returning " COLUMNS,
                               PG(in->item_id, item->name, item->description, item->price, item->stock)));
}

struct patch_item_in {
    int64_t item_id;
    struct item_patch item;
};
MODEL(patch_item_in, PATH(item_id, .ge = 1), BODY(item, item_patch));

/* A member that was not sent stays as it is; null empties it. */
static int patch_item(apus_request *req, const struct patch_item_in *in, struct item *out)
{
    const struct item_patch *item = &in->item;
    return written(req, pg_one(req, item_model, out,
                               "update items set name = coalesce($2, name), price = coalesce($3, price),"
                               " description = case when $4 then $5 else description end,"
                               " stock = case when $6 then $7 else stock end"
                               " where id = $1 returning " COLUMNS,
                               PG(in->item_id, item->name, item->price, apus_given(item->description), item->description,
                                  apus_given(item->stock), item->stock)));
}

static int delete_item(apus_request *req, const struct item_id_in *in, apus_none *)
{
    return written(req, pg_exec(req, "delete from items where id = $1", PG(in->item_id)));
}

/* Sums that no int64 or double holds stay within them. A double's cast to numeric keeps 15 digits, its text all of them. */
static int read_stats(apus_request *req, const apus_none *, struct item_stats *out)
{
    return pg_one(req, item_stats_model, out,
                  "select count(*) as count, min(price) as min_price, max(price) as max_price,"
                  " least(greatest(coalesce(sum(stock), 0), -9223372036854775808), 9223372036854775807)::bigint as total_stock,"
                  " avg(price::text::numeric)::float8 as mean_price from items",
                  PG_NONE);
}

struct bulk_in {
    apus_str idempotency_key;
    LISTOF(struct item_create) items;
};
MODEL(bulk_in,
    HEADER(idempotency_key, .min_length = 1, .max_length = 255),
    BODY_LIST(items, item_create, .min_length = 1, .max_length = 1000));

struct item_list {
    LISTOF(struct item) root;
};
MODEL(item_list, ROOT_LIST(root, item));

struct earlier {
    bool same;
    apus_opt_str answer;
};
MODEL(earlier, FIELD(same), FIELD(answer));

/* The key was used before: the same body gets the same answer. */
static int answer_again(apus_request *req, const struct bulk_in *in)
{
    struct earlier earlier = {0};
    int found = pg_one(req, earlier_model, &earlier,
                       "select body_hash = sha256(convert_to($2, 'UTF8')) as same, answer"
                       " from idempotency_keys where key = $1",
                       PG(in->idempotency_key, http_body(req)));
    if (found < 0)
        return found;
    if (!earlier.same)
        return http_error(req, 409, "Idempotency-Key was used with another body");
    return http_json_text(req, 201, apus_copy(req, earlier.answer.value));
}

/* The key's row is written first: a second request with the same key waits for this one to end. */
static int create_items(apus_request *req, const struct bulk_in *in, struct item_list *out)
{
    int rc = pg_begin(req);
    if (rc < 0)
        return rc;
    rc = pg_exec(req, "insert into idempotency_keys (key, body_hash) values ($1, sha256(convert_to($2, 'UTF8')))"
                      " on conflict do nothing", PG(in->idempotency_key, http_body(req)));
    if (rc <= 0)
        return rc < 0 ? rc : answer_again(req, in);

    out->root.len = in->items.len;
    out->root.items = apus_alloc(req, in->items.len * sizeof *out->root.items);
    pg_batch *batch = pg_batch_begin(req);
    for (size_t i = 0; i < in->items.len; i++) {
        const struct item_create *item = &in->items.items[i];
        pg_batch_one(batch, item_model, &out->root.items[i], NULL, INSERT,
                     PG(item->name, item->description, item->price, item->stock));
    }
    if ((rc = pg_batch_run(batch)) < 0)
        return written(req, rc);
    rc = pg_exec(req, "update idempotency_keys set answer = $2 where key = $1",
                 PG(in->idempotency_key, apus_dump(req, item_list_model, out)));
    return rc < 0 ? rc : pg_commit(req);
}

ROUTES(items,
    GET("", list_items, list_items_in, item_page),
    POST("", create_item, create_item_in, item, .status = 201),
    POST("/bulk", create_items, bulk_in, item_list, .status = 201),
    GET("/stats", read_stats, apus_none, item_stats),
    GET("/{item_id}", read_item, item_id_in, item),
    PUT("/{item_id}", replace_item, replace_item_in, item),
    PATCH("/{item_id}", patch_item, patch_item_in, item),
    DELETE("/{item_id}", delete_item, item_id_in, apus_none, .status = 204),
);
