//! Suggestion of a known name for a mistyped one.

/// Returns the name of `known` that `name` is most likely a typo of. `None` if none is close.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let most = (name.chars().count() / 3).max(1);
    let name = name.to_lowercase();
    let near = known.into_iter().map(|known| (distance(&name, &known.to_lowercase()), known));
    near.filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// Returns the number of letters that are added, removed, replaced, or swapped with their
/// neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let width = other.len() + 1;
    let mut rows = vec![0; width * (one.len() + 1)];
    for at in 0..=one.len() {
        for to in 0..width {
            let cell = |at: usize, to: usize| rows[at * width + to];
            rows[at * width + to] = if at == 0 || to == 0 {
                at + to
            } else {
                let is_other = usize::from(one[at - 1] != other[to - 1]);
                let is_swapped = at > 1
                    && to > 1
                    && one[at - 1] == other[to - 2]
                    && one[at - 2] == other[to - 1];
                let swapped = if is_swapped { cell(at - 2, to - 2) + 1 } else { usize::MAX };
                (cell(at - 1, to) + 1)
                    .min(cell(at, to - 1) + 1)
                    .min(cell(at - 1, to - 1) + is_other)
                    .min(swapped)
            };
        }
    }
    rows[width * one.len() + other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_keyboard_is_near_and_another_word_is_not() {
        let keys = ["memory", "timeout", "tags", "env"];
        for (typed, meant) in
            [("memroy", "memory"), ("Timeout", "timeout"), ("tag", "tags"), ("envv", "env")]
        {
            assert_eq!(nearest(typed, keys), Some(meant));
        }
        for typed in ["url", "policies", "", "role"] {
            assert_eq!(nearest(typed, keys), None, "{typed}");
        }
        assert_eq!(nearest("EVT", ["evt"]), Some("evt"));
    }
}
