-- migrate:up
create table idempotency_keys (
    key text primary key,
    body_hash bytea not null,
    answer text,
    created_at timestamptz not null default now()
);
-- A key is worth keeping for as long as a client may try again: delete older ones by a job of your own.
create index idempotency_keys_created_at on idempotency_keys (created_at);

-- migrate:down
drop table idempotency_keys;
