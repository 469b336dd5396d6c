-- migrate:up
create table idempotency_keys (
    key text primary key,
    body_hash bytea not null,
    answer text,
    created_at timestamptz not null default now()
);

-- migrate:down
drop table idempotency_keys;
