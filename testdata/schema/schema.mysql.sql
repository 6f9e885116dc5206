-- What only MySQL has.
SET TIMESTAMP = 1735722060;
USE every;
CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(4), w VECTOR(3000));
CREATE TABLE functional (
  id INT PRIMARY KEY, doc JSON, name VARCHAR(20),
  KEY by_lower ((LOWER(name))), KEY by_tags ((CAST(doc->'$.tags' AS UNSIGNED ARRAY)))
);
CREATE TABLE placed (id INT PRIMARY KEY, at POINT NOT NULL SRID 4326, SPATIAL KEY (at));
CREATE TABLE chinese (id INT PRIMARY KEY, v VARCHAR(20) CHARACTER SET gb18030);
SET sql_generate_invisible_primary_key = ON;
CREATE TABLE generated_key (v VARCHAR(20));
SET sql_generate_invisible_primary_key = OFF;
CREATE TABLE expressed (id INT PRIMARY KEY, v BINARY(16) DEFAULT (UUID_TO_BIN('123e4567-e89b-12d3-a456-426655440000')), j JSON DEFAULT (JSON_ARRAY(1)), CHECK (id > 0));
