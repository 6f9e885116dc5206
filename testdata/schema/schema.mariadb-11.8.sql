-- What MariaDB has from 11.8 on: vectors, and timestamps to the year 2106.
SET TIMESTAMP = 1735722120;
USE every;
CREATE TABLE vectors (id INT PRIMARY KEY, v VECTOR(4) NOT NULL, VECTOR INDEX (v));
CREATE TABLE late (id INT PRIMARY KEY, ts0 TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL);
