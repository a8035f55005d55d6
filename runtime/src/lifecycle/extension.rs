//! An internal extension that does nothing. Lambda sends SIGTERM only to sandboxes that have an
//! extension, so a function that wants the signal registers one.

use crate::log;
use crate::runtime_api::connection::{Broken, Connection};
use crate::runtime_api::end::{End, excerpt};
use crate::runtime_api::endpoint::Endpoint;

const REGISTERING: &str = "registering for SIGTERM";

/// A registered extension: a connection on which nothing ever arrives. It lasts until it is
/// dropped.
#[derive(Debug)]
pub(crate) struct Extension {
    _idle: Connection,
}

/// Registers. Without the Extensions API (emulators have none) this only logs a line; the function
/// serves anyway.
pub(crate) async fn register(endpoint: &Endpoint) -> Option<Extension> {
    match try_register(endpoint).await {
        Ok(Ok(extension)) => return Some(extension),
        Ok(Err((404, _))) => {
            log::debug("there is no Extensions API here: SIGTERM may never arrive");
        }
        Ok(Err((status, body))) => {
            log::warn(format_args!(
                "SIGTERM will not arrive: the Extensions API answered {status}: {body}"
            ));
        }
        Err(end) => log::warn(format_args!("SIGTERM will not arrive: {end}")),
    }
    None
}

async fn try_register(endpoint: &Endpoint) -> Result<Result<Extension, (u16, String)>, End> {
    let broken = |broken| End::broken(REGISTERING, broken);
    let lost = |error| broken(Broken::Silent(error));
    let mut connection = Connection::new(endpoint.connect().await.map_err(lost)?);
    connection.send(&endpoint.register(env!("CARGO_PKG_NAME")), None, &[]).await.map_err(lost)?;
    connection.receive(false).await.map_err(broken)?;
    let (head, body) = (&connection.head, connection.body());
    let id = head.fields.extension_id.range().and_then(|span| connection.buffer.get(span));
    let id = match (head.status, id.and_then(|id| std::str::from_utf8(id).ok())) {
        (200..300, Some(id)) => id.to_owned(),
        (status, _) => return Ok(Err((status, excerpt(body)))),
    };
    if connection.finished {
        connection = Connection::new(endpoint.connect().await.map_err(lost)?);
    }
    // Requesting the next event marks the extension as ready. It registered for no events, so none
    // will arrive.
    connection.send(&endpoint.extension_next(&id), None, &[]).await.map_err(lost)?;
    Ok(Ok(Extension { _idle: connection }))
}
