//! Log levels: which lines of Lambda and of the function a function's `LoggingConfig` keeps, in the JSON format. Source:
//! AWS Lambda developer guide, "Log-level filtering". Pure: text in, levels out.

use crate::function::{LogFormat, Logging};
use serde::Deserialize;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
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
        levels.into_iter().find_map(|(word, level)| name.eq_ignore_ascii_case(word).then_some(level))
    }

    /// The level of a line that the function printed: that of a JSON object with a level and a time, else `INFO`.
    fn of_line(line: &str) -> Self {
        #[derive(Deserialize)]
        struct Line<'a> {
            #[serde(borrow)]
            level: Option<std::borrow::Cow<'a, str>>,
            #[serde(borrow, alias = "time", alias = "@timestamp", alias = "Timestamp", alias = "ts")]
            timestamp: Option<std::borrow::Cow<'a, str>>,
        }
        if !line.starts_with('{') {
            return Self::Info;
        }
        let Ok(line) = serde_json::from_str::<Line<'_>>(line) else { return Self::Info };
        let timed = line.timestamp.is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok());
        line.level.filter(|_| timed).and_then(|level| Self::parse(&level)).unwrap_or(Self::Info)
    }
}

/// The least levels that are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold {
    system: Level,
    application: Level,
}

impl Threshold {
    /// What is configured. The text format knows no levels.
    pub(super) fn of(logging: &Logging) -> Self {
        if logging.log_format == LogFormat::Text {
            return Self { system: Level::Trace, application: Level::Trace };
        }
        let level = |name: &Option<String>| name.as_deref().and_then(Level::parse).unwrap_or(Level::Info);
        Self { system: level(&logging.system_log_level), application: level(&logging.application_log_level) }
    }

    /// Whether a line of Lambda's own is kept.
    pub(super) fn keeps_system(self, level: Level) -> bool {
        level >= self.system
    }

    /// Whether a line of the function is kept.
    pub(super) fn keeps(self, line: &str) -> bool {
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
        let strict = Threshold::of(&Logging { application_log_level: Some("WARN".to_owned()), ..json });
        assert!(!strict.keeps("hello"));
        assert!(Threshold::of(&Logging::default()).keeps_system(Level::Debug));
    }
}
