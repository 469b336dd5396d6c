-- migrate:up
create table items (
    id bigint generated always as identity primary key,
    name text not null unique check (char_length(name) between 1 and 80),
    description text,
    price double precision not null check (price > 0),
    stock bigint,
    created_at timestamptz not null default now()
);

-- migrate:down
drop table items;
