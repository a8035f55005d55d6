//! Log levels: filters the lines of Lambda and of the function by the function's `LoggingConfig`,
//! in the JSON format. Source: AWS Lambda developer guide, "Log-level filtering". Pure: text in,
//! levels out.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::store::function::{LogFormat, Logging};

/// Severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

impl Level {
    fn parse(name: &str) -> Option<Self> {
        let levels = [
            ("trace", Self::Trace),
            ("debug", Self::Debug),
            ("info", Self::Info),
            ("warn", Self::Warn),
            ("error", Self::Error),
            ("fatal", Self::Fatal),
        ];
        levels
            .into_iter()
            .find_map(|(word, level)| name.eq_ignore_ascii_case(word).then_some(level))
    }

    /// The level of a line that the function printed: that of a JSON object with a level and a
    /// valid time, else `INFO`.
    fn of_line(line: &str) -> Self {
        if !line.trim_start().starts_with('{') {
            return Self::Info;
        }
        let line = serde_json::from_str::<Line>(line).unwrap_or_default();
        line.level.filter(|_| line.is_timed).unwrap_or(Self::Info)
    }
}

/// Level and time of a JSON line. Fields of other types are ignored; the highest of several levels
/// counts, and one valid time is enough.
#[derive(Default)]
struct Line {
    level: Option<Level>,
    is_timed: bool,
}

impl Line {
    /// Names of the time field in the runtimes and logging libraries that Lambda knows.
    const TIMES: [&str; 7] = ["timestamp", "time", "@timestamp", "ts", "datetime", "date", "@t"];
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor)
    }
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line of JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        let mut line = Line::default();
        while let Some(name) = map.next_key::<String>()? {
            let is_level = name.eq_ignore_ascii_case("level");
            if !is_level && !Line::TIMES.iter().any(|time| name.eq_ignore_ascii_case(time)) {
                map.next_value::<IgnoredAny>()?;
            } else if let Value::String(text) = map.next_value()? {
                if is_level {
                    line.level = line.level.max(Level::parse(&text));
                } else {
                    line.is_timed |= text.parse::<jiff::Timestamp>().is_ok();
                }
            }
        }
        Ok(line)
    }
}

/// The lowest levels that are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Threshold {
    system: Level,
    application: Level,
}

impl Threshold {
    /// Reads the configured levels. The text format has no levels.
    pub(crate) fn of(logging: &Logging) -> Self {
        if logging.log_format == LogFormat::Text {
            return Self { system: Level::Trace, application: Level::Trace };
        }
        let level =
            |name: &Option<String>| name.as_deref().and_then(Level::parse).unwrap_or(Level::Info);
        Self {
            system: level(&logging.system_log_level),
            application: level(&logging.application_log_level),
        }
    }

    /// Returns `true` if a line of Lambda's own is kept.
    pub(crate) fn keeps_system(self, level: Level) -> bool {
        level >= self.system
    }

    /// Returns `true` if a line of the function is kept.
    pub(crate) fn keeps(self, line: &str) -> bool {
        self.application == Level::Trace || Level::of_line(line) >= self.application
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_level_or_a_time_is_information() {
        let time = "2026-11-21T16:51:31.587199Z";
        for (line, level) in [
            (format!(r#"{{"level":"debug","msg":"x","timestamp":"{time}"}}"#), Level::Debug),
            (format!(r#"{{"time":"{time}","level":"ERROR"}}"#), Level::Error),
            (format!(r#"{{"timestamp":"{time}","level":"odd"}}"#), Level::Info),
            (format!(r#"{{"timestamp":"{time}","level":3}}"#), Level::Info),
            (r#"{"level":"debug","msg":"no time"}"#.to_owned(), Level::Info),
            (r#"{"level":"debug","timestamp":"yesterday"}"#.to_owned(), Level::Info),
            ("hello".to_owned(), Level::Info),
            (r#"{"level":"deb"#.to_owned(), Level::Info),
            (format!(r#"{{"level":"ERROR","time":"{time}","timestamp":"{time}"}}"#), Level::Error),
            (
                format!(r#"{{"level":"ERROR","timestamp":"yesterday","@timestamp":"{time}"}}"#),
                Level::Error,
            ),
            (
                format!(
                    r#"{{"level":"ERROR","ts":1795280000.5,"time":{{"at":1}},"Timestamp":"{time}"}}"#
                ),
                Level::Error,
            ),
            (format!(r#" {{"Level":"Warn","Time":"{time}"}}"#), Level::Warn),
            (format!(r#"{{"level":"DEBUG","level":"ERROR","time":"{time}"}}"#), Level::Error),
            (format!(r#"{{"level":{{"name":"debug"}},"time":"{time}"}}"#), Level::Info),
            (format!(r#"{{"fields":{{"level":"debug"}},"time":"{time}"}}"#), Level::Info),
            (format!(r#"{{"time":"{time}"}}"#), Level::Info),
            (r#"["level","debug"]"#.to_owned(), Level::Info),
        ] {
            assert_eq!(Level::of_line(&line), level, "{line}");
        }
    }

    #[test]
    fn levels_are_for_the_json_format_and_information_by_default() {
        let json = Logging { log_format: LogFormat::Json, ..Logging::default() };
        let threshold = Threshold::of(&json);
        assert!(threshold.keeps_system(Level::Info) && !threshold.keeps_system(Level::Debug));
        assert!(threshold.keeps("hello"));
        let strict =
            Threshold::of(&Logging { application_log_level: Some("WARN".to_owned()), ..json });
        assert!(!strict.keeps("hello"));
        assert!(Threshold::of(&Logging::default()).keeps_system(Level::Debug));
    }
}
