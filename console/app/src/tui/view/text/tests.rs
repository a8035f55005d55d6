use ratatui::{layout::Rect, style::Color};

use super::*;

fn plain(text: &str, left: usize, width: usize) -> String {
    window([(text, Style::new())], left, width).to_string()
}

#[test]
fn nothing_that_controls_the_terminal_gets_through() {
    assert_eq!(plain("a\u{1b}[31mred\u{1b}[0m\u{1b}]0;title\u{7}b", 0, 20), "aredb");
    assert_eq!(plain("\u{1b}c\u{7}\u{9b}2J\u{202e}x", 0, 20), "\u{fffd}\u{fffd}x");
    assert_eq!(plain("cut\u{1b}[", 0, 20), "cut");
    assert_eq!(plain("line\r", 0, 20), "line");
}

#[test]
fn a_window_cuts_columns_not_bytes() {
    assert_eq!(plain("日本語", 0, 4), "日本");
    assert_eq!(plain("日本語", 0, 3), "日 ");
    assert_eq!(plain("日本語", 1, 4), " 本 ");
    assert_eq!(plain("a\tb", 0, 9), "a   b");
    assert_eq!(plain("a\tb", 2, 9), "  b");
    assert_eq!(plain("e\u{301}x", 0, 1), "e\u{301}");
    assert_eq!(plain("abc", 5, 4), "");
    assert!(plain(&format!("a{}", "\u{301}".repeat(1_000_000)), 0, 10).len() < 200);
}

#[test]
fn what_is_cut_off_is_marked() {
    assert_eq!(fit("backend", 7), "backend");
    assert_eq!(fit("ws-connect", 7), "ws-con…");
    assert_eq!(fit("日本語", 5), "日本…");
    assert_eq!(fit("x", 0), "");
    assert_eq!(pad("日本", 6), "日本  ");
    assert_eq!(pad_left("ab", 4), "  ab");
}

#[test]
fn text_is_broken_at_spaces() {
    assert_eq!(wrap("one two three", 7), ["one two", "three"]);
    assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
    assert_eq!(wrap("a\nb", 3), ["a", "b"]);
}

#[test]
fn figures_are_short() {
    assert_eq!(age(0, 59_999), "now");
    assert_eq!(age(0, 120_000), "2m ago");
    assert_eq!(count(100_000), "100,000");
    assert_eq!(count(7), "7");
    assert_eq!(clock(3_600_001, 3600), (2, 0, 0, 1));
}

#[test]
fn a_mark_on_the_right_edge_goes_with_its_letter() {
    assert_eq!(plain("か\u{3099}", 0, 1), " ");
    assert_eq!(plain("か\u{3099}", 0, 2), "か\u{3099}");
    for mark in ["\u{3099}", "\u{200d}", "\u{fe0f}", "\u{301}"] {
        for width in 0..6 {
            let line = plain(&format!("ab日{mark}"), 0, width);
            assert!(columns(&line) <= width, "{mark:?} {width}: {line:?}");
        }
    }
}

#[test]
fn emoji_that_need_a_selector_are_neither_cut_in_two_nor_lost() {
    let text = "⚠\u{fe0f}NN ".repeat(30);
    for width in 1..=40 {
        let count = |lines: Vec<String>| lines.concat().matches("⚠\u{fe0f}").count();
        assert_eq!(
            (count(wrap(&text, width)), count(rows(&text, width, 1000))),
            (30, 30),
            "at {width}"
        );
    }
    assert_eq!(wrap("👨\u{200d}👩\u{200d}👧x", 2), ["👨\u{200d}👩\u{200d}👧", "x"]);
}

#[test]
fn spaces_at_an_edge_are_the_break_and_an_indent_stays() {
    assert_eq!(wrap("  one two", 6), ["  one", "two"]);
    assert_eq!(wrap("  abcdef", 5), ["  abc", "def"]);
    assert_eq!(wrap("abc      def", 4), ["abc", "def"]);
    assert_eq!(wrap("abc ", 3), ["abc"]);
    assert_eq!(wrap("a\n\nb", 3), ["a", "", "b"]);
    assert_eq!(wrap("日本", 1), ["日", "本"]);
}

#[test]
fn rows_keep_spaces_and_are_no_more_than_asked_for() {
    assert_eq!(rows("ab  cd\r\nef", 3, 9), ["ab ", " cd", "ef"]);
    assert_eq!(rows(&"x".repeat(100_000), 10, 2).len(), 2);
    assert_eq!(rows("a\n\nb", 3, 2), ["a", ""]);
}

#[test]
fn what_is_drawn_is_cleaned_and_stays_within_its_width() {
    let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 8, 1));
    let line = Line::from(vec![Span::raw("\u{1b}[2Jab"), Span::raw("\u{202e}日本")]);
    assert_eq!(put_line(&mut buffer, (1, 0), &line, 6), 7);
    let drawn: String = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
    assert_eq!(drawn, " ab\u{fffd}日   ");
}

#[test]
fn text_is_measured_as_ratatui_draws_it() {
    let pairs = [
        "か\u{3099}",
        "ｶ\u{ff9e}",
        "ﾊ\u{ff9f}",
        "👩\u{200d}👩\u{200d}👧",
        "⚠\u{fe0f}",
        "⚠",
        "🏴\u{e0067}\u{e007f}",
    ];
    let single = (0..=0x0010_ffff).filter_map(char::from_u32).map(String::from);
    for text in
        single.chain(pairs.map(str::to_owned)).filter(|text| !text.contains(char::is_control))
    {
        let ours: usize =
            lambda_console_model::text::clusters(&text).map(|(_, columns)| columns).sum();
        let drawn: u16 = unicode_segmentation::UnicodeSegmentation::graphemes(text.as_str(), true)
            .map(ratatui::buffer::CellWidth::cell_width)
            .sum();
        assert_eq!(ours, usize::from(drawn), "{text:?}");
    }
}

#[test]
fn plain_text_is_drawn_as_ratatui_draws_it() {
    let area = Rect::new(3, 2, 8, 1);
    let (before, style) = (Style::new().bg(Color::Blue), Style::new().fg(Color::Red));
    for text in ["", "a", "REPORT", "12345678", "longer than it"] {
        for x in 3..=12 {
            for width in [0, 1, 5, 8, 100] {
                let (mut drawn, mut expected) = (Buffer::empty(area), Buffer::empty(area));
                drawn.set_style(area, before);
                expected.set_style(area, before);
                let column = put(&mut drawn, (x, 2), text, width, style);
                assert_eq!(column, expected.set_stringn(x, 2, text, width, style).0);
                assert_eq!(drawn, expected, "{text} at {x}, {width} wide");
            }
        }
    }
}
