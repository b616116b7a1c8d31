-- What a database of PostgreSQL can hold, as far as one can that was built without ICU and libxml.
CREATE SCHEMA "odd ""schema"", ; --";
CREATE SCHEMA other AUTHORIZATION "Owner ""of"" things";
COMMENT ON SCHEMA other IS 'a comment with a '' quote, a \ backslash and a
new line; and a semicolon';
CREATE EXTENSION hstore VERSION '1.7';
CREATE EXTENSION citext WITH SCHEMA other;
CREATE EXTENSION pg_trgm;
CREATE EXTENSION lo;

-- Types.
CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'happy ☺');
CREATE TYPE other.pair AS (a integer, "b c" text COLLATE "C");
CREATE TYPE float_range AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE DOMAIN positive AS integer CONSTRAINT above_zero CHECK (VALUE > 0);
CREATE DOMAIN postal_code AS text DEFAULT '0000' NOT NULL;
CREATE COLLATION other.by_bytes (provider = libc, locale = 'POSIX');
CREATE COLLATION undecided (provider = builtin, locale = 'C.UTF-8');
CREATE TABLE every_type (
    id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 5) PRIMARY KEY,
    small smallint, medium integer, large bigint, exact numeric, scaled numeric(38,10), single real, double double precision,
    cash money, plain text, limited varchar(20), padded char(10), one "char", identifier name, bytes bytea,
    moment timestamp, moment_tz timestamptz, day date, hour time, hour_tz timetz, span interval, flag boolean,
    mood mood, pair other.pair, pairs other.pair[], point point, line line, segment lseg, box box, path path, polygon polygon, circle circle,
    network cidr, host inet, mac macaddr, mac8 macaddr8, bits bit(5), more_bits bit varying, words tsvector, query tsquery,
    uuid uuid, document json, document_b jsonb, json_path jsonpath, matrix integer[][], texts text[],
    int_range int4range, dates daterange, ranges int8multirange, floats float_range, positive positive, code postal_code,
    object oid, class regclass, kind regtype, routine regprocedure, lsn pg_lsn, snapshot pg_snapshot, transaction xid8,
    pairs_of_text hstore, folded other.citext, blob lo,
    doubled bigint GENERATED ALWAYS AS (medium::bigint * 2) STORED, tripled bigint GENERATED ALWAYS AS (medium::bigint * 3) VIRTUAL,
    sorted text COLLATE other.by_bytes, compressed text STORAGE EXTERNAL COMPRESSION pglz);
INSERT INTO every_type (small, medium, large, exact, scaled, single, double, cash, plain, limited, padded, one, identifier,
    bytes, moment, moment_tz, day, hour, hour_tz, span, flag, mood, pair, pairs, point, line, segment, box, path, polygon,
    circle, network, host, mac, mac8, bits, more_bits, words, query, uuid, document, document_b, json_path, matrix,
    texts, int_range, dates, ranges, floats, positive, code, object, class, kind, routine, lsn, snapshot, transaction,
    pairs_of_text, folded, blob, sorted, compressed)
VALUES (-32768, 2147483647, -9223372036854775808, 'NaN', 1234567890123456789012345678.0123456789, 1.1e-38, 0.1, 12.34,
    E'tab\t, quote '', "double", back\\slash, new\nline, return\r, \\N, \\. and 🐘', 'ünïcödé', 'pad', 'x', 'name',
    '\x0001ff5c0a00', '1999-12-31 23:59:59.999999', '2026-03-29 02:30:00+02', '4713-01-01 BC', '24:00', '12:00+13:45',
    '1 year -2 months 3 days -04:05:06.789', true, 'it''s ok', ROW(1, 'a,"b"'), ARRAY[ROW(1, NULL), NULL]::other.pair[],
    '(0.1,-0)', '{1,2,3}', '[(0,0),(1,1)]', '((0,0),(1,1))', '[(0,0),(1,1),(2,0)]', '((0,0),(1,1),(2,0))', '<(0,0),5>',
    '10.0.0.0/8', '::1/64', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', B'10101', B'1', 'a:1A fat:2B,4C cat:5',
    'fat & (rat | cat)', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1,  "a": [1, null]}',
    '{"b": 1, "a": [1, null], "n": 1e400}', '$.a[*] ? (@ > 1)', '{{1,2},{3,NULL}}', '{"",NULL,"NULL","a\"b","{}"}',
    '[1,5)', '(,2026-01-01)', '{[1,3),[5,9)}', '[0.5,1.5]', 7, '12345', 4294967295, 'every_type', 'other.pair',
    'pg_catalog.lower(text)', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15', '18446744073709551615', '"a b"=>"c\"d", e=>NULL',
    'CaSe', 0, 'sorted', repeat('long ', 10000));
INSERT INTO every_type (plain, double, single, moment, day, positive) VALUES ('', 'Infinity', '-Infinity', 'infinity', '-infinity', NULL);
INSERT INTO every_type DEFAULT VALUES;
ALTER TABLE every_type ALTER COLUMN plain SET STATISTICS 500, ALTER COLUMN double SET (n_distinct = -0.5);

-- Names.
CREATE TABLE "odd ""schema"", ; --"."Table 'with' ""quotes"" and
a new line; DROP TABLE x; --" ("column ""a"" 'b'" integer, "select" text, "größe 🐘" text, "%s {} $1" text);
INSERT INTO "odd ""schema"", ; --"."Table 'with' ""quotes"" and
a new line; DROP TABLE x; --" VALUES (1, 'x', 'y', 'z');
CREATE TABLE "--option" ("-c" integer);
CREATE TABLE "a.b" (a integer);
CREATE TABLE "*" (a integer);
INSERT INTO "*" VALUES (1);
CREATE TABLE "UPPER" (a integer);
CREATE TABLE "TABLE DATA" ("user" integer);
CREATE SCHEMA "DATABASE x";
CREATE TABLE "DATABASE x"."DATABASE x" ("EXTENSION" integer);
INSERT INTO "DATABASE x"."DATABASE x" VALUES (1);
CREATE TABLE "$1\d" (a integer);
INSERT INTO "$1\d" VALUES (1);

-- Rows and no rows.
CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 3);
CREATE TABLE nothing_in_it (a integer, b text);
CREATE TABLE dropped_columns (a integer, b integer, c text);
INSERT INTO dropped_columns VALUES (1, 2, 'three');
ALTER TABLE dropped_columns DROP COLUMN b, ADD COLUMN d integer DEFAULT 4;
CREATE TABLE equal_rows (a integer, b text);
INSERT INTO equal_rows SELECT 1, NULL FROM generate_series(1, 4);
CREATE UNLOGGED TABLE volatile (a integer);
INSERT INTO volatile VALUES (1);

-- Partitions and inheritance.
CREATE TABLE events (happened date NOT NULL, what text, PRIMARY KEY (happened, what)) PARTITION BY RANGE (happened);
CREATE TABLE other.events_2025 PARTITION OF events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01') PARTITION BY LIST (what);
CREATE TABLE other.events_2025_a PARTITION OF other.events_2025 FOR VALUES IN ('a');
CREATE TABLE events_rest (what text NOT NULL, happened date NOT NULL);
ALTER TABLE events ATTACH PARTITION events_rest DEFAULT;
INSERT INTO events VALUES ('2025-06-01', 'a'), ('2026-06-01', 'b'), ('2027-06-02', 'c');
CREATE TABLE parent (a integer, b text DEFAULT 'p');
CREATE TABLE child (c integer) INHERITS (parent);
CREATE TABLE late_child (x integer, b text, a integer);
ALTER TABLE late_child INHERIT parent;
INSERT INTO parent VALUES (1, 'parent');
INSERT INTO child VALUES (2, 'child', 3);
INSERT INTO late_child VALUES (4, 'late', 5);

-- Keys in a cycle, and to itself.
CREATE TABLE people (id serial PRIMARY KEY, name text UNIQUE, boss integer REFERENCES people, team integer);
CREATE TABLE teams (id serial PRIMARY KEY, name text, lead integer NOT NULL);
BEGIN;
ALTER TABLE people ADD CONSTRAINT in_team FOREIGN KEY (team) REFERENCES teams ON DELETE SET NULL DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE teams ADD CONSTRAINT led_by FOREIGN KEY (lead) REFERENCES people DEFERRABLE INITIALLY DEFERRED;
INSERT INTO people (name, boss, team) VALUES ('a', 1, 1), ('b', 1, 1);
INSERT INTO teams (name, lead) VALUES ('t', 2);
COMMIT;
ALTER TABLE people ADD CONSTRAINT not_checked_yet CHECK (name <> 'a') NOT VALID;

-- Indexes, statistics, views and rules.
CREATE INDEX "index with a space" ON people (lower(name) text_pattern_ops DESC NULLS LAST) WHERE boss IS NOT NULL;
CREATE UNIQUE INDEX CONCURRENTLY unique_pair ON dropped_columns (a) INCLUDE (d) NULLS NOT DISTINCT;
CREATE INDEX fuzzy ON every_type USING gin (plain gin_trgm_ops);
CREATE INDEX spread ON events USING hash (what);
ALTER TABLE people CLUSTER ON people_pkey;
ALTER TABLE dropped_columns REPLICA IDENTITY FULL;
CREATE STATISTICS other.related (ndistinct, mcv) ON name, boss FROM people;
CREATE TABLE reservations (room integer, during int4range, EXCLUDE USING gist (during WITH &&));
CREATE VIEW bosses WITH (security_barrier) AS SELECT p.name, b.name AS boss FROM people p JOIN people b ON b.id = p.boss;
CREATE VIEW view_of_a_view AS SELECT count(*) AS "how many" FROM bosses;
CREATE RECURSIVE VIEW chain (id, depth) AS SELECT id, 1 FROM people WHERE boss = id UNION ALL SELECT p.id, c.depth + 1 FROM people p JOIN chain c ON p.boss = c.id AND p.id <> c.id;
CREATE MATERIALIZED VIEW counted AS SELECT boss, count(*) FROM people GROUP BY boss;
CREATE UNIQUE INDEX ON counted (boss);
CREATE MATERIALIZED VIEW never_asked AS SELECT 1 AS one WITH NO DATA;
CREATE RULE no_deletion AS ON DELETE TO reservations DO INSTEAD NOTHING;

-- Code.
CREATE FUNCTION "odd ""schema"", ; --".told() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    -- Name: not_an_object; Type: TABLE; Schema: public; Owner: nobody
    RETURN NEW; -- $$ ; '
END $body$;
CREATE FUNCTION total(VARIADIC numbers integer[]) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    BEGIN ATOMIC SELECT sum(n) FROM unnest(numbers) n; SELECT 5; END;
CREATE PROCEDURE tidy(INOUT x integer) LANGUAGE plpgsql SECURITY DEFINER SET search_path = other, pg_temp AS 'BEGIN x := x + 1; END';
CREATE AGGREGATE product(integer) (sfunc = int4mul, stype = integer, initcond = '1');
CREATE FUNCTION same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT lower($1) = lower($2)';
CREATE OPERATOR ~=~ (FUNCTION = same, LEFTARG = text, RIGHTARG = text, COMMUTATOR = ~=~);
CREATE CAST (mood AS integer) WITH INOUT AS ASSIGNMENT;
CREATE TEXT SEARCH CONFIGURATION plain_words (COPY = simple);
CREATE TRIGGER watch BEFORE INSERT OR UPDATE OF name ON people FOR EACH ROW WHEN (NEW.name IS NOT NULL) EXECUTE FUNCTION "odd ""schema"", ; --".told();
CREATE TRIGGER off AFTER DELETE ON people FOR EACH ROW EXECUTE FUNCTION "odd ""schema"", ; --".told();
ALTER TABLE people DISABLE TRIGGER off;
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watch_ddl ON ddl_command_start EXECUTE FUNCTION on_ddl();

-- Who may do what.
ALTER TABLE people ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_oneself ON people AS RESTRICTIVE FOR SELECT TO reader USING (name = current_user);
CREATE TABLE hidden (secret text);
ALTER TABLE hidden OWNER TO "Owner ""of"" things";
ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;
INSERT INTO hidden VALUES ('for nobody');
GRANT SELECT, INSERT ON people TO reader WITH GRANT OPTION;
GRANT SELECT (a), UPDATE (c) ON dropped_columns TO reader;
GRANT USAGE ON SCHEMA other TO reader;
REVOKE EXECUTE ON FUNCTION total(integer[]) FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT SELECT ON TABLES TO reader;
ALTER TABLE nothing_in_it OWNER TO "no login";
COMMENT ON COLUMN people.name IS 'their name';
COMMENT ON TABLE people IS E'with a quote '' and "more"\nin two lines';

-- Sequences, large objects, replication, foreign data.
CREATE SEQUENCE numbers AS smallint INCREMENT -1 MINVALUE -100 MAXVALUE -1 CYCLE CACHE 3;
SELECT nextval('numbers'), nextval('numbers');
CREATE SEQUENCE untouched;
SELECT setval('people_id_seq', 4711);
SELECT lo_from_bytea(4711, '\x00ff');
SELECT lo_from_bytea(4712, convert_to(repeat('large ', 100000), 'UTF8'));
SELECT lo_from_bytea(4713, '');
ALTER LARGE OBJECT 4712 OWNER TO "Owner ""of"" things";
GRANT SELECT ON LARGE OBJECT 4711 TO reader;
COMMENT ON LARGE OBJECT 4711 IS 'two bytes';
CREATE PUBLICATION some_rows FOR TABLE people (id, name) WHERE (id > 0) WITH (publish = 'insert');
CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA other;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER elsewhere FOREIGN DATA WRAPPER nowhere OPTIONS (host 'example');
CREATE FOREIGN TABLE far_away (a integer OPTIONS (far 'yes')) SERVER elsewhere;
CREATE USER MAPPING FOR reader SERVER elsewhere OPTIONS (user 'u');

-- Many.
DO $$ BEGIN FOR n IN 1..110 LOOP
    EXECUTE format('CREATE TABLE many_%s (id integer PRIMARY KEY, t text); INSERT INTO many_%s SELECT i, %L FROM generate_series(1, %s) i', n, n, n, n);
END LOOP; END $$;
