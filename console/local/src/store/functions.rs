//! The functions on disk: one JSON file each, written completely before a change takes effect.
//! Touches these files only.

use std::{
    collections::BTreeMap,
    fs, io,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{Mutex, MutexGuard};

use super::{
    code_store::CodeStore,
    damage::{self, Damage},
    disk,
    function::{Function, State},
    function_record::FunctionRecord,
};
use crate::{http::error::ApiError, invoke::concurrency::Concurrency};

/// All functions by name.
pub(crate) struct Functions {
    dir: PathBuf,
    known: RwLock<BTreeMap<String, Arc<FunctionRecord>>>,
    changing: Mutex<()>,
    codes: Arc<CodeStore>,
    /// Receives every reservation.
    concurrency: Arc<Concurrency>,
}

/// The exclusive right to change functions.
pub(crate) struct Change<'a> {
    functions: &'a Functions,
    _turn: MutexGuard<'a, ()>,
}

impl Functions {
    /// Reads the functions, registers their code with `codes`, and completes the operations that an
    /// earlier process did not. The layers must be read first.
    pub(crate) fn open(
        dir: &Path,
        codes: &Arc<CodeStore>,
        concurrency: Arc<Concurrency>,
        damage: &Damage,
    ) -> io::Result<Self> {
        damage.own_dir(dir)?;
        let mut known = BTreeMap::new();
        for (_, mut record) in
            damage.all(dir, "a function of the local Lambda", |record: &FunctionRecord| {
                Some(&record.latest.name)
            })?
        {
            record.all().for_each(|function| codes.keep(function));
            record.hold(codes);
            concurrency.reserve(&record.latest.name, record.latest.reserved);
            known.insert(record.latest.name.clone(), Arc::new(record));
        }
        // Only now is the set of unused code known.
        let unfinished = |record: &&mut Arc<FunctionRecord>| {
            matches!(record.latest.state, State::Pending | State::Updating)
        };
        for record in known.values_mut().filter(unfinished) {
            // The existing code is verified before its first use.
            let outcome =
                if codes.is_there(&record.latest) { Ok(()) } else { codes.unpack(&record.latest) };
            if let Some(unused) = Arc::make_mut(record).settle(outcome) {
                codes.release(&unused);
            }
        }
        let codes = Arc::clone(codes);
        Ok(Self {
            dir: dir.to_owned(),
            known: RwLock::new(known),
            changing: Mutex::new(()),
            codes,
            concurrency,
        })
    }

    /// Returns `$LATEST` of the function of that name.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Function>> {
        self.record(name).map(|record| Arc::clone(&record.latest))
    }

    /// Returns the record of the function of that name.
    pub(crate) fn record(&self, name: &str) -> Option<Arc<FunctionRecord>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Returns `true` if a version is unchanged: it was neither changed nor deleted since.
    pub(crate) fn is_current(&self, function: &Function) -> bool {
        let record = self.record(&function.name);
        let running = record.as_ref().and_then(|record| record.running(&function.version));
        running.is_some_and(|running| running.revision == function.revision)
    }

    /// Returns all functions in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<FunctionRecord>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Returns up to `count` functions in the order of their names, from that name on.
    pub(crate) fn starting_at(&self, name: &str, count: usize) -> Vec<Arc<FunctionRecord>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let from = (Bound::Included(name), Bound::Unbounded);
        known.range::<str, _>(from).take(count).map(|(_, record)| Arc::clone(record)).collect()
    }

    /// Waits for the exclusive right to change functions.
    pub(crate) async fn change(&self) -> Change<'_> {
        Change { functions: self, _turn: self.changing.lock().await }
    }

    /// Returns `true` if a function of that name exists, or did until its file was found damaged.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.record(name).is_some() || damage::was_set_aside(&self.file(name))
    }

    /// Log groups of all functions.
    pub(crate) fn log_groups(&self) -> Vec<String> {
        self.all().iter().map(|record| record.latest.logging.log_group.clone()).collect()
    }

    /// Returns `true` if any files of functions were set aside, which may need code that no other
    /// function needs.
    pub(crate) fn any_set_aside(&self) -> bool {
        damage::asides(&self.dir).next().is_some()
    }

    fn file(&self, name: &str) -> PathBuf {
        disk::file_of(&self.dir, name)
    }
}

impl Change<'_> {
    /// Creates a function, or replaces its `$LATEST`; the rest stays unchanged.
    pub(crate) fn put(&self, function: &Arc<Function>) -> Result<Arc<FunctionRecord>, ApiError> {
        self.store(match self.functions.record(&function.name) {
            Some(record) => {
                FunctionRecord { latest: Arc::clone(function), ..FunctionRecord::clone(&record) }
            }
            None => FunctionRecord::new(Arc::clone(function)),
        })
    }

    /// Creates or replaces the record of a function. Returns it as stored.
    pub(crate) fn store(&self, record: FunctionRecord) -> Result<Arc<FunctionRecord>, ApiError> {
        let file = self.functions.file(&record.latest.name);
        disk::write_json(&file, &record).map_err(|error| {
            ApiError::service(&format!("could not write {}", file.display()), &error)
        })?;
        Ok(self.remember(record))
    }

    /// As [`store`](Self::store), but leaves the file unchanged: for changes that a new process
    /// would detect by itself.
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
        fs::remove_file(&file).map_err(|error| {
            ApiError::service(&format!("could not remove {}", file.display()), &error)
        })?;
        self.functions.concurrency.reserve(name, None);
        self.functions.known.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        Ok(())
    }
}
