-- The table that every peer reads. Prices are never whole numbers, so that each language writes them alike.
create table items (
    id bigint generated always as identity primary key,
    name text unique not null,
    description text,
    price double precision not null,
    stock bigint,
    created_at timestamptz not null default now()
);

insert into items (name, description, price, stock, created_at)
select 'item ' || n,
       case when n % 4 <> 0 then 'The ' || n || 'th thing on the shelf, dry and well kept' end,
       n % 1000 + 0.25,
       case when n % 5 <> 0 then n % 97 end,
       timestamptz '2024-01-01 00:00:00+00' + n * interval '1 minute'
from generate_series(1, 10000) as n
order by n;

vacuum analyze items;
