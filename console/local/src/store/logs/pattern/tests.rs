//! AWS's documented examples, one table per kind of pattern, and texts that are not patterns.

use super::Pattern;

fn matches(pattern: &str, message: &str) -> bool {
    Pattern::parse(pattern)
        .unwrap_or_else(|error| panic!("{pattern}: {}", error.message))
        .matches(message)
}

fn check(message: &str, table: &[(&str, bool)]) {
    for (pattern, expected) in table {
        assert_eq!(matches(pattern, message), *expected, "{pattern} on {message}");
    }
}

fn refusal(pattern: &str) -> String {
    let error = Pattern::parse(pattern).expect_err(pattern);
    assert_eq!(error.code, "InvalidParameterException", "{pattern}");
    error.message
}

#[test]
fn words_phrases_exclusions_and_alternatives_match_as_documented() {
    let messages = [
        "[ERROR 400] BAD REQUEST",
        "[ERROR 401] UNAUTHORIZED REQUEST",
        "[ERROR 419] MISSING ARGUMENTS",
        "[ERROR 420] INVALID ARGUMENTS",
        "[INFO] REQUEST FAILED",
    ];
    for (pattern, expected) in [
        ("", [true; 5]),
        ("\" \"", [true; 5]),
        ("ERROR", [true, true, true, true, false]),
        ("error", [false; 5]),
        ("ERROR ARGUMENTS", [false, false, true, true, false]),
        ("?ERROR ?ARGUMENTS", [true, true, true, true, false]),
        ("?FAILED ?MISSING", [false, false, true, false, true]),
        ("ERROR -ARGUMENTS", [true, true, false, false, false]),
        ("-ERROR", [false, false, false, false, true]),
        ("\"BAD REQUEST\"", [true, false, false, false, false]),
        ("\"REQUEST BAD\"", [false; 5]),
        ("-\"BAD REQUEST\" REQUEST", [false, true, false, false, true]),
        // AWS ignores alternatives beside other terms.
        ("?ERROR REQUEST", [true, true, false, false, true]),
        ("?FAILED -ARGUMENTS", [true, true, false, false, true]),
    ] {
        let found: Vec<bool> = messages.iter().map(|message| matches(pattern, message)).collect();
        assert_eq!(found, expected, "{pattern}");
    }
    assert!(matches(r#""say \"hi\" \\""#, r#"we say "hi" \ there"#));
    assert!(matches("Größe", "die Größe"));
    assert!(matches("Exiting", "Exiting with ERRORCODE: -1\r\n"));
}

#[test]
fn regular_expressions_match_as_documented() {
    for (pattern, yes, no) in [
        ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", "[ERROR 400] BAD"),
        ("%^[hc]at%", "hat and more", "a hat"),
        ("%[hc]at$%", "the cat\n", "the cat sat"),
        ("%colou?r%", "color", "colr"),
        ("%[abcx-z]%", "__y__", "d"),
        ("%a{3,5}b%", "aaaab", "aab"),
        ("%gray|grey%", "grey", "groy"),
        (r"%10\.10\.0\.1%", "at 10.10.0.1", "at 10x10.0.1"),
        ("%ab*c%", "ac", "adc"),
        ("%ab+c%", "abbc", "ac"),
        (r"%\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}%", "from 127.0.0.1", "from 127.0.1"),
        (r"%\d\D\s\S\w\W%", "1a ba!", "1a  ba!"),
        (r"%\x28x\x29%", "f(x)", "fx"),
        (r"%\[x\]-\-%", "a [x]--", "x--"),
        (r"%[^0-9\s]+=@/;,:#%", "ab=@/;,:#", "1=@/;,:#"),
    ] {
        assert!(matches(pattern, yes), "{pattern} on {yes}");
        assert!(!matches(pattern, no), "{pattern} on {no}");
    }
}

#[test]
fn json_conditions_match_as_documented() {
    check(
        r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another value"],
            "objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"ThatFlag":false,
            "cluster.name":"c","it's":1}"#,
        &[
            (r#"{ $.eventType = "UpdateTrail" }"#, true),
            ("{$.eventType=UpdateTrail}", true),
            (r#"{ $.eventType = "*Trail" }"#, true),
            (r#"{ $.eventType = "Up*Trail" }"#, false),
            ("{ $.eventType = * }", true),
            ("{ $.eventType = %Trail% }", true),
            ("{ $.eventType != %Trail$% }", false),
            ("{ $.sourceIPAddress != 123.123.* }", true),
            ("{ $.sourceIPAddress = 111.111.* }", true),
            (r#"{ $.arrayKey[0] = "value" }"#, true),
            ("{ $.arrayKey[0] = %val.{2}% }", true),
            ("{ $.arrayKey[2] NOT EXISTS }", true),
            ("{ $.objectList[1].id = 2 }", true),
            ("{ $.objectList[1].id = 1 }", false),
            ("{ $.SomeObject IS NULL }", true),
            ("{ $.SomeOtherObject IS NULL }", false),
            ("{ $.SomeOtherObject NOT EXISTS }", true),
            ("{ $.SomeObject NOT EXISTS }", false),
            ("{ $.ThisFlag IS TRUE }", true),
            ("{ $.ThisFlag IS FALSE }", false),
            ("{ $.ThatFlag IS FALSE }", true),
            (r#"{ $.['cluster.name'] = "c" }"#, true),
            (r"{ $.['it\'s'] = 1 }", true),
            // It is not a single value: neither condition holds.
            ("{ $.arrayKey = 1 }", false),
            ("{ $.arrayKey != 1 }", false),
            ("{ $.SomeOtherObject != 1 }", false),
        ],
    );
    check(
        r#"{"user":{"id":1,"email":"John.Stiles@example.com"},
            "users":[{"id":2,"email":"John.Doe@example.com"},{"id":3,"email":"Jane.Doe@example.com"}],
            "actions":["GET","PUT","DELETE"],"coordinates":[[0,1,2],[4,5,6],[7,8,9]]}"#,
        &[
            (r#"{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }"#, true),
            (
                r#"{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }"#,
                false,
            ),
            (
                r#"{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }"#,
                true,
            ),
            (
                r#"{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = nomatch }"#,
                false,
            ),
            ("{ $.coordinates[2][1] = 8 }", true),
        ],
    );
    check(
        r#"{"latency":500,"numbers":[9999,0.0005],"errorCode":400,"big":9007199254740993,"account":"123456789012","minus":-3}"#,
        &[
            ("{ $.latency >= 500 }", true),
            ("{ $.latency > 500 }", false),
            ("{ $.latency < +1e3 }", true),
            ("{ $.latency <= 499.9 }", false),
            ("{ $.numbers[0] < 10e3 }", true),
            ("{ $.numbers[1] < 1e-3 }", true),
            ("{ $.errorCode = 400 }", true),
            ("{ $.errorCode = 400.0 }", true),
            ("{ $.errorCode != 500 }", true),
            ("{ $.errorCode = 4* }", true),
            ("{ $.errorCode = \"400\" }", true),
            ("{ $.big = 9007199254740992 }", false),
            ("{ $.account = 123456789012 }", true),
            ("{ $.account > 1 }", false),
            ("{ $.minus = -3 && $.minus < 0 }", true),
        ],
    );
    for message in ["", "no JSON", "[1]", "{", "\"{}\"", r#"INFO {"a":1}"#] {
        assert!(!matches("{ $.a NOT EXISTS || $.a = 1 }", message), "{message}");
    }
    assert!(matches("{ $.a NOT EXISTS }", " {}\n"));
}

#[test]
fn column_conditions_match_as_documented() {
    check(
        r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#,
        &[
            ("[ip, user, username, timestamp, request, status_code, bytes]", true),
            ("[ip, user, username, timestamp, request, status_code]", false),
            ("[ip, user, username, timestamp, request, status_code, bytes, more]", false),
            ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", true),
            ("[ip, user, username, timestamp, request, status_code, bytes > 2e3]", false),
            ("[ip, user, username, timestamp, request, status_code = 200, bytes]", false),
            ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", true),
            ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", true),
            (
                "[ip, user, username, timestamp, request, status_code = 403 || status_code = 404, \
                bytes]",
                true,
            ),
            (
                "[ip, user, username, timestamp, request, status_code != 403 && status_code != \
                404, bytes]",
                false,
            ),
            ("[..., status_code, bytes]", true),
            ("[ip, user, ..., status_code = 404, bytes]", true),
            ("[ip = 127*, user, ...]", true),
            (r"[ip=%127\.0\.0\.[1-9]%, user, ...]", true),
            ("[..., request=*.html*, status_code=4*,]", true),
            ("[,,,, request=\"GET /index.html HTTP/1.0\", ...]", true),
            ("[,, username = frank, timestamp = 10/Oct/2000:13:25:15*, ...]", true),
            ("[user > 1, ...]", false),
        ],
    );
    for (pattern, expected) in [
        ("[w1=ERROR, w2]", [false, true, false]),
        ("[w1=ERROR || w1=WARN, w2]", [false, true, true]),
        ("[w1!=ERROR&&w1!=WARN, w2]", [false, false, false]),
        ("[w1=ERROR, ...]", [true, true, false]),
    ] {
        let found = ["ERROR WARN message", "ERROR message", "WARN message"]
            .map(|message| matches(pattern, message));
        assert_eq!(found, expected, "{pattern}");
    }
    assert!(matches(
        "[type=REPORT, ..., used>100, unit=MB]",
        "REPORT RequestId: 1\tMax Memory Used: 128 MB\t\n"
    ));
    assert!(!matches("[a, b]", "an [open bracket") && matches("[a, b, c]", "an [open bracket"));
}

#[test]
fn a_malformed_pattern_is_refused_with_its_place() {
    for (pattern, expected) in [
        ("?", "Invalid character(s) in term '?' at character 1"),
        ("\"\"", "Invalid character(s) in term '\"\"'"),
        ("a -", "in term '-' at character 3"),
        ("mail a@b.c", "in term 'a@b.c' at character 6; a term with other characters"),
        ("\"a\"b", "in term '\"a\"b'"),
        ("a \"open", "unclosed quote at character 3, before '\"'"),
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("[a, b", "If a filter pattern starts with '[' it must end with ']'"),
        ("{ }", "a property selector such as $.name is missing at character 3"),
        ("{ $.a }", "a comparison, IS NULL, IS TRUE, IS FALSE or NOT EXISTS is missing"),
        ("{ $.a EXISTS }", "is missing at character 7"),
        ("{ $.a = 1 } }", "the pattern should end at character 13"),
        ("{ $.a = 1 && }", "a property selector such as $.name is missing at character 14"),
        ("{ ($.a = 1 }", "')' is missing at character 12"),
        ("{ $ = 1 }", "a selector continues with '.'"),
        ("{ $[0] = 1 }", "a selector continues with '.'"),
        ("{ $.a[x] = 1 }", "an element's number is missing at character 7"),
        ("{ $.a[*] = 1 }", "an element's number is missing"),
        ("{ $.a@b = 1 }", "is missing at character 6"),
        ("{ $.a > abc }", "compare with numbers only; something else is at character 9"),
        ("{ $.a = }", "a value is missing"),
        ("{ $.a == 1 }", "a value is missing"),
        ("{ $.a = %x% || $.b = %y% || $.c = %z% }", "two regular expressions at most"),
        ("[a, b = 4* && c > 1]", "\"b\" is named \"c\""),
        ("[..., a, ...]", "one ... only; another is at character 10"),
        ("[a = 1 b]", "']' is missing"),
        ("%open", "without a closing '%' at character 1"),
        ("%%", "a regular expression is empty"),
        (
            "%something!%",
            "'!' is not supported in a regular expression; write \\x21; it is at character 11",
        ),
        ("%(a)%", "'(' is not supported"),
        (r"%\(a\)%", "a backslash must be followed by"),
        ("%a b%", "write \\s"),
        ("%größe%", "'ö' is not supported"),
        ("%a{2,1}%", "the regular expression at character 1"),
        ("%[a%", "the regular expression at character 1"),
        (r"%\xZZ%", "two hexadecimal digits"),
        ("%a% b", "the pattern should end"),
    ] {
        let message = refusal(pattern);
        assert!(message.contains(expected), "{pattern}: {message}");
    }
    assert!(refusal(&"a".repeat(1025)).contains("less than or equal to 1024"));
    assert!(
        refusal(&format!("{{ {}$.a = 1{} }}", "(".repeat(40), ")".repeat(40)))
            .contains("nested deeper")
    );
    assert!(matches(&format!("{{ {}$.a = 1{} }}", "(".repeat(32), ")".repeat(32)), r#"{"a":1}"#));
}

#[test]
fn an_expression_that_would_cost_too_much_is_refused_and_the_dearest_one_ends() {
    for pattern in
        ["%a{1000}{1000}{1000}%", "%.{100000}%", &format!("%{}%", "[a-z]{900}".repeat(50))]
    {
        assert!(refusal(pattern).contains("the regular expression"), "{pattern}");
    }
    // Backtracking would exceed the time limit.
    let message = "a".repeat(50_000);
    for pattern in
        ["%a*a*a*a*a*a*a*a*a*a*b%", "%a?a?a?a?a?a?a?a?a?a?a?a?aaaaaaaaaaaab%", "%.*a.{20}b%"]
    {
        assert!(!matches(pattern, &message), "{pattern}");
    }
}

/// Any text is parsed or refused, and a parsed pattern can be matched with any message: pieces of
/// patterns in random order, from a fixed seed.
#[test]
fn no_text_makes_the_parser_or_the_matcher_panic() {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "$",
        ".",
        "$.a",
        "$.['b.c']",
        "[0]",
        "=",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        "\"",
        "'",
        "%",
        "\\",
        "\\d",
        "\\x41",
        "*",
        "+",
        "?",
        "-",
        "...",
        ",",
        " ",
        "\t",
        "IS",
        "NULL",
        "TRUE",
        "NOT EXISTS",
        "1",
        "-2.5e3",
        "1e999",
        "name",
        "ü",
        "😀",
        "\u{0}",
        "{2,3}",
        "{9,}",
        "|",
        "^",
        ":",
        "a1",
    ];
    let messages = [
        "",
        "a1 name",
        r#"{"a":[1,"x",null],"b.c":true}"#,
        "[x] \"y\" -2.5e3 ü 😀",
        "\"[",
        "{\"a\":1e308}",
    ];
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below as u64) as usize
    };
    let mut read = 0;
    for _ in 0..40_000 {
        let mut pattern: String = (0..=random(9)).map(|_| pieces[random(pieces.len())]).collect();
        match random(4) {
            0 => pattern = format!("{{{pattern}}}"),
            1 => pattern = format!("[{pattern}]"),
            2 => pattern = format!("%{pattern}%"),
            _ => {}
        }
        if let Ok(pattern) = Pattern::parse(&pattern) {
            read += 1;
            for message in messages {
                pattern.matches(message);
            }
        }
    }
    assert!(read > 1000, "only {read} were patterns");
}
