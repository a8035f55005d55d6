//! What stands behind the door: the functions, their code, their sandboxes and their logs, and the way from a request
//! to the API that it is for.

use crate::{
    call::{Body, Call},
    code::Codes,
    concurrency::Concurrency,
    disk,
    fault::Fault,
    functions::Functions,
    iam, lambda,
    limits::Limits,
    logs,
    logs::Logs,
    pool::Pool,
    query,
    queue::Queue,
    roles::Roles,
    sandbox::Surroundings,
    sts,
};
use http::Response;
use std::{path::Path, sync::Arc};

/// The AWS account that the local Lambda plays.
pub(crate) const ACCOUNT: &str = "000000000000";

/// Everything that the APIs work on.
pub(crate) struct Service {
    /// The AWS region in every ARN.
    pub(crate) region: String,
    /// The functions.
    pub(crate) functions: Functions,
    /// Their unpacked zips.
    pub(crate) codes: Arc<Codes>,
    /// The log groups.
    pub(crate) logs: Arc<Logs>,
    /// The sandboxes.
    pub(crate) pool: Arc<Pool>,
    /// The asynchronous invocations.
    pub(crate) queue: Queue,
    /// The IAM roles.
    pub(crate) roles: Roles,
}

impl Service {
    /// Reads what is on disk under `dir`. Blocks.
    pub(crate) fn open(
        dir: &Path,
        region: String,
        emulator: crate::Emulator,
        limits: Limits,
    ) -> std::io::Result<Arc<Self>> {
        disk::sweep(dir)?;
        let codes = Codes::open(&dir.join("code"))?;
        let concurrency = Concurrency::new(limits.concurrency);
        let functions = Functions::open(&dir.join("functions"), &codes, Arc::clone(&concurrency))?;
        codes.sweep()?;
        let logs = Logs::open(&dir.join("logs"), region.clone())?;
        let surroundings = Surroundings::new(region.clone(), emulator, limits, Arc::clone(&codes), Arc::clone(&logs))?;
        let pool = Pool::new(surroundings, concurrency);
        let queue = Queue::open(&dir.join("queue"))?;
        let roles = Roles::open(&dir.join("roles.json"))?;
        Ok(Arc::new(Self { region, functions, codes, logs, pool, queue, roles }))
    }

    /// Answers a request.
    pub(crate) async fn dispatch(self: &Arc<Self>, call: Call) -> Result<Response<Body>, Fault> {
        if let Some(target) = call.header("x-amz-target") {
            let Some(operation) = target.strip_prefix("Logs_20140328.") else {
                return Err(unknown(&format!("the target {target}")));
            };
            let operation = operation.to_owned();
            return logs::dispatch(&self.logs, &operation, &call).await;
        }
        if call.path == "/" {
            let form = query::pairs(&String::from_utf8_lossy(&call.body));
            let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
            return match (field("Action").unwrap_or_default(), field("Version")) {
                ("GetCallerIdentity", _) => Ok(sts::get_caller_identity(&call.request_id)),
                (action, Some("2010-05-08")) => iam::dispatch(&self.roles, action, &field, &call.request_id).await,
                (action, _) => Err(unknown(&format!("the action {action:?}"))),
            };
        }
        lambda::dispatch(self, &call).await
    }
}

/// An operation that this server does not have.
pub(crate) fn unknown(what: &str) -> Fault {
    Fault::new(404, "UnknownOperationException", format!("the local Lambda does not serve {what}"))
}
