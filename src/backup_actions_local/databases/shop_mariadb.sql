-- The same shop, as far as MariaDB knows such things. Every statement ends with its line.
CREATE TABLE customers (
    id int unsigned PRIMARY KEY, name varchar(100), born date, mood enum('sad', 'happy'), profile json, photo blob,
    active tinyint(1), score double, seen datetime(6), founded year, big bigint unsigned, lunch time)
    DEFAULT CHARSET utf8mb4;
INSERT INTO customers VALUES
    (1, 'Zoë O''Brien', '1990-02-28', 'happy', '{"vip": true}', x'00ff10', 1, 0.1, '2026-01-01 12:00:00.000001',
     1999, 18446744073709551615, '12:30:00'),
    (4294967295, 'ünïcödé 🐘', NULL, NULL, NULL, NULL, 0, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE orders (id bigint PRIMARY KEY, customer int, placed timestamp NULL, amount decimal(12,2));
INSERT INTO orders SELECT seq, seq % 2 + 1, '2026-01-01 00:00:00' + INTERVAL seq HOUR, seq * 1.25 FROM seq_1_to_1000;
CREATE TABLE `Order Lines` (id int, `größe` smallint, `select` text);
INSERT INTO `Order Lines` VALUES (1, 42, 'quoted');
CREATE TABLE empty_for_now (id int);
CREATE TABLE events (happened date NOT NULL, what text) PARTITION BY RANGE (YEAR(happened)) (
    PARTITION p2025 VALUES LESS THAN (2026), PARTITION p2026 VALUES LESS THAN (2027));
INSERT INTO events VALUES ('2025-06-01', 'old'), ('2026-06-01', 'new'), ('2026-06-02', 'newer')
