//! The Info of events that say all by themselves, in the words of SHOW BINLOG EVENTS; in like words
//! where a server shows nothing or no server shows the event.

use binlog_parser::Fault;
use binlog_parser::digits::push_unsigned;
use binlog_parser::event::execute_load_query::ExecuteLoadQueryEvent;
use binlog_parser::event::file_block::{FileBlockEvent, file_id};
use binlog_parser::event::format_description::FormatDescription;
use binlog_parser::event::gtid_list::GtidListEvent;
use binlog_parser::event::heartbeat::HeartbeatEvent;
use binlog_parser::event::intvar::IntvarEvent;
use binlog_parser::event::large_transaction_header::LargeTransactionHeaderEvent;
use binlog_parser::event::load_data::{LoadDataEvent, options};
use binlog_parser::event::partial_row_data::PartialRowDataEvent;
use binlog_parser::event::previous_gtids::PreviousGtidsEvent;
use binlog_parser::event::rand::RandEvent;
use binlog_parser::event::rotate::RotateEvent;
use binlog_parser::event::start_encryption::StartEncryptionEvent;
use binlog_parser::event::text::{IncidentEvent, binlog_checkpoint};
use binlog_parser::event::transaction_context::TransactionContextEvent;
use binlog_parser::event::transaction_payload::TransactionPayloadEvent;
use binlog_parser::event::user_var::{UserValue, UserVarEvent};
use binlog_parser::event::view_change::ViewChangeEvent;
use binlog_parser::event::xa_prepare::XaPrepareEvent;
use binlog_parser::header::EventType;
use binlog_parser::row::float::write_double;
use binlog_parser::scan::RawEvent;
use replay::schema::Charset;

use crate::text::utf8;

/// Appends the Info of `event`, which is nothing for one that is no more than its type.
///
/// # Errors
/// The fault in a body that cannot be read.
pub fn write_info(event: &RawEvent<'_>, out: &mut String) -> Result<(), Fault> {
    // Every transaction has one.
    if event.event_type() != EventType::XID {
        out.push_str(&info(event)?);
        return Ok(());
    }
    let Some(xid) = event.body().first_chunk() else {
        return Err(Fault::short("xid", 8, event.body().len() as u64));
    };
    out.push_str("COMMIT /* xid=");
    push_unsigned(u64::from_le_bytes(*xid), out);
    out.push_str(" */");
    Ok(())
}

fn info(event: &RawEvent<'_>) -> Result<String, Fault> {
    let body = event.body();
    Ok(match event.event_type() {
        EventType::XA_PREPARE => {
            let xa = XaPrepareEvent::parse(body)?;
            let [start, end] =
                if xa.one_phase { ["COMMIT", " ONE PHASE"] } else { ["PREPARE", ""] };
            format!("XA {start} {}{end}", xa.xid)
        }
        EventType::INTVAR => IntvarEvent::parse(body)?.to_string(),
        EventType::RAND => RandEvent::parse(body)?.to_string(),
        EventType::USER_VAR => user_var(&UserVarEvent::parse(body)?),
        EventType::LOAD | EventType::NEW_LOAD | EventType::CREATE_FILE => {
            load_data(&LoadDataEvent::parse(body, event.event_type())?)
        }
        EventType::APPEND_BLOCK | EventType::BEGIN_LOAD_QUERY => {
            FileBlockEvent::parse(body)?.to_string()
        }
        EventType::EXEC_LOAD | EventType::DELETE_FILE => format!(";file_id={}", file_id(body)?),
        EventType::EXECUTE_LOAD_QUERY => {
            format!(";file_id={}", ExecuteLoadQueryEvent::parse(body)?.file_id)
        }
        EventType::INCIDENT => {
            let incident = IncidentEvent::parse(body)?;
            let kind = if incident.incident == 1 { "LOST_EVENTS" } else { "UNKNOWN" };
            format!("#{} ({kind}) {}", incident.incident, name(incident.message))
        }
        EventType::TRANSACTION_PAYLOAD => payload(&TransactionPayloadEvent::parse(body)?),
        EventType::LARGE_TRANSACTION_HEADER => {
            LargeTransactionHeaderEvent::parse(body)?.to_string()
        }
        EventType::PARTIAL_ROW_DATA => PartialRowDataEvent::parse(body)?.to_string(),
        EventType::VIEW_CHANGE => {
            format!("view_id={}", name(ViewChangeEvent::parse(body)?.view_id))
        }
        EventType::TRANSACTION_CONTEXT => {
            let context = TransactionContextEvent::parse(body)?;
            let (uuid, writes) = (name(context.server_uuid), context.write_set.len());
            format!("server_uuid={uuid};thread_id={};writes={writes}", context.thread_id)
        }
        other if other.is_known() => frame(event)?,
        other => format!("type {}, {} bytes", other.0, body.len()),
    })
}

/// The events that frame a log.
fn frame(event: &RawEvent<'_>) -> Result<String, Fault> {
    let body = event.body();
    Ok(match event.event_type() {
        EventType::FORMAT_DESCRIPTION | EventType::START_V3 => {
            let format = FormatDescription::parse(event.bytes())?;
            format!("Server ver: {}, Binlog ver: {}", format.server_version, format.binlog_version)
        }
        EventType::ROTATE => {
            let rotate = RotateEvent::parse(body)?;
            format!("{};pos={}", name(rotate.next_log), rotate.position)
        }
        EventType::PREVIOUS_GTIDS => {
            PreviousGtidsEvent::parse(body, &event.header())?.gtids.to_string().replace('\n', " ")
        }
        EventType::GTID_LIST => {
            let list = GtidListEvent::parse(body, &event.header())?;
            let gtids: Vec<_> = list.gtids.iter().map(ToString::to_string).collect();
            format!("[{}]", gtids.join(","))
        }
        EventType::BINLOG_CHECKPOINT => name(binlog_checkpoint(body)?),
        EventType::START_ENCRYPTION => StartEncryptionEvent::parse(body)?.to_string(),
        EventType::HEARTBEAT | EventType::HEARTBEAT_V2 => {
            let heartbeat = HeartbeatEvent::parse(body, &event.header())?;
            format!("{};pos={}", name(heartbeat.log), heartbeat.position)
        }
        _ => String::new(),
    })
}

fn name(bytes: &[u8]) -> String {
    utf8(bytes).text.into_owned()
}

/// A name in backticks, as statements take it.
pub fn quoted(name: &[u8]) -> String {
    format!("`{}`", utf8(name).text.replace('`', "``"))
}

/// As SHOW BINLOG EVENTS has it, but the name of a string's collation: its number names it in the
/// servers alone.
fn user_var(variable: &UserVarEvent<'_>) -> String {
    let value = match variable.value {
        UserValue::Null => "NULL".to_owned(),
        UserValue::Signed(number) => number.to_string(),
        UserValue::Unsigned(number) => number.to_string(),
        UserValue::Real(number) => written(|out| write_double(number, out)),
        UserValue::Decimal(decimal) => written(|out| decimal.write_text(out)),
        UserValue::String { bytes, collation } => {
            let charset = u16::try_from(collation).ok().and_then(Charset::of_collation_id);
            format!("_{} {}", charset.map_or("???", |charset| charset.name), hex(bytes))
        }
    };
    format!("@{}={value}", quoted(variable.name))
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Bytes as a literal that every server takes.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "''".to_owned();
    }
    let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
    format!("0x{}", digits.collect::<String>())
}

fn payload(payload: &TransactionPayloadEvent<'_>) -> String {
    let size = payload.uncompressed_size.map(|size| format!(", decompressed_size={size} bytes"));
    format!("compression='{}'{}", payload.compression, size.unwrap_or_default())
}

fn load_data(load: &LoadDataEvent<'_>) -> String {
    if let Some((file_id, block)) = load.created {
        let (database, table) = (name(load.database), name(load.table));
        return format!("db={database};table={table};file_id={file_id};block_len={}", block.len());
    }
    let mut text = String::new();
    if !load.database.is_empty() {
        text += &format!("use {}; ", quoted(load.database));
    }
    text += &format!("LOAD DATA INFILE {}", literal(load.file));
    for (bit, word) in [(options::REPLACE, " REPLACE"), (options::IGNORE, " IGNORE")] {
        if load.options & bit != 0 {
            text += word;
        }
    }
    text += &format!(" INTO TABLE {}", quoted(load.table));
    let optionally =
        if load.options & options::OPTIONALLY_ENCLOSED == 0 { "" } else { "OPTIONALLY " };
    for (clause, value) in [
        ("FIELDS TERMINATED BY ".to_owned(), load.field_terminator),
        (format!("FIELDS {optionally}ENCLOSED BY "), load.enclosed),
        ("FIELDS ESCAPED BY ".to_owned(), load.escaped),
        ("LINES TERMINATED BY ".to_owned(), load.line_terminator),
        ("LINES STARTING BY ".to_owned(), load.line_start),
    ] {
        if !value.is_empty() {
            text += &format!(" {clause}{}", literal(value));
        }
    }
    if load.skip_lines > 0 {
        text += &format!(" IGNORE {} LINES", load.skip_lines);
    }
    let columns: Vec<_> = load.columns.iter().map(|column| quoted(column)).collect();
    if !columns.is_empty() {
        text += &format!(" ({})", columns.join(","));
    }
    text
}

/// A string literal; bytes that would end it or a line are escaped.
fn literal(bytes: &[u8]) -> String {
    let mut text = String::from("'");
    for c in utf8(bytes).text.chars() {
        match c {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\\' | '\'' => text.extend(['\\', c]),
            _ => text.push(c),
        }
    }
    text + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(value: UserValue<'_>) -> String {
        user_var(&UserVarEvent { name: b"a`b", value, data_type: None })
    }

    #[test]
    fn a_variable_is_told_exactly() {
        assert_eq!(user(UserValue::Null), "@`a``b`=NULL");
        assert_eq!(user(UserValue::Real(0.1 + 0.2)), "@`a``b`=0.30000000000000004");
        assert_eq!(user(UserValue::Unsigned(u64::MAX)), "@`a``b`=18446744073709551615");
        let string = |bytes, collation| user(UserValue::String { bytes, collation });
        assert_eq!(string(b"dan", 255), "@`a``b`=_utf8mb4 0x64616E");
        assert_eq!(string(b"", 8), "@`a``b`=_latin1 ''");
        assert_eq!(string(b"\xFF", 70_000), "@`a``b`=_??? 0xFF");
    }

    #[test]
    fn an_old_load_data_is_a_statement_again() {
        let load = LoadDataEvent {
            thread_id: 1,
            exec_time: 0,
            skip_lines: 1,
            field_terminator: b",",
            enclosed: b"\"",
            line_terminator: b"\n",
            line_start: b"",
            escaped: b"\\",
            options: options::REPLACE | options::OPTIONALLY_ENCLOSED,
            columns: vec![b"a", b"b"],
            table: b"t",
            database: b"shop",
            file: b"/tmp/it's",
            created: None,
        };
        assert_eq!(
            load_data(&load),
            "use `shop`; LOAD DATA INFILE '/tmp/it\\'s' REPLACE INTO TABLE `t` \
             FIELDS TERMINATED BY ',' FIELDS OPTIONALLY ENCLOSED BY '\"' FIELDS ESCAPED BY '\\\\' \
             LINES TERMINATED BY '\\n' IGNORE 1 LINES (`a`,`b`)"
        );
        let created = LoadDataEvent { created: Some((7, b"1,2")), ..load };
        assert_eq!(load_data(&created), "db=shop;table=t;file_id=7;block_len=3");
    }
}
