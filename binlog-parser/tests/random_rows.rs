//! Rows events over random table maps: walking and decoding agree on where values end, and no bytes
//! bring either down.

use binlog_parser::event::rows::RowsEvent;
use binlog_parser::event::table_map::TableMapEvent;
use binlog_parser::header::{EventType, Family};
use binlog_parser::row::{ColumnType as T, RowLayout};
use proptest::prelude::*;

/// A table map of columns with these numbers and metadata bytes, sound or not.
fn map_body(types: &[u8], metadata: &[u8]) -> Vec<u8> {
    let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0]; // table id, flags
    body.extend([1, b'd', 0, 1, b't', 0]); // names
    body.push(types.len() as u8);
    body.extend(types);
    body.push(metadata.len() as u8);
    body.extend(metadata);
    body.extend(vec![0xFF; types.len().div_ceil(8)]);
    body
}

/// Number and metadata of a type that a server could have logged.
fn column() -> impl Strategy<Value = (u8, Vec<u8>)> {
    prop_oneof![
        prop::sample::select(vec![1u8, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13])
            .prop_map(|code| (code, vec![])),
        Just((4, vec![4])),
        Just((5, vec![8])),
        (17u8..=19, 0u8..=6).prop_map(|(code, fsp)| (code, vec![fsp])),
        any::<u16>().prop_map(|max| (15, max.to_le_bytes().into())),
        (0u8..=7, 1u8..=7).prop_map(|(odd, bytes)| (16, vec![odd, bytes])),
        (1u8..=65)
            .prop_flat_map(|precision| (Just(precision), 0..=precision))
            .prop_map(|(precision, scale)| (246, vec![precision, scale])),
        (prop::sample::select(vec![242u8, 245, 252, 255]), 1u8..=4)
            .prop_map(|(code, bytes)| (code, vec![bytes])),
        any::<u8>().prop_map(|max| (254, vec![0xFE, max])),
        (1u8..=2).prop_map(|bytes| (254, vec![247, bytes])),
        (1u8..=8).prop_map(|bytes| (254, vec![248, bytes])),
    ]
}

proptest! {
    #[test]
    fn random_rows_over_random_maps_agree_on_their_ends(
        table in prop::collection::vec(column(), 1..20),
        kind in prop::sample::select(vec![23u8, 24, 25, 30, 31, 32]),
        present in prop::collection::vec(any::<u8>(), 6),
        rows in prop::collection::vec(prop_oneof![4 => Just(0u8), 1 => any::<u8>()], 0..400),
    ) {
        let types: Vec<u8> = table.iter().map(|(code, _)| *code).collect();
        let metadata: Vec<u8> = table.iter().flat_map(|(_, meta)| meta.clone()).collect();
        let map_body = map_body(&types, &metadata);
        let map = TableMapEvent::parse(&map_body, 6).unwrap();
        let columns = map.columns(Family::Mysql).unwrap();

        let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0];
        if kind >= 30 {
            body.extend([2, 0]);
        }
        body.push(types.len() as u8);
        let bitmaps = if matches!(kind, 24 | 31) { 2 } else { 1 };
        body.extend(&present[..types.len().div_ceil(8) * bitmaps]);
        body.extend(&rows);

        let event = RowsEvent::parse(&body, EventType(kind), 6).unwrap();
        let mut length = 0;
        let mut sound = true;
        for change in event.changes(columns.layout()) {
            let Ok(change) = change else {
                sound = false;
                break;
            };
            for image in [change.before, change.after].into_iter().flatten() {
                length += image.bytes().len();
                let mut decoded = image.present().count_ones().div_ceil(8);
                for cell in image.cells(&columns) {
                    let cell = cell.unwrap();
                    let bytes = cell.bytes.map_or(0, <[u8]>::len);
                    let prefix = match columns[cell.ordinal].column_type {
                        T::Varchar { max_bytes } | T::Char { max_bytes } => {
                            if max_bytes > 255 { 2 } else { 1 }
                        }
                        T::Blob { length_bytes }
                        | T::Json { length_bytes }
                        | T::Geometry { length_bytes }
                        | T::Vector { length_bytes } => usize::from(length_bytes),
                        _ => 0,
                    };
                    decoded += bytes + if cell.bytes.is_some() { prefix } else { 0 };
                    if let Ok(value) = cell.value(&columns) {
                        let _ = value.to_text();
                    }
                }
                prop_assert_eq!(decoded, image.bytes().len());
            }
        }
        if sound {
            prop_assert_eq!(length, event.rows.len());
        }
    }

    #[test]
    fn any_bytes_are_a_map_or_a_fault(
        types in prop::collection::vec(any::<u8>(), 0..20),
        metadata in prop::collection::vec(any::<u8>(), 0..40),
        optional in prop::collection::vec(any::<u8>(), 0..60),
        raw in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut body = map_body(&types, &metadata);
        body.extend(optional);
        for body in [body, raw] {
            if let Ok(map) = TableMapEvent::parse(&body, 6) {
                let _ = map.columns(Family::Mysql);
                let _ = map.columns(Family::Mariadb);
                let _ = map.optional.column_names();
            }
            for code in 23..=32 {
                if let Ok(event) = RowsEvent::parse(&body, EventType(code), 6) {
                    let layout = RowLayout::new(vec![T::Tiny; event.width]);
                    let _ = event.count(&layout);
                }
            }
        }
    }
}
