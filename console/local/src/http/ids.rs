//! IDs of requests and of the objects that they create: there are several per request, and the
//! system's own random numbers would cost a system call each.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use uuid::Uuid;

/// Returns a random UUID: unique, but not secret. Consecutive numbers, each hashed with two keys
/// that the system generated.
pub(crate) fn uuid() -> Uuid {
    static KEYS: LazyLock<[RandomState; 2]> =
        LazyLock::new(|| [RandomState::new(), RandomState::new()]);
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let [high, low] = KEYS.each_ref().map(|key| u128::from(key.hash_one(number)));
    uuid::Builder::from_random_bytes((high << 64 | low).to_be_bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_random_uuids_and_no_two_are_the_same() {
        let ids: Vec<Uuid> = (0..10_000).map(|_| uuid()).collect();
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
        // The first halves of the IDs are unique, too.
        assert_eq!(
            ids.iter().map(|id| id.as_u64_pair().0).collect::<HashSet<_>>().len(),
            ids.len()
        );
        let ones: u32 = ids.iter().map(|id| id.as_u128().count_ones()).sum();
        assert!((62..66).contains(&(ones / 10_000)), "{ones}");
    }
}
