//! FORMAT_DESCRIPTION (15): how the rest of the log is to be read; and START_V3 (1), from which it
//! follows for the logs of servers before 5.0.

use std::fmt;

use crate::error::Fault;
use crate::header::{EventHeader, EventType, Family, HEADER_BYTES};
use crate::wire::Reader;

/// How a log's events are laid out (the manual's "FORMAT_DESCRIPTION_EVENT"; `control_events.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatDescription {
    /// 4 for every log since 5.0; 3 for those of 4.0 and 4.1.
    pub binlog_version: u16,
    /// Version string of the server that wrote the log.
    pub server_version: String,
    /// The three numbers at the start of [`Self::server_version`]; 0.0.0 if it has none.
    pub version: ServerVersion,
    /// Whose server it was.
    pub family: Family,
    /// When the server started, in seconds since 1970; 0 unless the log is the first after a start.
    pub created: u32,
    /// Bytes of the header of every event but this one and ROTATE.
    pub common_header_length: u8,
    /// Bytes after the header that every event of a type has; type N stands at index N - 1. The
    /// servers fill it carelessly, so it is used only where they use it themselves.
    pub post_header_lengths: Vec<u8>,
    /// How events are checked.
    pub checksum: ChecksumAlgorithm,
}

/// Three numbers, as in 9.7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ServerVersion(pub u16, pub u16, pub u16);

impl ServerVersion {
    /// The form used inside version comments and GTID events: 90701 for 9.7.1.
    #[must_use]
    pub fn number(self) -> u32 {
        u32::from(self.0) * 10_000 + u32::from(self.1) * 100 + u32::from(self.2)
    }

    /// Reads the start of a version string; 0.0.0 if it does not start with three numbers below
    /// 256, as the servers have it (`do_server_version_split`).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut numbers = [0u16; 3];
        let mut parts = text.splitn(3, '.');
        for number in &mut numbers {
            let part = parts.next().unwrap_or("");
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            match part[..digits].parse() {
                Ok(n) if n < 256 => *number = n,
                _ => return ServerVersion::default(),
            }
        }
        ServerVersion(numbers[0], numbers[1], numbers[2])
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// What stands in the last four bytes of an event (`enum_binlog_checksum_alg`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// The server could, and was told not to; only the format description itself ends in one.
    Off,
    /// CRC-32 of zlib.
    Crc32,
    /// The server is older than checksums.
    Undefined,
}

impl ChecksumAlgorithm {
    /// Bytes of checksum at the end of every event that is no format description.
    #[must_use]
    pub fn bytes(self) -> usize {
        if self == ChecksumAlgorithm::Crc32 { 4 } else { 0 }
    }

    /// The server's own word, as `binlog_checksum` has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChecksumAlgorithm::Off => "NONE",
            ChecksumAlgorithm::Crc32 => "CRC32",
            ChecksumAlgorithm::Undefined => "UNDEF",
        }
    }
}

const SERVER_VERSION_BYTES: usize = 50;

impl FormatDescription {
    /// Reads a whole format description event, header included: whether it ends in a checksum
    /// stands only in itself. For a START_V3 event, the layout of its time is given.
    ///
    /// # Errors
    /// A [`Fault`] if bytes are missing, the event is of another type, the binlog version is neither
    /// 4 nor 3, the server version does not start with three numbers, or the checksum algorithm is one that no server has.
    pub fn parse(event: &[u8]) -> Result<Self, Fault> {
        let header = EventHeader::parse(event)?;
        if header.event_type == EventType::START_V3 {
            return parse_start_v3(event);
        }
        if header.event_type != EventType::FORMAT_DESCRIPTION {
            return Err(Fault::value("first event", "Format_desc", header.event_type.name()));
        }
        let mut reader = Reader::new(event.get(HEADER_BYTES..).unwrap_or_default());
        let binlog_version = reader.u16("binlog version")?;
        if binlog_version != 4 {
            return Err(Fault::value("binlog version", "4", binlog_version));
        }
        let server_version = read_server_version(&mut reader)?;
        let created = reader.u32("created")?;
        let common_header_length = reader.u8("common header length")?;
        if usize::from(common_header_length) < HEADER_BYTES {
            let had = u64::from(common_header_length);
            return Err(Fault::value("common header length", "at least 19", had));
        }
        let version = ServerVersion::parse(&server_version);
        if version == ServerVersion::default() {
            // The version decides whether events have checksums: a log read without it is guessed.
            return Err(Fault::value("server version", "three numbers", &server_version));
        }
        let family = Family::of_version(&server_version);
        let (post_header_lengths, checksum) = split_checksum(reader.take_rest(), family, version)?;
        Ok(FormatDescription {
            binlog_version,
            server_version,
            version,
            family,
            created,
            common_header_length,
            post_header_lengths: post_header_lengths.to_vec(),
            checksum,
        })
    }

    /// Bytes after the header that events of `event_type` have, by the log's own table.
    #[must_use]
    pub fn post_header_length(&self, event_type: EventType) -> Option<u8> {
        let index = usize::from(event_type.0).checked_sub(1)?;
        self.post_header_lengths.get(index).copied()
    }

    /// Bytes of a table id: 6, and 4 in logs from before 5.1.4, which say so by a post-header of 6.
    #[must_use]
    pub fn table_id_bytes(&self) -> usize {
        if self.post_header_length(EventType::TABLE_MAP) == Some(6) { 4 } else { 6 }
    }

    /// Whether events from here on must be read in another way than events before: a replay has to
    /// send the server a new description exactly then.
    #[must_use]
    pub fn same_layout(&self, other: &FormatDescription) -> bool {
        self.server_version == other.server_version
            && self.common_header_length == other.common_header_length
            && self.post_header_lengths == other.post_header_lengths
            && self.checksum == other.checksum
    }
}

fn read_server_version(reader: &mut Reader<'_>) -> Result<String, Fault> {
    let padded = reader.take(SERVER_VERSION_BYTES, "server version")?;
    let end = memchr::memchr(0, padded).unwrap_or(SERVER_VERSION_BYTES);
    Ok(String::from_utf8_lossy(&padded[..end]).into_owned())
}

/// Length of a START_V3 event with a header of 19 bytes. The one of version 1 (3.23) is shorter, for
/// its header has 13, and that is how the servers' readers tell it.
const START_V3_BYTES: usize = HEADER_BYTES + 56;

/// Post-header lengths of the 14 types of binlog version 3 (`Format_description_event`'s constructor
/// for older versions). Query has no length of status variables.
const POST_HEADERS_V3: [u8; 14] = [56, 11, 0, 8, 0, 18, 0, 4, 4, 4, 4, 18, 0, 0];

/// What a format description would say, had the servers of binlog version 3 written one.
fn parse_start_v3(event: &[u8]) -> Result<FormatDescription, Fault> {
    let unsupported = |why| Err(Fault::unsupported("binlog version", why));
    if event.len() < START_V3_BYTES {
        return unsupported("it is 1, of a server of 3.23");
    }
    let mut reader = Reader::new(event.get(HEADER_BYTES..).unwrap_or_default());
    let binlog_version = reader.u16("binlog version")?;
    if binlog_version != 3 {
        return unsupported("it is neither 3 nor 4, which no released server wrote");
    }
    let server_version = read_server_version(&mut reader)?;
    Ok(FormatDescription {
        binlog_version,
        version: ServerVersion::parse(&server_version),
        family: Family::Mysql,
        server_version,
        created: reader.u32("created")?,
        common_header_length: HEADER_BYTES as u8,
        post_header_lengths: POST_HEADERS_V3.to_vec(),
        checksum: ChecksumAlgorithm::Undefined,
    })
}

/// Splits the end of the body: the post-header table, then the algorithm and its four bytes where
/// the server is new enough to write them.
fn split_checksum(
    rest: &[u8],
    family: Family,
    version: ServerVersion,
) -> Result<(&[u8], ChecksumAlgorithm), Fault> {
    let first_with_checksums = match family {
        Family::Mysql => ServerVersion(5, 6, 1),
        Family::Mariadb => ServerVersion(5, 3, 0),
    };
    if version < first_with_checksums {
        return Ok((rest, ChecksumAlgorithm::Undefined));
    }
    let Some(at) = rest.len().checked_sub(5) else {
        return Err(Fault::short("checksum algorithm", 5, rest.len() as u64));
    };
    let algorithm = match rest[at] {
        0 => ChecksumAlgorithm::Off,
        1 => ChecksumAlgorithm::Crc32,
        255 => ChecksumAlgorithm::Undefined,
        other => return Err(Fault::value("checksum algorithm", "0, 1 or 255", other)),
    };
    Ok((&rest[..at], algorithm))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A format description event as a server of `version` writes it, with a checksum of zeros.
    pub(crate) fn event(version: &str, algorithm: u8) -> Vec<u8> {
        let mut event = vec![0; HEADER_BYTES];
        event[4] = 15; // type
        event.extend(4u16.to_le_bytes()); // binlog version
        let mut name = version.as_bytes().to_vec();
        name.resize(SERVER_VERSION_BYTES, 0);
        event.extend(name); // server version
        event.extend(0u32.to_le_bytes()); // created
        event.push(19); // common header length
        event.extend([56, 13, 0, 8]); // post-header table, cut short
        event.push(algorithm); // checksum algorithm
        event.extend([0; 4]); // checksum
        let length = event.len() as u32;
        event[9..13].copy_from_slice(&length.to_le_bytes());
        event
    }

    #[test]
    fn the_family_and_the_checksum_follow_from_the_version() {
        let mysql = FormatDescription::parse(&event("9.7.1", 1)).unwrap();
        assert_eq!((mysql.family, mysql.version.number()), (Family::Mysql, 90_701));
        assert_eq!(mysql.checksum, ChecksumAlgorithm::Crc32);
        assert_eq!(mysql.post_header_lengths, [56, 13, 0, 8]);

        let mariadb = FormatDescription::parse(&event("10.11.14-MariaDB-log", 0)).unwrap();
        assert_eq!((mariadb.family, mariadb.checksum), (Family::Mariadb, ChecksumAlgorithm::Off));

        let old = FormatDescription::parse(&event("5.1.73-log", 7)).unwrap();
        assert_eq!(old.checksum, ChecksumAlgorithm::Undefined);
        assert_eq!(old.post_header_lengths.len(), 9);
    }

    #[test]
    fn a_version_that_is_none_is_zero() {
        for text in ["", "9", "9.7", "9.7.x", "9.256.1", "-1.2.3"] {
            assert_eq!(ServerVersion::parse(text), ServerVersion::default(), "{text}");
        }
        assert_eq!(ServerVersion::parse("5.7.44-48-log"), ServerVersion(5, 7, 44));
    }

    #[test]
    fn every_truncation_is_an_error() {
        let whole = event("9.7.1", 1);
        for length in 0..81 {
            assert!(FormatDescription::parse(&whole[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn before_5_0_the_layout_follows_from_the_start() {
        let mut start = event("4.1.24-debug-log", 1);
        start[4] = 1; // type: START_V3
        start[19] = 3; // binlog version
        start.truncate(START_V3_BYTES);
        let format = FormatDescription::parse(&start).unwrap();
        assert_eq!((format.binlog_version, format.version), (3, ServerVersion(4, 1, 24)));
        assert_eq!(format.post_header_length(EventType::QUERY), Some(11));
        assert_eq!(format.checksum, ChecksumAlgorithm::Undefined);
        start[19] = 2;
        assert!(FormatDescription::parse(&start).is_err());
        start.truncate(69);
        assert_eq!(
            FormatDescription::parse(&start).unwrap_err().to_string(),
            "binlog version: not supported: it is 1, of a server of 3.23"
        );
    }
}
