-- A small shop: data of many types, names that need quoting, partitions.
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE customers (
    id integer PRIMARY KEY, name text NOT NULL, born date, mood mood, tags text[], profile jsonb,
    photo bytea, key uuid, active boolean, score double precision);
INSERT INTO customers VALUES
    (1, 'Zoë O''Brien', '1990-02-28', 'happy', '{a,"b c"}', '{"vip": true}', '\x00ff10',
     'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', true, 0.1),
    (2, 'ünïcödé 🐘', NULL, NULL, NULL, NULL, NULL, NULL, false, 'NaN');
CREATE TABLE orders (id bigint PRIMARY KEY, customer integer, placed timestamptz, amount numeric(12,2));
INSERT INTO orders SELECT n, n % 2 + 1, timestamptz '2026-01-01 00:00:00Z' + n * interval '1 hour', n * 1.25
    FROM generate_series(1, 1000) n;
CREATE TABLE "Order Lines" (id integer, "größe" smallint, "select" text);
INSERT INTO "Order Lines" VALUES (1, 42, 'quoted');
CREATE TABLE empty_for_now (id integer);
CREATE TABLE events (happened date NOT NULL, what text) PARTITION BY RANGE (happened);
CREATE TABLE events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE events_2026 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO events VALUES ('2025-06-01', 'old'), ('2026-06-01', 'new'), ('2026-06-02', 'newer');
CREATE SCHEMA audit;
CREATE TABLE audit.log (id bigint, amount numeric(38,10));
INSERT INTO audit.log VALUES (9223372036854775807, 1234567890123456789012345678.0123456789);
CREATE VIEW happy_customers AS SELECT * FROM customers WHERE mood = 'happy';
