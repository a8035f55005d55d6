//! Records that are written to the history and read from it.

use lambda_console_model::{
    BuildOutcome, DeployAction, DeployOutcome, Invocation, InvokeMode, InvokeRequest, RequestLog,
    Sample,
};
use rusqlite::{Connection, params};

/// Number of invocations whose figures are kept.
const KEPT: u32 = 100_000;
/// Maximum size of the kept payloads, responses and logs, in bytes; the newest are kept.
const KEPT_BYTES: u32 = 64 * 1024 * 1024;

/// One record to be written.
pub(super) enum Record {
    Build(i64, BuildOutcome),
    Deploy(i64, DeployOutcome),
    Invocation(Box<(InvokeRequest, Invocation)>),
    /// The log of the request with this id.
    Log(String, RequestLog),
}

impl Record {
    /// Writes it, completely or not at all.
    pub(super) fn write(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        match self {
            Self::Build(at, outcome) => build(&transaction, *at, outcome)?,
            Self::Deploy(at, outcome) => deploy(&transaction, *at, outcome)?,
            Self::Invocation(both) => invoke(&transaction, &both.0, &both.1)?,
            Self::Log(request_id, log) => link(&transaction, request_id, log)?,
        }
        transaction.commit()
    }
}

fn build(connection: &Connection, at: i64, outcome: &BuildOutcome) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO builds (at, function, architecture, bytes, zip_bytes, sha256, seconds, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for built in &outcome.built {
        insert.execute(params![
            at,
            built.name,
            built.architecture.name(),
            built.bootstrap.bytes as i64,
            built.zip.bytes as i64,
            built.zip.sha256,
            outcome.seconds,
            None::<String>
        ])?;
    }
    for (name, failure) in &outcome.failed {
        let none = None::<String>;
        insert.execute(params![
            at,
            name,
            none,
            none,
            none,
            none,
            outcome.seconds,
            failure.to_string()
        ])?;
    }
    Ok(())
}

fn deploy(connection: &Connection, at: i64, outcome: &DeployOutcome) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO deploys (at, stage, function, action, version, sha256, seconds, error)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for done in &outcome.functions {
        let action = match done.action {
            DeployAction::Created => "created",
            DeployAction::Updated => "updated",
            DeployAction::Unchanged => "unchanged",
        };
        let none = None::<String>;
        insert.execute(params![
            at,
            outcome.stage,
            done.name,
            action,
            done.version,
            done.sha256,
            done.seconds,
            none
        ])?;
    }
    for failed in &outcome.failed {
        let (name, error, none) = (&failed.name, failed.failure.to_string(), None::<String>);
        insert.execute(params![at, outcome.stage, name, none, none, none, none, error])?;
    }
    Ok(())
}

fn invoke(
    connection: &Connection,
    request: &InvokeRequest,
    invocation: &Invocation,
) -> rusqlite::Result<()> {
    let mode = match request.mode {
        InvokeMode::Sync => "sync",
        InvokeMode::Stream => "stream",
        InvokeMode::Async => "async",
        InvokeMode::DryRun => "dry_run",
    };
    let report = invocation.report.as_ref();
    connection
        .prepare_cached(
            "INSERT INTO invocations (at, stage, function, request_id, mode, qualifier, status,
                 function_error, client_ms, init_ms, duration_ms, billed_ms, memory_mb,
                 max_memory_mb, emulated)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            invocation.started_at,
            invocation.stage,
            invocation.function,
            invocation.request_id,
            mode,
            request.qualifier,
            invocation.status,
            invocation.function_error,
            invocation.client_ms,
            report.and_then(|report| report.init_ms),
            report.map(|report| report.duration_ms),
            report.map(|report| report.billed_ms as i64),
            report.map(|report| report.memory_mb),
            report.map(|report| report.max_memory_mb),
            report.map(|report| report.emulated),
        ])?;
    let id = connection.last_insert_rowid();
    let logs = invocation.logs.join("\n");
    let bytes = request.payload.len() + invocation.payload.len() + logs.len();
    connection
        .prepare_cached(
            "INSERT INTO bodies (invocation, payload, response, logs, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![id, request.payload, invocation.payload, logs, bytes as i64])?;
    Ok(())
}

/// Adds the log that arrived after the response.
fn link(connection: &Connection, request_id: &str, log: &RequestLog) -> rusqlite::Result<()> {
    if let Some(report) = &log.report {
        connection
            .prepare_cached(
                "UPDATE invocations SET init_ms = ?2, duration_ms = ?3, billed_ms = ?4, memory_mb \
                = ?5,
                     max_memory_mb = ?6, emulated = ?7 WHERE request_id = ?1",
            )?
            .execute(params![
                request_id,
                report.init_ms,
                report.duration_ms,
                report.billed_ms as i64,
                report.memory_mb,
                report.max_memory_mb,
                report.emulated,
            ])?;
    }
    let lines: Vec<&str> = log.lines.iter().map(|line| line.message.as_str()).collect();
    let logs = lines.join("\n");
    connection
        .prepare_cached(
            "UPDATE bodies SET bytes = bytes - length(CAST(logs AS BLOB)) + ?3, logs = ?2
             WHERE invocation IN (SELECT id FROM invocations WHERE request_id = ?1)",
        )?
        .execute(params![request_id, logs, logs.len() as i64])?;
    Ok(())
}

/// The newest invocations keep their figures, fewer of them their bodies.
pub(super) fn prune(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "DELETE FROM bodies WHERE invocation <= (
             SELECT max(invocation) FROM (
                 SELECT invocation, sum(bytes) OVER (ORDER BY invocation DESC) AS total FROM bodies
             ) WHERE total > ?1)",
        params![KEPT_BYTES],
    )?;
    for table in
        ["bodies WHERE invocation", "invocations WHERE id", "builds WHERE id", "deploys WHERE id"]
    {
        let newest = table
            .split(' ')
            .next()
            .map_or("invocations", |name| if name == "bodies" { "invocations" } else { name });
        connection.execute(
            &format!("DELETE FROM {table} <= (SELECT max(id) FROM {newest}) - ?1"),
            params![KEPT],
        )?;
    }
    Ok(())
}

/// The invocations with a report, oldest first.
pub(super) fn samples(
    connection: &Connection,
    function: &str,
    stage: &str,
    since: i64,
) -> rusqlite::Result<Vec<Sample>> {
    connection
        .prepare_cached(
            "SELECT at, request_id, init_ms, duration_ms, billed_ms, max_memory_mb, emulated, \
            function_error IS NOT NULL
             FROM invocations WHERE function = ?1 AND stage = ?2 AND at >= ?3 AND duration_ms IS \
             NOT NULL ORDER BY at, id",
        )?
        .query_map(params![function, stage, since], |row| {
            Ok(Sample {
                at: row.get(0)?,
                request_id: row.get(1)?,
                init_ms: row.get(2)?,
                duration_ms: row.get(3)?,
                billed_ms: row.get::<_, i64>(4)? as u64,
                max_memory_mb: row.get(5)?,
                emulated: row.get(6)?,
                failed: row.get(7)?,
            })
        })?
        .collect()
}
