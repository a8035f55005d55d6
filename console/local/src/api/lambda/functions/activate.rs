//! What is behind `Pending` and `InProgress`: the code that a function needs is unpacked after the call was answered.

use crate::{
    service::Service,
    store::{function::Function, function_record::FunctionRecord},
};
use std::sync::Arc;

/// Unpacks what `$LATEST`, as it was just stored, needs, and says in its state how that went. What was there before runs
/// until then; its sandboxes end then. A process that ends before leaves this to the next one's start.
pub(crate) fn begin(service: &Arc<Service>, latest: Arc<Function>) {
    let service = Arc::clone(service);
    tokio::spawn(async move {
        let outcome = service.codes.unpack_in_turn(&latest).await;
        let change = service.functions.change().await;
        let record = service.functions.record(&latest.name);
        // It may have been deleted, and even made again.
        let Some(record) = record.filter(|record| record.latest.revision == latest.revision) else { return };
        let mut record = FunctionRecord::clone(&record);
        let failed = outcome.is_err();
        let unused = record.settle(outcome);
        // A success is what a new process would find out by itself.
        if failed && let Err(error) = change.store(record.clone()) {
            tracing::warn!(error.message, "a failed update is remembered until the local Lambda ends");
        }
        change.remember(record);
        drop(change);
        if let Some(unused) = unused {
            service.pool.retire(&unused);
            service.codes.release(&unused);
        }
    });
}
