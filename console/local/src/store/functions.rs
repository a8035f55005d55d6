//! The functions on disk: one JSON file each, written whole before a change counts. Touches these files only.

use super::{
    code_store::CodeStore,
    damage::{self, Damage},
    disk,
    function::{Function, State},
    function_record::FunctionRecord,
};
use crate::{http::error::ApiError, invoke::concurrency::Concurrency};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::{Mutex, MutexGuard};

/// All functions by name.
pub(crate) struct Functions {
    dir: PathBuf,
    known: RwLock<BTreeMap<String, Arc<FunctionRecord>>>,
    changing: Mutex<()>,
    codes: Arc<CodeStore>,
    /// Hears of every reservation.
    concurrency: Arc<Concurrency>,
}

/// The right to change functions, one at a time.
pub(crate) struct Change<'a> {
    functions: &'a Functions,
    _turn: MutexGuard<'a, ()>,
}

impl Functions {
    /// Reads them, says to `codes` which code is in use, and ends what an earlier process was about to. The layers
    /// must have been read before.
    pub(crate) fn open(
        dir: &Path,
        codes: &Arc<CodeStore>,
        concurrency: Arc<Concurrency>,
        damage: &Damage,
    ) -> io::Result<Self> {
        damage.own_dir(dir)?;
        let mut known = BTreeMap::new();
        for (_, mut record) in
            damage.all(dir, "a function of the local Lambda", |record: &FunctionRecord| Some(&record.latest.name))?
        {
            record.all().for_each(|function| codes.keep(function));
            record.hold(codes);
            concurrency.reserve(&record.latest.name, record.latest.reserved);
            known.insert(record.latest.name.clone(), Arc::new(record));
        }
        // Only now is it known what is not needed any more.
        let unfinished =
            |record: &&mut Arc<FunctionRecord>| matches!(record.latest.state, State::Pending | State::Updating);
        for record in known.values_mut().filter(unfinished) {
            // Whether what is there is good is seen before its first use.
            let outcome = if codes.is_there(&record.latest) { Ok(()) } else { codes.unpack(&record.latest) };
            if let Some(unused) = Arc::make_mut(record).settle(outcome) {
                codes.release(&unused);
            }
        }
        let codes = Arc::clone(codes);
        Ok(Self { dir: dir.to_owned(), known: RwLock::new(known), changing: Mutex::new(()), codes, concurrency })
    }

    /// `$LATEST` of the function of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Function>> {
        self.record(name).map(|record| Arc::clone(&record.latest))
    }

    /// All that is kept of the function of that name.
    pub(crate) fn record(&self, name: &str) -> Option<Arc<FunctionRecord>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Whether a version still runs as it is here: it was neither changed nor deleted since.
    pub(crate) fn is_current(&self, function: &Function) -> bool {
        let record = self.record(&function.name);
        let running = record.as_ref().and_then(|record| record.running(&function.version));
        running.is_some_and(|running| running.revision == function.revision)
    }

    /// All functions in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<FunctionRecord>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Waits for the turn to change something.
    pub(crate) async fn change(&self) -> Change<'_> {
        Change { functions: self, _turn: self.changing.lock().await }
    }

    /// Whether a function of that name is there, or was until its file was found damaged.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.record(name).is_some() || damage::was_set_aside(&self.file(name))
    }

    /// The log groups that they log to.
    pub(crate) fn log_groups(&self) -> Vec<String> {
        self.all().iter().map(|record| record.latest.logging.log_group.clone()).collect()
    }

    /// Whether the files of functions that were set aside may need code that no other function needs.
    pub(crate) fn any_set_aside(&self) -> bool {
        damage::asides(&self.dir).next().is_some()
    }

    fn file(&self, name: &str) -> PathBuf {
        disk::file_of(&self.dir, name)
    }
}

impl Change<'_> {
    /// Creates a function, or replaces its `$LATEST`; the rest stays.
    pub(crate) fn put(&self, function: &Arc<Function>) -> Result<Arc<FunctionRecord>, ApiError> {
        self.store(match self.functions.record(&function.name) {
            Some(record) => FunctionRecord { latest: Arc::clone(function), ..FunctionRecord::clone(&record) },
            None => FunctionRecord::new(Arc::clone(function)),
        })
    }

    /// Creates or replaces all that is kept of a function. Gives it as it is kept.
    pub(crate) fn store(&self, record: FunctionRecord) -> Result<Arc<FunctionRecord>, ApiError> {
        let file = self.functions.file(&record.latest.name);
        disk::write_json(&file, &record)
            .map_err(|error| ApiError::service(&format!("could not write {}", file.display()), &error))?;
        Ok(self.remember(record))
    }

    /// As [`store`](Self::store), but on disk it stays as it was: for what a new process would find out by itself.
    pub(crate) fn remember(&self, mut record: FunctionRecord) -> Arc<FunctionRecord> {
        record.hold(&self.functions.codes);
        let record = Arc::new(record);
        self.functions.concurrency.reserve(&record.latest.name, record.latest.reserved);
        let mut known = self.functions.known.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(record.latest.name.clone(), Arc::clone(&record));
        record
    }

    /// Removes a function.
    pub(crate) fn remove(&self, name: &str) -> Result<(), ApiError> {
        let file = self.functions.file(name);
        fs::remove_file(&file)
            .map_err(|error| ApiError::service(&format!("could not remove {}", file.display()), &error))?;
        self.functions.concurrency.reserve(name, None);
        self.functions.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}
