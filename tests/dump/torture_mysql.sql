-- Much of what MariaDB knows, in the database `torture`; `other` is what some of it looks into.
-- Carried out by the program mariadb, as somebody who may do everything.
SET NAMES utf8mb4;
SET sql_mode = '';
SET time_zone = '+00:00';
CREATE DATABASE torture CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
CREATE DATABASE other CHARACTER SET latin1 COLLATE latin1_german1_ci;
CREATE TABLE other.`somewhere else` (id int PRIMARY KEY, note text) ENGINE=InnoDB;
INSERT INTO other.`somewhere else` VALUES (1, 'grüße'), (2, NULL);
USE torture;

-- Every common type, and the values at its ends.
CREATE TABLE numbers (
    id int NOT NULL AUTO_INCREMENT PRIMARY KEY, tiny tinyint, tiny_u tinyint unsigned, small smallint,
    medium mediumint unsigned, big bigint, big_u bigint unsigned zerofill, price decimal(38, 10), many decimal(65, 0),
    half float, fixed float(20, 3), whole double, money double(16, 2), bits bit(64), flag bit(1), truth boolean)
    AUTO_INCREMENT = 1000;
INSERT INTO numbers VALUES
    (1, -128, 255, -32768, 16777215, -9223372036854775808, 18446744073709551615, 0.0000000001, REPEAT('9', 65),
     1.2345678, 123456.789, 0.1 + 2e-17, 1.005, b'1111111100000000101010101111111100000000101010101111111100000001', b'1', 1),
    (2, 127, 0, 32767, 0, 9223372036854775807, 0, -1234567890123456789012345678.0123456789, -1,
     16777217, 3.4e15, 1.7976931348623157e308, -0.01, b'0', b'0', 0),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 3.4028235e38, NULL, 5e-324, NULL, NULL, NULL, NULL),
    (0, 0, 0, 0, 0, 0, 0, 0, 0, -0.0, 0, -0.0, 0, 0, 0, 0);
CREATE TABLE moments (
    id int PRIMARY KEY, day date, moment datetime(6), stamp timestamp(6) NULL, plain timestamp NOT NULL DEFAULT
    CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP, span time(3), year year, must date NOT NULL);
INSERT INTO moments VALUES
    (1, '0000-00-00', '0000-00-00 00:00:00', '1970-01-01 00:00:01', '2038-01-19 03:14:07', '-838:59:59.999', 1901, '0000-00-00'),
    (2, '9999-12-31', '9999-12-31 23:59:59.999999', '2026-03-29 01:30:00.000001', '2026-10-25 00:30:00', '838:59:59', 2155, '2026-02-00'),
    (3, '2026-00-00', NULL, NULL, '2026-01-01 00:00:00', NULL, 0, '1000-01-01');
CREATE TABLE texts (
    id int PRIMARY KEY, latin varchar(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci, wide char(20) CHARACTER SET ucs2,
    sixteen text CHARACTER SET utf16, thirty_two varchar(20) CHARACTER SET utf32, japanese varchar(40) CHARACTER SET cp932,
    chinese varchar(40) CHARACTER SET gbk, ascii_only varchar(40) CHARACTER SET ascii, exact varchar(40) COLLATE utf8mb4_bin,
    old varchar(40) CHARACTER SET utf8mb3, mood enum('sad', 'O''Reilly', 'ü,"`'), tags set('a', 'b b', 'ç'),
    doc json, everything longtext, spaces char(10));
INSERT INTO texts VALUES
    (1, 'Zoë ÿ', 'größe', 'elephant 🐘', '🐘', '表ソ能①', '中文乱码', 'plain', 'Ä', 'ß', 'O''Reilly', 'a,ç',
     '{"a": [1, "ü", null]}', CONCAT('quotes '' " ` backslash \\ line\nbreak\r\n tab\t nul', CHAR(0), ' end', CHAR(26), '%s -- # /* */ ;;'), 'a'),
    (2, '', '', '', '', '', '', '', '', '', 'sad', '', '[]', '', ''),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ü,"`', 'b b', NULL, REPEAT('long ', 10000), NULL),
    (4, 'N', '1:N', 'N', 'N', 'N', 'N', 'N', 'a', 'A', 'sad', NULL, '"N"', 'NULL', '  b');
UPDATE texts SET japanese = CONCAT(japanese, CONVERT(X'EEEFFAF087E7' USING cp932)) WHERE id = 1;
INSERT INTO texts (id, mood) VALUES (5, 'no such mood');
CREATE TABLE bytes (id int PRIMARY KEY, every_byte blob, fixed binary(8), short varbinary(300), tiny tinyblob, large longblob);
INSERT INTO bytes VALUES (2, '', '', '', '', ''), (3, NULL, NULL, NULL, NULL, NULL), (4, X'00', X'00', X'2720', X'5C', X'0A');
INSERT INTO bytes SELECT 1, UNHEX(GROUP_CONCAT(LPAD(HEX(seq), 2, '0') ORDER BY seq SEPARATOR '')), X'0001FFFE', X'275C00220A0D1A',
    X'FF', REPEAT(UNHEX(GROUP_CONCAT(LPAD(HEX(seq), 2, '0') ORDER BY seq SEPARATOR '')), 400) FROM seq_0_to_255;
CREATE TABLE places (
    id int PRIMARY KEY, spot point NOT NULL, area polygon, path geometry, four inet4, six inet6, one uuid, SPATIAL INDEX (spot));
INSERT INTO places VALUES
    (1, ST_GeomFromText('POINT(1.5 -2.5)', 4326), ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0))'),
     ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(0 0,1 1))'), '192.0.2.1', '2001:db8::1',
     '123e4567-e89b-12d3-a456-426614174000'),
    (2, POINT(0, 0), NULL, NULL, NULL, NULL, NULL);

-- Names that need quoting.
CREATE TABLE `back``tick'" $x; -- /* ü` (`a``b` int, `select` int, `größe "in" cm` int COMMENT 'it''s; "quoted"\nand more\\');
INSERT INTO `back``tick'" $x; -- /* ü` VALUES (1, 2, 3), (NULL, NULL, NULL);
CREATE TABLE `new
line` (`co
lumn` int, half float);
INSERT INTO `new
line` VALUES (1, 0.1), (2, 1e10);
CREATE TABLE `--all-databases` (id int);
INSERT INTO `--all-databases` VALUES (1);
CREATE TABLE `Order` (id int);
CREATE TABLE `order` (id int, what varchar(10));
INSERT INTO `Order` VALUES (1);
INSERT INTO `order` VALUES (1, 'lower'), (2, 'case');
CREATE TABLE torture (id int PRIMARY KEY);
INSERT INTO torture VALUES (7);

-- Engines, tables without keys, columns that are computed or not seen, constraints, indexes.
CREATE TABLE no_key (a int, b varchar(10));
INSERT INTO no_key VALUES (1, 'same'), (1, 'same'), (1, 'same'), (2, NULL), (NULL, NULL), (NULL, NULL);
CREATE TABLE empty_for_now (id int PRIMARY KEY, half float);
CREATE TABLE old_engine (id int AUTO_INCREMENT PRIMARY KEY, body text, FULLTEXT (body)) ENGINE=MyISAM CHARSET=latin1;
INSERT INTO old_engine (body) VALUES ('über'), ('under');
CREATE TABLE aria (id int PRIMARY KEY) ENGINE=Aria;
INSERT INTO aria VALUES (1), (2);
CREATE TABLE in_memory (id int) ENGINE=MEMORY;
INSERT INTO in_memory VALUES (1);
CREATE TABLE part_one (id int) ENGINE=MyISAM;
CREATE TABLE part_two (id int) ENGINE=MyISAM;
INSERT INTO part_one VALUES (1);
INSERT INTO part_two VALUES (2);
CREATE TABLE merged (id int) ENGINE=MERGE UNION=(part_one, part_two);
CREATE TABLE computed (
    id int PRIMARY KEY, price decimal(10, 2), half float, gross decimal(12, 2) AS (price * 1.19) STORED,
    label varchar(20) AS (CONCAT('no. ', id)) VIRTUAL, secret int INVISIBLE DEFAULT 42, INDEX (label),
    CONSTRAINT positive CHECK (price > 0));
INSERT INTO computed (id, price, half) VALUES (1, 10, 0.333333333), (2, 20.5, 123456.78);
SET check_constraint_checks = 0;
INSERT INTO computed (id, price, secret) VALUES (3, -1, 7);
SET check_constraint_checks = 1;
CREATE TABLE defaults (
    id int PRIMARY KEY, made datetime DEFAULT (NOW() + INTERVAL 1 DAY), word varchar(20) DEFAULT 'it''s ü',
    code varchar(36) DEFAULT uuid(), INDEX prefix (word(3)), UNIQUE INDEX backwards (code, word DESC))
    COMMENT 'comment; with ''quotes'' and ü' ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8;
INSERT INTO defaults (id, made, code) VALUES (1, '2026-01-01', 'x');
CREATE TABLE chicken (id int PRIMARY KEY, egg int);
CREATE TABLE egg (id int PRIMARY KEY, chicken int, FOREIGN KEY (chicken) REFERENCES chicken (id) ON DELETE CASCADE);
ALTER TABLE chicken ADD CONSTRAINT laid FOREIGN KEY (egg) REFERENCES egg (id);
CREATE TABLE tree (id int PRIMARY KEY, above int, elsewhere int, FOREIGN KEY (above) REFERENCES tree (id),
    FOREIGN KEY (elsewhere) REFERENCES other.`somewhere else` (id));
SET foreign_key_checks = 0;
INSERT INTO chicken VALUES (1, 1), (2, 2);
INSERT INTO egg VALUES (1, 2), (2, 1);
INSERT INTO tree VALUES (1, 2, 1), (2, 3, 2), (3, 1, 1), (4, 99, 1);
SET foreign_key_checks = 1;
CREATE TABLE happened (day date NOT NULL, what varchar(20), KEY (day)) PARTITION BY RANGE COLUMNS (day)
    SUBPARTITION BY HASH (TO_DAYS(day)) SUBPARTITIONS 2 (
    PARTITION `before` VALUES LESS THAN ('2026-01-01'), PARTITION since VALUES LESS THAN (MAXVALUE));
INSERT INTO happened VALUES ('2025-05-05', 'old'), ('2026-06-06', 'new'), ('2026-06-06', 'new');
CREATE SEQUENCE counter START WITH 100 INCREMENT BY 10 MINVALUE 5 MAXVALUE 100000 CACHE 20 CYCLE;
CREATE TABLE numbered (id int DEFAULT NEXT VALUE FOR counter PRIMARY KEY, what varchar(10));
INSERT INTO numbered (what) VALUES ('one'), ('two');
CREATE TABLE history (id int PRIMARY KEY, what varchar(10), half float) WITH SYSTEM VERSIONING;
INSERT INTO history VALUES (1, 'one', 0.1), (2, 'two', 16777217);
UPDATE history SET what = 'more';
DELETE FROM history WHERE id = 2;
CREATE TABLE own_history (id int PRIMARY KEY, since timestamp(6) GENERATED ALWAYS AS ROW START,
    until timestamp(6) GENERATED ALWAYS AS ROW END INVISIBLE, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING;
INSERT INTO own_history (id) VALUES (1), (2);
UPDATE own_history SET id = 3 WHERE id = 1;
CREATE TABLE precise_history (id int PRIMARY KEY, half float, since bigint unsigned GENERATED ALWAYS AS ROW START,
    until bigint unsigned GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (since, until)) WITH SYSTEM VERSIONING;
INSERT INTO precise_history (id, half) VALUES (1, 0.1), (2, 0.2);
UPDATE precise_history SET id = 3 WHERE id = 1;

-- Who may do what; some are not there any more.
CREATE USER app@'%' IDENTIFIED BY 'a password of the app' REQUIRE SSL WITH MAX_USER_CONNECTIONS 5;
CREATE USER 'o''brien "x`y'@'10.0.%' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret') OR unix_socket PASSWORD EXPIRE NEVER;
CREATE USER gone@localhost;
CREATE ROLE readers;
GRANT SELECT ON torture.* TO readers;
GRANT readers TO app@'%';
GRANT SELECT, TRIGGER, UPDATE ON *.* TO app@'%';
SET DEFAULT ROLE readers FOR app@'%';
GRANT INSERT, UPDATE (b) ON torture.no_key TO app@'%' WITH GRANT OPTION;
GRANT ALL ON other.* TO 'o''brien "x`y'@'10.0.%' WITH GRANT OPTION;

-- What works in somebody's name.
DELIMITER ;;
CREATE FUNCTION plus_one (a int) RETURNS int DETERMINISTIC COMMENT 'adds; one' RETURN a + 1;;
CREATE DEFINER = app@'%' FUNCTION `odd ``name` (`größe` varchar(10) CHARACTER SET latin1) RETURNS text CHARACTER SET utf8mb4
    READS SQL DATA SQL SECURITY INVOKER
BEGIN
    -- it's a comment; with `quotes "
    DECLARE found text DEFAULT '\'; DELIMITER ;';
    SELECT note INTO found FROM torture.no_key, other.`somewhere else` LIMIT 1; # don't
    RETURN found;
END;;
CREATE PROCEDURE fill (INOUT n int, OUT what varchar(10)) MODIFIES SQL DATA
BEGIN
    WHILE n > 0 DO
        INSERT INTO torture.no_key VALUES (n, 'x'); /* isn't it */
        SET n = n - 1;
    END WHILE;
END;;
SET sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES';;
CREATE PROCEDURE "in ansi" () SELECT "a" FROM "no_key";;
CREATE TRIGGER torture."ansi trigger" AFTER UPDATE ON "torture"."no_key" FOR EACH ROW SET @"x" = NEW."a";;
SET sql_mode = 'ORACLE';;
CREATE PACKAGE tools AS FUNCTION one RETURN int; END;;
CREATE PACKAGE BODY tools AS FUNCTION one RETURN int AS BEGIN RETURN 1; END; END;;
SET sql_mode = '';;
CREATE DEFINER = app@'%' TRIGGER torture.qualified BEFORE INSERT ON torture.no_key FOR EACH ROW
BEGIN
    SET NEW.b = COALESCE(NEW.b, 'torture.no_key'); -- ON torture.no_key
END;;
CREATE TRIGGER second BEFORE INSERT ON no_key FOR EACH ROW FOLLOWS qualified SET @order = CONCAT(@order, '\\2');;
CREATE TRIGGER `first``` BEFORE INSERT ON no_key FOR EACH ROW PRECEDES qualified SET @order = 'ü1';;
CREATE TRIGGER kept AFTER DELETE ON history FOR EACH ROW BEGIN END;;
CREATE EVENT fires ON SCHEDULE EVERY 1 SECOND STARTS '2020-01-01 00:00:00' COMMENT 'ON COMPLETION PRESERVE ENABLE;'
    DO INSERT INTO torture.no_key VALUES (99, 'fired');;
CREATE DEFINER = app@'%' EVENT `sleeps ``` ON SCHEDULE EVERY '1:30' HOUR_MINUTE ON COMPLETION PRESERVE DISABLE DO
BEGIN
    INSERT INTO no_key VALUES (1, ';;');
    DELETE FROM no_key;
END;;
CREATE EVENT once ON SCHEDULE AT '2037-12-31 23:59:59' DO SELECT 1;;
DELIMITER ;
CREATE VIEW plain AS SELECT id, plus_one(id) AS more, 'torture' AS `where` FROM numbers;
CREATE VIEW `a view on views` AS SELECT p.id, p.more FROM plain p JOIN numbers ON p.id = numbers.id WHERE p.id > 0 WITH CASCADED CHECK OPTION;
CREATE ALGORITHM = MERGE DEFINER = app@'%' SQL SECURITY INVOKER VIEW across AS
    SELECT no_key.a, e.note AS `größe` FROM no_key JOIN other.`somewhere else` e ON e.id = no_key.a;
CREATE VIEW called_alike AS SELECT torture.id FROM torture;
CREATE VIEW alike_across AS SELECT torture.torture.id, plus_one(e.id) AS more FROM torture.torture JOIN other.`somewhere else` e;
CREATE DEFINER = gone@localhost VIEW of_somebody_gone AS SELECT id, plus_one(id) AS more FROM numbers;
CREATE VIEW aaa_needs_zzz AS SELECT 1 AS one;
CREATE VIEW zzz AS SELECT 1 AS one;
CREATE OR REPLACE VIEW aaa_needs_zzz AS SELECT one FROM zzz;
CREATE TABLE soon_gone (id int);
CREATE VIEW `broken "view"` AS SELECT id FROM soon_gone;
DROP TABLE soon_gone;
DROP USER gone@localhost;
