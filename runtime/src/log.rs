//! Log lines in Lambda's formats: one `write` per line on standard error, text or JSON by
//! `AWS_LAMBDA_LOG_FORMAT`, filtered by `AWS_LAMBDA_LOG_LEVEL`, each with the id of its request.
//!
//! ```
//! lambda::log::info("took the long way");
//! lambda::log::write(lambda::log::Level::Warn, "slow query", &[("table", "orders")]);
//! ```

use std::cell::RefCell;
use std::fmt::{Display, Write as _};
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Severity of a line, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For debugging.
    Debug,
    /// Events of normal operation.
    Info,
    /// Possible problems.
    Warn,
    /// Failures.
    Error,
}

impl Level {
    /// The level's name, as Lambda writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
        }
    }

    /// Parses Lambda's names, of which `FATAL` is an `Error` here; any other name is `Info`, the
    /// platform's default.
    fn parse(name: &str) -> Self {
        let levels = [Self::Trace, Self::Debug, Self::Warn, Self::Error];
        let fatal = name.eq_ignore_ascii_case("FATAL").then_some(Self::Error);
        fatal
            .or_else(|| levels.into_iter().find(|level| name.eq_ignore_ascii_case(level.name())))
            .unwrap_or(Self::Info)
    }
}

/// The log settings of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settings {
    json: bool,
    level: Level,
}

fn settings() -> Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    *SETTINGS.get_or_init(|| {
        let text = |name| std::env::var(name).unwrap_or_default();
        let json = match std::env::var("AWS_LAMBDA_LOG_FORMAT") {
            Ok(format) => format.eq_ignore_ascii_case("JSON"),
            // Managed instances accept JSON only: otherwise lines of concurrent requests could not
            // be distinguished.
            Err(_) => std::env::var_os("AWS_LAMBDA_MAX_CONCURRENCY").is_some(),
        };
        Settings { json, level: Level::parse(&text("AWS_LAMBDA_LOG_LEVEL")) }
    })
}

/// The request that a thread works on. Its strings are moved in and out, which costs no allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Current {
    pub(crate) request_id: String,
    pub(crate) tenant_id: String,
}

thread_local! {
    static CURRENT: RefCell<Current> = RefCell::default();
}

/// Makes a request the thread's current one until it is dropped.
pub(crate) struct Entered<'a>(&'a mut Current);

impl<'a> Entered<'a> {
    pub(crate) fn new(current: &'a mut Current) -> Self {
        CURRENT.with_borrow_mut(|thread| std::mem::swap(thread, current));
        Self(current)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|thread| std::mem::swap(thread, self.0));
    }
}

/// Writes a line at [`Level::Trace`].
pub fn trace(message: impl Display) {
    write(Level::Trace, message, &[]);
}

/// Writes a line at [`Level::Debug`].
pub fn debug(message: impl Display) {
    write(Level::Debug, message, &[]);
}

/// Writes a line at [`Level::Info`].
pub fn info(message: impl Display) {
    write(Level::Info, message, &[]);
}

/// Writes a line at [`Level::Warn`].
pub fn warn(message: impl Display) {
    write(Level::Warn, message, &[]);
}

/// Writes a line at [`Level::Error`].
pub fn error(message: impl Display) {
    write(Level::Error, message, &[]);
}

/// Writes a line with fields: members of the JSON, or `name=value` after the text. A field with the
/// name of one of Lambda's own members gets a trailing underscore.
pub fn write(level: Level, message: impl Display, fields: &[(&str, &str)]) {
    let fields = fields.iter().map(|(name, value)| (*name, ValueRef { text: value, json: false }));
    write_line(level, &message, &mut { fields });
}

/// Like [`write`], with fields that are not all text.
#[cfg(feature = "tracing")]
pub(crate) fn write_values(level: Level, message: &str, fields: &[(&'static str, Value)]) {
    let fields = fields.iter().map(|(name, value)| match value {
        Value::Text(text) => (*name, ValueRef { text, json: false }),
        Value::Json(json) => (*name, ValueRef { text: json, json: true }),
    });
    write_line(level, &message, &mut { fields });
}

/// A field's value.
#[cfg(feature = "tracing")]
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    /// A number, or true or false.
    Json(String),
}

/// A field's value in a line.
#[derive(Clone, Copy, Debug)]
struct ValueRef<'a> {
    text: &'a str,
    /// `true` if the text is JSON already.
    json: bool,
}

/// The fields of a line.
type FieldsRef<'a, 'b> = &'a mut dyn Iterator<Item = (&'b str, ValueRef<'b>)>;

/// The level below which nothing is written.
#[cfg(feature = "tracing")]
pub(crate) fn level() -> Level {
    settings().level
}

fn write_line(level: Level, message: &dyn Display, fields: FieldsRef<'_, '_>) {
    let settings = settings();
    if level < settings.level {
        return;
    }
    let line = CURRENT
        .with_borrow(|current| line(settings, SystemTime::now(), level, message, fields, current));
    // There is nowhere left to report that a line could not be written.
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

fn line(
    settings: Settings,
    now: SystemTime,
    level: Level,
    message: &dyn Display,
    fields: FieldsRef<'_, '_>,
    current: &Current,
) -> String {
    const OWN: [&str; 5] = ["timestamp", "level", "message", "requestId", "tenantId"];
    let mut line = String::with_capacity(160);
    let time = timestamp(now);
    if settings.json {
        let quoted = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let _ = write!(line, r#"{{"timestamp":"{time}","level":"{}","message":"#, level.name());
        line.push_str(&quoted(&message.to_string()));
        for (name, id) in [("requestId", &current.request_id), ("tenantId", &current.tenant_id)] {
            if !id.is_empty() {
                let _ = write!(line, ",\"{name}\":{}", quoted(id));
            }
        }
        for (name, value) in fields {
            let name = if OWN.contains(&name) { &format!("{name}_") } else { name };
            let _ = write!(line, ",{}:", quoted(name));
            if value.json { line.push_str(value.text) } else { line.push_str(&quoted(value.text)) }
        }
        line.push('}');
    } else {
        let id = if current.request_id.is_empty() { "-" } else { &current.request_id };
        let _ = write!(line, "{time}\t{id}\t{}\t{message}", level.name());
        for (name, value) in fields {
            let _ = write!(line, " {name}={}", value.text);
        }
    }
    line.push('\n');
    line
}

/// Formats a time as `2026-11-21T04:13:21.123Z`.
fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    // The civil calendar from days, counted in eras of 400 years from 0000-03-01 (Howard Hinnant,
    // "chrono-Compatible Low-Level Date Algorithms").
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        second / 3600,
        second / 60 % 60,
        second % 60,
        since.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 7)
    }

    #[test]
    fn times_are_written_in_the_civil_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (1_709_251_199, "2024-02-29T23:59:59.007Z"),
            (1_798_761_599, "2026-12-31T23:59:59.007Z"),
        ] {
            assert_eq!(timestamp(at(seconds)), text);
        }
    }

    #[test]
    fn a_json_line_has_the_ids_and_the_fields_and_is_one_line() {
        let current = Current { request_id: "r-1".into(), tenant_id: "blue".into() };
        let settings = Settings { json: true, level: Level::Info };
        let mut fields = [
            ("table", ValueRef { text: "orders", json: false }),
            ("level", ValueRef { text: "2", json: false }),
        ]
        .into_iter();
        let line = line(settings, at(0), Level::Warn, &"a\n\"b\"", &mut fields, &current);
        assert_eq!(
            line,
            "{\"timestamp\":\"1970-01-01T00:00:00.007Z\",\"level\":\"WARN\",\"message\":\"a\\n\\\"b\\\"\",\
             \"requestId\":\"r-1\",\"tenantId\":\"blue\",\"table\":\"orders\",\"level_\":\"2\"}\n"
        );
    }

    #[test]
    fn a_text_line_names_time_request_and_level() {
        let settings = Settings { json: false, level: Level::Info };
        let mut fields = [("table", ValueRef { text: "orders", json: false })].into_iter();
        let line = line(settings, at(0), Level::Error, &"no", &mut fields, &Current::default());
        assert_eq!(line, "1970-01-01T00:00:00.007Z\t-\tERROR\tno table=orders\n");
    }

    #[test]
    fn a_level_that_lambda_does_not_know_is_its_default() {
        assert_eq!(Level::parse("debug"), Level::Debug);
        assert_eq!(Level::parse("FATAL"), Level::Error);
        assert_eq!(Level::parse(""), Level::Info);
    }
}
