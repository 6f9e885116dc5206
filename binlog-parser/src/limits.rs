//! Every cap on a size that a file claims, in one place.

/// Longest event that a server reads, in bytes: the upper bound of `max_allowed_packet` and of
/// `MAX_MAX_ALLOWED_PACKET` in the servers' `log_event.h`.
pub const EVENT_BYTES: u32 = 1 << 30;

/// Most columns of a table: the servers allow 4096 (`MAX_FIELDS` in `sql_const.h`).
pub const COLUMNS: u64 = 4096;

/// Most members of an ENUM; a SET has at most 64 (`MAX_ENUM_VALUES` in `sql_const.h`).
pub const ENUM_MEMBERS: u64 = 65_535;

/// Deepest nesting of a JSON document (`JSON_DOCUMENT_MAX_DEPTH` in `json_binary.h`).
pub const JSON_DEPTH: usize = 100;

/// How many times the bytes of a JSON document may be visited while it is turned into text. Its
/// offsets may point anywhere, so a small document could otherwise print without end.
pub const JSON_VISITS_PER_BYTE: u64 = 4;

/// How many bytes a JSON document may take for each byte of the one before it and of the differences
/// that make it. Its entries grow at most by two thirds where offsets come to take four bytes; but
/// offsets may point to one value again and again, and in the new document each has its own.
pub const JSON_GROWTH: usize = 4;

/// Longest rows of one event with every JSON document whole, in bytes. The event has at most 1 GiB;
/// what it says only by differences, it has in the before-image.
pub const WHOLE_ROWS_BYTES: u64 = 2 << 30;

/// How many entries of JSON objects and arrays may be taken apart or moved while the differences of
/// one document are applied. A document of 1 GiB has at most a third as many entries.
pub const JSON_EDIT_STEPS: u64 = 1 << 30;

/// Longest tag of a GTID, in bytes (`tag_max_length` in `libs/mysql/gtid/gtid_constants.h`).
pub const GTID_TAG_BYTES: u64 = 32;

/// How far ahead, in bytes, a damaged log is searched for the next plausible event header before
/// the rest is called lost.
pub const RESYNC_BYTES: u64 = 1 << 30;

/// Deepest nesting of a geometry collection. MySQL has no limit of its own but a thread's stack;
/// real ones nest once or twice.
pub const GEOMETRY_DEPTH: usize = 100;

/// Longest log that is unpacked from an archive, in bytes. Servers rotate at 1 GiB, behind the
/// transaction that reaches it; none is known to have written a transaction this long.
pub const UNPACKED_BYTES: u64 = 256 << 30;

/// How many bytes an archive may unpack to before their ratio to its packed bytes counts.
pub const UNPACKED_FREELY: u64 = 64 << 20;

/// How many plain bytes an archive may give for each packed one, beyond [`UNPACKED_FREELY`].
/// Deflate cannot give more than 1032.
pub const UNPACKED_RATIO: u64 = 1000;

/// How many plain bytes deflate can give for each packed one, at most.
pub const DEFLATE_RATIO: u64 = 1032;

/// Longest plain log that is read from a pipe, in bytes: for so many, addresses are reserved.
pub const PIPED_BYTES: u64 = 1 << 40;

/// Largest window of a zstd archive or payload, as a power of two in bytes: the tool's own limit,
/// unless it is told `--long`, and what the server's highest level asks for.
pub const ZSTD_WINDOW_LOG: u32 = 27;

/// Most memory that unpacking xz may take, in bytes; `xz -9` needs 65 MiB.
pub const XZ_MEMORY: u64 = 160 << 20;

/// Largest keyring or key file, in bytes: a key has some 200, and a server some thousand of them.
pub const KEY_FILE_BYTES: u64 = 16 << 20;

/// Longest password of an encrypted key file, in bytes (`MAX_SECRET_SIZE` in MariaDB's
/// `file_key_management/parser.h`).
pub const KEY_FILE_PASSWORD_BYTES: u64 = 256;

/// How far into an encrypted log, in bytes, an event is looked for that proves the key where the
/// first ones are damaged.
pub const KEY_PROOF_BYTES: usize = 16 << 20;

/// Most plain bytes of a transaction that MySQL compressed. It is compressed out of the cache that
/// gathers its events, of which 4 GiB is the most that the manual recommends
/// (`max_binlog_cache_size`): positions in a log have 32 bits. A zstd stream may give 32 KiB for
/// each of its own bytes, so this stands against bombs, too.
pub const INFLATED_BYTES: u64 = 4 << 30;
