//! Arbitrary text in arbitrary widths: no panic, no loss, never wider than requested.
//! `TEXT_FUZZ_RUNS` is the number of texts.

use lambda_console_model::text::{
    Cleaner, cells, clean, clean_but_colours, clean_start, clusters, columns, fit, is_unsafe, pad,
    pad_left,
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};
use unicode_segmentation::UnicodeSegmentation as _;

use super::{line_columns, rows, window, wrap};

const RUNS: u64 = 2_000;

/// Parts of texts, besides arbitrary characters.
const PIECES: [&str; 64] = [
    "a",
    "b",
    "NN",
    " ",
    "  ",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\r",
    "word ",
    "é",
    "日",
    "本",
    "か\u{3099}",
    "ｶ\u{ff9e}",
    "\u{3099}",
    "\u{301}",
    "\u{338}",
    "\u{200d}",
    "\u{200c}",
    "\u{fe0f}",
    "\u{fe0e}",
    "⚠\u{fe0f}",
    "⚠",
    "👩",
    "👨\u{200d}👩\u{200d}👧",
    "\u{1f3fd}",
    "❤",
    "\u{1f1e9}",
    "\u{1f1ea}",
    "🏴\u{e0067}\u{e0062}\u{e007f}",
    "\u{e0067}",
    "1\u{fe0f}\u{20e3}",
    "\u{1112}",
    "\u{1161}",
    "\u{11ab}",
    "한",
    "\u{3164}",
    "\u{115f}",
    "क्ष",
    "\u{94d}",
    "\u{93f}",
    "ำ",
    "لا",
    "\u{600}",
    "\u{110bd}",
    "\u{17d8}",
    "\u{2d7f}",
    "\u{200b}",
    "\u{feff}",
    "\u{ad}",
    "\u{2060}",
    "\u{202e}",
    "\u{2066}",
    "\u{1b}",
    "\u{1b}[31m",
    "\u{1b}[2J",
    "\u{1b}]52;c;",
    "\u{1b}\\",
    "\u{7}",
    "\u{9b}",
    "\u{90}",
    "\u{85}",
];

/// Reproducible pseudo-random numbers (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % end as u64) as usize
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..self.below(20) {
            match self.below(8) {
                0 => text.extend(char::from_u32(self.below(0x11_0000) as u32)),
                1 => text.extend(char::from_u32(self.below(0x3000) as u32)),
                // One piece repeatedly: an unlimited cluster.
                2 => {
                    let (piece, times) = (PIECES[self.below(PIECES.len())], self.below(30));
                    text.push_str(&piece.repeat(times));
                }
                _ => text.push_str(PIECES[self.below(PIECES.len())]),
            }
        }
        text
    }
}

#[test]
fn no_text_breaks_the_screen() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let runs = number("TEXT_FUZZ_RUNS").unwrap_or(RUNS);
    let first = number("TEXT_FUZZ_SEED").unwrap_or(0);
    for seed in first..first + runs {
        let mut random = Random(seed);
        let text = random.text();
        let (width, left) = (random.below(14), random.below(3) * random.below(9));
        let cut = text.floor_char_boundary(random.below(text.len() + 1));
        let of = format!("seed {seed}, width {width}, left {left}, cut {cut}: {text:?}");
        filtered(&text, cut, &of);
        laid_out(&text, width, &of);
        for pieces in [vec![text.as_str()], vec![text.split_at(cut).0, text.split_at(cut).1]] {
            let line = window(pieces.iter().map(|piece| (*piece, Style::new())), left, width);
            assert!(line_columns(&line) <= width, "{of}: {line:?}");
            drawn(&line, &of);
        }
    }
}

/// Checks that no character is left that controls or reorders, and that cleaning in pieces has the
/// same result.
fn filtered(text: &str, cut: usize, of: &str) {
    let cleaned = clean(text);
    assert_eq!(clean(&cleaned), cleaned, "{of}: not idempotent");
    let found: Vec<&str> = clusters(text).map(|(cluster, _)| cluster).collect();
    assert_eq!(found, text.graphemes(true).collect::<Vec<_>>(), "{of}");
    let is_left = |character: char| is_unsafe(character) && !matches!(character, '\t' | '\n');
    assert!(!cleaned.contains(is_left), "{of}: {cleaned:?}");
    let (mut whole, mut pieces) = (String::new(), String::new());
    Cleaner::default().push(text, &mut whole);
    let mut cleaner = Cleaner::default();
    let (first, second) = text.split_at(cut);
    cleaner.push(first, &mut pieces);
    cleaner.push(second, &mut pieces);
    assert_eq!(whole, pieces, "{of}");
    assert!(!whole.contains(is_left), "{of}: {whole:?}");
    let coloured = clean_but_colours(text);
    for (at, piece) in coloured.split('\u{1b}').enumerate() {
        assert!(
            at == 0 || piece.trim_start_matches(['[', ';', ':']).contains('m'),
            "{of}: {coloured:?}"
        );
        assert!(!piece.contains(is_left), "{of}: {coloured:?}");
    }
    for length in [0, 1, 7] {
        let start = clean_start(text, length);
        let first =
            |text: &str| -> String { cells(text, 0).take(length).map(|(cell, _)| cell).collect() };
        assert_eq!(first(&start), first(&cleaned), "{of}: the start");
    }
}

fn laid_out(text: &str, width: usize, of: &str) {
    let visible = |text: &str| text.replace([' ', '\t', '\n'], "");
    let all = visible(&clean(text));
    for lines in [wrap(text, width), rows(text, width, usize::MAX)] {
        assert_eq!(visible(&lines.concat()), all, "{of}: {lines:?}");
        for line in &lines {
            let is_alone = cells(line, 0).count() == 1;
            assert!(columns(line) <= width || is_alone, "{of}: {line:?}");
            drawn(&Line::raw(line.as_str()), of);
        }
    }
    let fitted = fit(text, width);
    assert!(columns(&fitted) <= width, "{of}: {fitted:?}");
    assert!(fitted.ends_with('…') || width == 0 || visible(&fitted) == all, "{of}: {fitted:?}");
    assert_eq!(
        (columns(&pad(text, width)), columns(&pad_left(text, width))),
        (width, width),
        "{of}"
    );
    drawn(&Line::raw(fitted), of);
}

/// Checks that ratatui draws a line in as many columns as were measured.
fn drawn(line: &Line<'_>, of: &str) {
    let columns = line_columns(line);
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns as u16 + 8, 1));
    let (end, _) = buffer.set_line(0, 0, line, columns as u16 + 8);
    assert_eq!(usize::from(end), columns, "{of}: {line:?}");
}
