//! The work behind `Pending` and `InProgress`: a function's code is unpacked after the call was
//! answered.

use std::sync::Arc;

use crate::{
    service::Service,
    store::{function::Function, function_record::FunctionRecord},
};

/// Unpacks the code of `$LATEST`, as it was just stored, and sets its state to the result. The
/// previous code runs until then; then its sandboxes end. If the process ends first, the next one
/// does this at its start.
pub(crate) fn begin(service: &Arc<Service>, latest: Arc<Function>) {
    let service = Arc::clone(service);
    tokio::spawn(async move {
        let outcome = service.codes.unpack_in_turn(&latest).await;
        let change = service.functions.change().await;
        let record = service.functions.record(&latest.name);
        // The function may have been deleted meanwhile, and even recreated.
        let Some(record) = record.filter(|record| record.latest.revision == latest.revision) else {
            return;
        };
        let mut record = FunctionRecord::clone(&record);
        let failed = outcome.is_err();
        let unused = record.settle(outcome);
        // A new process would detect a success by itself.
        if failed && let Err(error) = change.store(record.clone()) {
            tracing::warn!(
                error.message,
                "a failed update is remembered until the local Lambda ends"
            );
        }
        change.remember(record);
        drop(change);
        if let Some(unused) = unused {
            service.pool.retire(&unused);
            service.codes.release(&unused);
        }
    });
}
