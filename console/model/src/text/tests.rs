use super::*;

#[test]
fn escape_sequences_are_left_out_whole() {
    for (text, expected) in [
        ("a\u{1b}[32mINFO\u{1b}[0m hi", "aINFO hi"),
        ("\u{1b}]52;c;aGk=\u{7}x", "x"),
        ("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
        ("\u{1b}P1$r0m\u{1b}\\x\u{1b}_G\u{9c}y\u{1b}^p\u{1b}\\z", "xyz"),
        ("\u{9b}2Jx\u{9d}0;title\u{9c}y", "xy"),
        ("\u{1b}(Bx\u{1b}#8y\u{1b}cz\u{1b}7", "xyz"),
        ("\u{1b}[1\u{1b}[2Kx", "x"),
        ("\u{1b}[1;é", "é"),
        ("\u{1b}\u{1b}[31mx", "x"),
        ("cut\u{1b}[", "cut"),
        ("cut\u{1b}]0;never ended\nnext", "cut\nnext"),
        ("\u{1b}", ""),
    ] {
        assert_eq!(clean(text), expected, "{text:?}");
    }
}

#[test]
fn line_breaks_are_line_feeds_and_tabs_stay() {
    assert_eq!(clean("a\r\nb\rc\n\rd\u{2028}e\u{85}f\u{b}g"), "a\nb\nc\n\nd\ne\nf\ng");
    assert_eq!(clean("a\tb"), "a\tb");
}

#[test]
fn what_controls_or_reorders_is_replaced_and_what_is_invisible_is_left_out() {
    assert_eq!(clean("a\u{0}\u{8}\u{7f}\u{84}b"), "a\u{fffd}\u{fffd}\u{fffd}\u{fffd}b");
    assert_eq!(clean("safe\u{202e}txt.exe\u{2069}\u{200f}"), "safe\u{fffd}txt.exe\u{fffd}\u{fffd}");
    assert_eq!(clean("\u{feff}a\u{200b}b\u{ad}c\u{2060}"), "abc");
    assert_eq!(
        clean("\u{301}a\u{301}\n\u{3099}b"),
        "\u{fffd}a\u{301}\n\u{fffd}b",
        "a mark on nothing"
    );
}

#[test]
fn text_of_any_script_stays_as_it_is() {
    for text in [
        "grüße",
        "日本語か\u{3099}",
        "👩🏻\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}👨🏻 🏴\u{e0067}\u{e0062}\u{e007f}",
        "שלום",
        "فارسی\u{200c}ها",
    ] {
        assert!(matches!(clean(text), Cow::Borrowed(same) if same == text), "{text:?}");
    }
}

#[test]
fn marks_without_end_are_cut() {
    let text = format!("a{}b", "\u{301}".repeat(1_000_000));
    assert!(clean(&text).len() < 100 && clean(&text).ends_with("\u{fffd}b"));
}

#[test]
fn colours_are_kept_where_they_are_wanted_and_nothing_else() {
    for (text, expected) in [
        ("\u{1b}[1m\u{1b}[92mok\u{1b}[0m \u{1b}[Kx", "\u{1b}[1m\u{1b}[92mok\u{1b}[0m x"),
        ("\u{1b}[38;5;9mred", "\u{1b}[38;5;9mred\u{1b}[0m"),
        ("\u{1b}]0;t\u{1b}\\a\u{1b}[2Jb\u{202e}", "ab\u{fffd}"),
        ("plain [text]", "plain [text]"),
    ] {
        assert_eq!(clean_but_colours(text), expected, "{text:?}");
    }
}

#[test]
fn the_start_of_a_long_text_is_the_start_of_all_of_it() {
    let text = format!("{}日本{}", "\u{1b}[31m".repeat(1000), "x".repeat(100_000));
    let start = clean_start(&text, 20);
    assert!(start.starts_with("日本xxx") && start.len() < 20_000);
}
