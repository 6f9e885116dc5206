use std::io::Read;

use super::*;
use crate::schema::{TableName, TableState};
use crate::sql::Family;

/// As mysqldump writes it, for one database.
const SINGLE: &[u8] = b"-- MySQL dump 10.13  Distrib 9.7.4, for Linux (x86_64)
--
-- Host: localhost    Database: shop
-- ------------------------------------------------------
-- Server version\t9.7.4

/*!50503 SET NAMES utf8mb4 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;

--
-- Table structure for table `users`
--

DROP TABLE IF EXISTS `users`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!50503 SET character_set_client = utf8mb4 */;
CREATE TABLE `users` (
  `id` int unsigned NOT NULL AUTO_INCREMENT COMMENT 'a; b -- c',
  `name` varchar(20) DEFAULT NULL,
  `at` timestamp NULL DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1;
/*!40101 SET character_set_client = @saved_cs_client */;

LOCK TABLES `users` WRITE;
/*!40000 ALTER TABLE `users` DISABLE KEYS */;
INSERT INTO `users` VALUES (1,'it\\'s; CREATE TABLE `trap` (a int); -- ''',NULL),
(2,'DROP TABLE `users`;
DROP TABLE `users`;',NULL);
UNLOCK TABLES;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER `tr` BEFORE INSERT ON `users` FOR EACH ROW BEGIN
  SET NEW.name = 'x;';
  DELETE FROM `users`;
END */;;
DELIMITER ;
";

fn read(text: &[u8]) -> Dump {
    read_dump(text, Dialect::new(Family::Mysql, 80036)).unwrap()
}

fn definition(dump: &Dump, database: &str, table: &str) -> String {
    match dump.schema.table(&TableName::new(database, table)) {
        Some(TableState::Known { definition, source: Source::Dump }) => definition.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn one_database_is_named_by_the_header() {
    let dump = read(SINGLE);
    assert_eq!(dump.not_understood, []);
    assert_eq!(
        definition(&dump, "shop", "users"),
        "CREATE TABLE `shop`.`users` (\n  `id` int unsigned NOT NULL AUTO_INCREMENT,\n  \
         `name` varchar(20) CHARACTER SET latin1 DEFAULT NULL,\n  \
         `at` timestamp NULL DEFAULT NULL,\n  PRIMARY KEY (`id`)\n) DEFAULT CHARSET=latin1"
    );
    assert_eq!(definition(&dump, "shop", "trap"), "None");
    assert_eq!(definition(&dump, "other", "users"), "None");
    let Some(TableState::Known { definition, .. }) =
        dump.schema.table(&TableName::new("shop", "users"))
    else {
        panic!("known above")
    };
    assert_eq!(definition.has_triggers, Some(true));
}

#[test]
fn several_databases_are_told_apart_by_use() {
    let dump = read(
        b"CREATE DATABASE /*!32312 IF NOT EXISTS*/ `a` /*!40100 DEFAULT CHARACTER SET gbk */;\n\
          USE `a`;\nCREATE TABLE `t` (`c` char(2));\nUSE `b``b`;\nCREATE TABLE `t` (`d` int);\n",
    );
    assert_eq!(
        definition(&dump, "a", "t"),
        "CREATE TABLE `a`.`t` (\n  `c` char(2) CHARACTER SET gbk\n) DEFAULT CHARSET=gbk"
    );
    assert_eq!(definition(&dump, "b`b", "t"), "CREATE TABLE `b``b`.`t` (\n  `d` int\n)");
}

#[test]
fn tables_of_no_database_are_found_in_every_one() {
    let dump = read(b"CREATE TABLE t (a int);");
    assert_eq!(definition(&dump, "any", "T"), "CREATE TABLE `t` (\n  `a` int\n)");
}

#[test]
fn names_are_read_in_the_dumps_character_set() {
    let dump = read(b"/*!40101 SET NAMES latin1 */;\nUSE d;\nCREATE TABLE `\xFC` (`\xE4` int);\n");
    assert_eq!(definition(&dump, "d", "ü"), "CREATE TABLE `d`.`ü` (\n  `ä` int\n)");
}

#[test]
fn mariadbs_own_comments_run_by_the_version_line() {
    let text = b"/*M!999999\\- enable the sandbox mode */ \n-- Server version\t11.8.6-MariaDB\n\
        USE d;\nCREATE TABLE `t` (\n  `a` varchar(9) /*M!100301 COMPRESSED*/ DEFAULT uuid(),\n  \
        `j` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT NULL \
        CHECK (json_valid(`j`))\n) DEFAULT CHARSET=latin1;";
    assert_eq!(
        definition(&read(text), "d", "t"),
        "CREATE TABLE `d`.`t` (\n  `a` varchar(9) /*M!100301 COMPRESSED*/ CHARACTER SET latin1 \
         DEFAULT uuid(),\n  `j` json DEFAULT NULL\n) DEFAULT CHARSET=latin1"
    );
}

#[test]
fn what_is_not_understood_is_reported() {
    let dump = read(b"USE d;\nCREATE TABLE t (a unheard_of(3));\nCREATE TABLE u (a int);");
    assert_eq!(dump.not_understood.len(), 1);
    assert!(dump.not_understood[0].reason.contains("a data type, had unheard_of"));
    assert!(definition(&dump, "d", "t").contains("Unknown"));
    assert!(definition(&dump, "d", "u").contains("int"));
}

/// Gives one byte at a time.
struct Trickle<'a>(&'a [u8]);

impl Read for Trickle<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into.get_mut(..1).unwrap_or_default())
    }
}

#[test]
fn where_the_chunks_end_does_not_matter() {
    let all = read(SINGLE);
    let trickled = read_dump(Trickle(SINGLE), Dialect::new(Family::Mysql, 80036)).unwrap();
    assert_eq!(definition(&all, "shop", "users"), definition(&trickled, "shop", "users"));
    assert_eq!(trickled.not_understood, []);
}

#[test]
fn memory_does_not_grow_with_rows() {
    // An endless INSERT, and a CREATE TABLE longer than any.
    let rows = b"INSERT INTO t VALUES (1,'".chain(io::repeat(b'x').take(17 << 20));
    let mut splitter = Splitter::new(rows);
    assert_eq!(splitter.next_piece().unwrap(), None);
    assert!(splitter.memory() < 1 << 20);
    let table = b"CREATE TABLE t (".chain(io::repeat(b'x').take(17 << 20)).chain(&b"; USE d;"[..]);
    let mut splitter = Splitter::new(table);
    assert!(matches!(splitter.next_piece().unwrap(), Some(Piece::TooLong(_))));
    assert_eq!(splitter.next_piece().unwrap(), Some(Piece::Statement(b"USE d")));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_to_its_end(
        text in proptest::collection::vec(
            proptest::prop_oneof![
                proptest::prelude::any::<u8>(),
                proptest::sample::select(b"'\"`\\/*!M-#;\n DELIMITRcreatb(),".to_vec()),
            ],
            0..300,
        ),
    ) {
        let whole = read(&text);
        let trickled = read_dump(Trickle(&text), Dialect::new(Family::Mysql, 80036)).unwrap();
        proptest::prop_assert_eq!(whole.not_understood, trickled.not_understood);
    }
}
