//! The tables of the history, and the migrations of older ones.

use rusqlite::Connection;

/// The schema's number, kept in the file as `user_version`: one more with each of [`MIGRATIONS`].
pub(super) const VERSION: usize = MIGRATIONS.len();

/// Statement `n` migrates schema `n` to schema `n + 1`. Times are milliseconds since the Unix
/// epoch.
const MIGRATIONS: [&str; 1] = ["
CREATE TABLE builds (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, function TEXT NOT NULL, architecture TEXT, bytes \
    INTEGER,
    zip_bytes INTEGER, sha256 TEXT, seconds REAL NOT NULL, error TEXT
) STRICT;
CREATE TABLE deploys (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, stage TEXT NOT NULL, function TEXT NOT NULL, \
    action TEXT,
    version TEXT, sha256 TEXT, seconds REAL, error TEXT
) STRICT;
CREATE TABLE invocations (
    id INTEGER PRIMARY KEY, at INTEGER NOT NULL, stage TEXT NOT NULL, function TEXT NOT NULL, \
    request_id TEXT NOT NULL,
    mode TEXT NOT NULL, qualifier TEXT, status INTEGER NOT NULL, function_error TEXT, client_ms \
    REAL NOT NULL,
    init_ms REAL, duration_ms REAL, billed_ms INTEGER, memory_mb INTEGER, max_memory_mb INTEGER, \
    emulated INTEGER
) STRICT;
CREATE INDEX invocations_by_function ON invocations (function, stage, at);
-- Apart from the figures, which are kept longer.
CREATE TABLE bodies (
    invocation INTEGER PRIMARY KEY REFERENCES invocations (id) ON DELETE CASCADE, payload TEXT NOT \
    NULL,
    response TEXT NOT NULL, logs TEXT NOT NULL, bytes INTEGER NOT NULL
) STRICT;
"];

/// Migrates the schema, and returns its number, which is greater than [`VERSION`] if a newer
/// console wrote the file. Each step is a transaction, and a second process finds it done.
pub(super) fn migrate(connection: &Connection) -> rusqlite::Result<usize> {
    loop {
        let transaction = rusqlite::Transaction::new_unchecked(
            connection,
            rusqlite::TransactionBehavior::Immediate,
        )?;
        let version =
            transaction.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))? as usize;
        let Some(step) = MIGRATIONS.get(version) else { return Ok(version) };
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (version + 1) as u32)?;
        transaction.commit()?;
    }
}
