-- Traffic that MariaDB knows from 11.8 on.
SET TIMESTAMP = 1735733400;
USE every;
INSERT INTO vectors VALUES (1, VEC_FromText('[1, -2.5, 1000.5, 0]')), (2, VEC_FromText('[0, 0, 0, 1]'));
INSERT INTO late VALUES (1, '2106-02-07 06:28:15', '2106-02-07 06:28:15.999999'), (2, '2040-01-01 00:00:00', NULL);
