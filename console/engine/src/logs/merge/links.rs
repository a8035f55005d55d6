//! Assigns the lines of a stream to their requests, in whatever order the lines arrive. Pure.
//!
//! A function's own lines seldom name their request: it is the one whose START is the last before
//! them in their stream. On managed instances requests run at the same time in one stream, so there
//! a line belongs only to a request that it names.

use std::collections::BTreeMap;

use crate::logs::platform_lines::{self, Mark};

/// The position of a line in its stream: its timestamp and its rank.
pub(super) type Place = (i64, i64);

/// Positions in one stream at which requests begin and end.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// The request that runs from a position on; `None` if none runs.
    marks: BTreeMap<Place, Option<String>>,
    is_managed: bool,
}

/// Information in a line about its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    /// It names a request; the lines after it belong to the second request, or to none.
    Mark(String, Option<String>),
    /// It names a request.
    Named(String),
    /// It is from a managed instance, and may name a request.
    Managed(Option<String>),
    /// Nothing.
    Nothing,
}

impl LineKind {
    /// Reads it from the line.
    pub(super) fn of(message: &str) -> Self {
        if platform_lines::is_of_managed_instance(message) {
            return Self::Managed(platform_lines::request_id(message));
        }
        match platform_lines::mark(message) {
            Some(Mark::Start(id)) => Self::Mark(id.clone(), Some(id)),
            // The REPORT comes after END, and on a timeout there may be no END at all.
            Some(Mark::Report(id, _)) => Self::Mark(id, None),
            Some(Mark::End(id)) => Self::Named(id),
            None => platform_lines::request_id(message).map_or(Self::Nothing, Self::Named),
        }
    }

    /// Returns `true` if the line's request is known without other lines.
    pub(super) const fn is_named(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Managed(None))
    }
}

impl Links {
    /// Returns the request of a line with the content `kinds` at `place`, and the change for the
    /// lines that follow it: the position up to which (`None`: up to the end) they belong to
    /// another request, and that request.
    pub(super) fn take(
        &mut self,
        place: Place,
        kinds: LineKind,
    ) -> (Option<String>, Option<(Option<Place>, String)>) {
        match kinds {
            LineKind::Named(id) => (Some(id), None),
            LineKind::Managed(id) => {
                self.is_managed = true;
                self.marks.clear();
                (id, None)
            }
            LineKind::Mark(id, from_here) => {
                if self.is_managed {
                    return (Some(id), None);
                }
                let next =
                    self.marks.range(place..).map(|(next, _)| *next).find(|next| *next > place);
                self.marks.insert(place, from_here.clone());
                (Some(id), from_here.map(|request| (next, request)))
            }
            LineKind::Nothing => (
                self.marks.range(..place).next_back().and_then(|(_, request)| request.clone()),
                None,
            ),
        }
    }

    /// Moves a line from one position to another.
    pub(super) fn moved(&mut self, from: Place, to: Place) {
        if let Some(mark) = self.marks.remove(&from) {
            self.marks.insert(to, mark);
        }
    }

    /// Removes entries older than `time`, except for those that still apply then. Returns `false`
    /// if none are left.
    pub(super) fn forget(&mut self, time: i64) -> bool {
        let kept = self.marks.split_off(&(time, i64::MIN));
        let old = std::mem::replace(&mut self.marks, kept);
        if let Some((place, Some(request))) = old.into_iter().next_back() {
            // No request runs longer than a quarter of an hour.
            if place.0 >= time - 16 * 60 * 1000 {
                self.marks.insert(place, Some(request));
            }
        }
        self.is_managed || !self.marks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(id: &str) -> LineKind {
        LineKind::Mark(id.into(), Some(id.into()))
    }

    fn report(id: &str) -> LineKind {
        LineKind::Mark(id.into(), None)
    }

    #[test]
    fn lines_are_of_the_request_that_was_started_before_them() {
        let mut links = Links::default();
        assert_eq!(links.take((1, 0), LineKind::Nothing).0, None);
        links.take((2, 0), start("a"));
        assert_eq!(links.take((2, 1), LineKind::Nothing).0.as_deref(), Some("a"));
        links.take((3, 0), report("a"));
        assert_eq!(links.take((4, 0), LineKind::Nothing).0, None);
        assert_eq!(links.take((4, 0), LineKind::Named("z".into())).0.as_deref(), Some("z"));
    }

    #[test]
    fn a_late_start_has_the_count_of_its_lines() {
        let mut links = Links::default();
        links.take((9, 0), start("b"));
        assert_eq!(links.take((5, 0), start("a")).1, Some((Some((9, 0)), "a".into())));
        assert_eq!(links.take((10, 0), start("c")).1, Some((None, "c".into())));
        assert_eq!(links.take((7, 0), LineKind::Nothing).0.as_deref(), Some("a"), "late as well");
    }

    #[test]
    fn in_a_managed_instance_s_stream_only_names_count() {
        let mut links = Links::default();
        links.take((1, 0), LineKind::Managed(None));
        assert_eq!(links.take((2, 0), start("a")), (Some("a".into()), None));
        assert_eq!(links.take((3, 0), LineKind::Nothing).0, None);
    }

    #[test]
    fn what_runs_is_not_forgotten() {
        let mut links = Links::default();
        links.take((1, 0), start("a"));
        links.take((2, 0), report("a"));
        links.take((3, 0), start("b"));
        assert!(links.forget(100));
        assert_eq!(
            (links.marks.len(), links.take((101, 0), LineKind::Nothing).0.as_deref()),
            (1, Some("b"))
        );
        links.take((102, 0), report("b"));
        assert!(!links.forget(200));
    }

    #[test]
    fn platform_lines_are_parsed_from_their_text() {
        let id = "8f5a1d0e-0b5c-4f3c-9d7a-2f6c1f1f4b11";
        assert_eq!(LineKind::of(&format!("START RequestId: {id} Version: 1")), start(id));
        assert_eq!(LineKind::of(&format!("END RequestId: {id}")), LineKind::Named(id.into()));
        assert_eq!(LineKind::of("hello"), LineKind::Nothing);
        let managed = r#"{"type":"platform.initStart","record":{"initializationType":"lambda-managed-instances"}}"#;
        assert_eq!(LineKind::of(managed), LineKind::Managed(None));
    }
}
