//! Errors that a handler returns: any error, and two types of this crate.

use std::any::type_name;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use crate::runtime_api::report::Report;

/// Any error. `?` converts every error that is `Send + Sync`.
pub type Error = Box<dyn StdError + Send + Sync + 'static>;

/// An error with a type name chosen by the caller, if defining a type is too much.
///
/// ```
/// # use lambda::{Error, Failure};
/// fn find(id: u32) -> Result<(), Error> {
///     Err(Failure::new("NotFound", format!("there is no item {id}")))?
/// }
/// assert_eq!(find(7).unwrap_err().to_string(), "there is no item 7");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    name: Cow<'static, str>,
    message: String,
}

impl Failure {
    /// The invocation's `errorType` will be `Function.<name>`. Lambda accepts only letters, the
    /// first one upper case; other characters are removed.
    pub fn new(name: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { name: name.into(), message: message.into() }
    }

    /// The name that was passed to [`Failure::new`].
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Failure {}

/// A payload that does not fit the type that it was read as. Contains the position: path, line and
/// column. Reported as `Runtime.UnmarshalError`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadError(pub(crate) String);

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for PayloadError {}

/// An error that a handler, or an init, may return: any type that converts into [`Error`] (every
/// `std::error::Error` that is `Send + Sync`, `anyhow::Error`, [`Error`] itself, `String`, `&str`),
/// and `Box<dyn Error>`.
///
/// The parameter only distinguishes the two; the compiler infers it. Not meant to be implemented
/// elsewhere.
#[diagnostic::on_unimplemented(
    message = "a handler cannot fail with `{Self}`",
    label = "neither an error nor a string",
    note = "return an error that is `Send + Sync`, `anyhow::Error`, `lambda::Error`, `String` or \
        `&str`"
)]
pub trait Fault<M> {
    #[doc(hidden)]
    fn report(self) -> Report;
}

/// Marks errors that are `Send + Sync`.
#[derive(Debug)]
pub enum Shareable {}
/// Marks errors that are not.
#[derive(Debug)]
pub enum Local {}

impl<E: Into<Error>> Fault<Shareable> for E {
    fn report(self) -> Report {
        Report::of(&*self.into(), type_name::<E>())
    }
}

impl Fault<Local> for Box<dyn StdError> {
    fn report(self) -> Report {
        Report::of(&*self, type_name::<Self>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report<M>(fault: impl Fault<M>) -> (String, String) {
        let report = fault.report();
        (report.kind, report.message)
    }

    #[test]
    fn every_kind_of_error_is_reported_with_the_best_type_there_is() {
        let parse = || "x".parse::<u8>().unwrap_err();
        let text = "invalid digit found in string";
        assert_eq!(report(parse()), ("Function.ParseIntError".into(), text.into()));
        assert_eq!(report(Error::from(parse())), ("Function.Error".into(), text.into()));
        assert_eq!(
            report(Box::<dyn StdError>::from(parse())),
            ("Function.Error".into(), text.into())
        );
        assert_eq!(report("no"), ("Function.Error".into(), "no".into()));
        assert_eq!(report("no".to_owned()), ("Function.Error".into(), "no".into()));
        let failure = || Failure::new("NotFound", "no item 7");
        assert_eq!(report(failure()), ("Function.NotFound".into(), "no item 7".into()));
        assert_eq!(
            report(Error::from(failure())),
            ("Function.NotFound".into(), "no item 7".into())
        );
        assert_eq!(
            report(PayloadError("bad".into())),
            ("Runtime.UnmarshalError".into(), "bad".into())
        );
    }
}
