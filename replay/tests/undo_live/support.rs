//! What the tests share.

use std::path::PathBuf;

use binlog_parser::address::{Address, EventAddress};
use binlog_parser::source::log::MAGIC;
use binlog_parser::source::log_set::LogSet;
use replay::select::{Target, resolve};
use replay::undo::{Conflicts, Format, Report, Request, Scope, plan};
use servers::fixtures::{Part, TRIGGER_TABLE};
use servers::{Dump, DumpOptions, Product, Server, ServerOptions};

/// Where the next event of a server's newest log will stand.
pub fn next_address(server: &Server) -> Address {
    let path = server.binary_logs().unwrap().pop().unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().into();
    Address::Event(EventAddress::new(&name, std::fs::metadata(&path).unwrap().len()))
}

/// Runs a statement, and says where its transaction stands.
pub fn run(server: &Server, statement: &str) -> Address {
    let address = next_address(server);
    server.sql(format!("{statement};")).unwrap_or_else(|e| panic!("{statement}: {e}"));
    address
}

/// What addresses name.
pub fn resolved(set: &LogSet, addresses: &[Address]) -> Vec<Target> {
    addresses.iter().map(|address| resolve(set, address).unwrap()).collect()
}

/// Writes the undo of a server's own logs.
pub fn undo(server: &Server, request: impl FnOnce(&LogSet) -> Request) -> (Vec<u8>, Report) {
    undo_from(&server.binary_logs().unwrap(), request).unwrap()
}

/// Writes the undo of these logs.
pub fn undo_from(
    logs: &[PathBuf],
    request: impl FnOnce(&LogSet) -> Request,
) -> replay::Result<(Vec<u8>, Report)> {
    let set = LogSet::open(logs).unwrap();
    let request = request(&set);
    let mut out = vec![];
    let report = plan(&set, &request)?.write(&mut out)?;
    Ok((out, report))
}

/// Feeds an undo to the client, one that is a log by way of the server's own program.
pub fn apply(server: &Server, undo: &[u8]) {
    let stream = undo.starts_with(&MAGIC).then(|| stream_of(server, undo));
    let script = stream.as_deref().unwrap_or(undo);
    let ran = server.pipe(script, ["--max-allowed-packet=1G"]).unwrap();
    let start = String::from_utf8_lossy(&script[..script.len().min(2000)]);
    ran.success().unwrap_or_else(|error| panic!("{error:#}\n{start}"));
}

/// What the server's own program makes of a log, every checksum of which it verifies.
fn stream_of(server: &Server, log: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("undo.000001");
    std::fs::write(&path, log).unwrap();
    let product = server.product();
    let mut tool = server.installation().tool(product.binlog_tool()).unwrap();
    tool.args(["--no-defaults", "--verify-binlog-checksum"]);
    if !product.is_mariadb() {
        tool.arg("--skip-gtids");
    }
    let output = tool.arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("ERROR"), "{said}");
    output.stdout
}

/// Everything but the counters; `whole` tells whether the triggers' own table is in it.
pub fn dump(server: &Server, whole: bool) -> Dump {
    let left_out = (!whole).then(|| TRIGGER_TABLE.to_owned());
    server
        .dump_with(&DumpOptions {
            without_auto_increment: true,
            without_rows_of: left_out.into_iter().collect(),
        })
        .unwrap()
}

/// A server after the story's first part.
pub fn start(product: Product) -> Server {
    start_with(product, &[])
}

/// The same, with more arguments for the server.
pub fn start_with(product: Product, args: &[&str]) -> Server {
    let options = ServerOptions::with_args(args.iter().copied());
    let server = Server::start(product, &options).unwrap();
    Part::Schema.run(&server).unwrap();
    Part::Before.run(&server).unwrap();
    server
}

/// All formats.
pub const FORMATS: [Format; 3] = [Format::Base64, Format::Binlog, Format::Sql];

/// A request for what was done before, undone, and done again: the undo of one round is a later
/// change in the next, and children were deleted before their parents.
pub fn request(scope: Scope, format: Format) -> Request {
    let conflicts = Conflicts::Force;
    Request { conflicts, accept_cascades: true, ..Request::new(scope, format) }
}
