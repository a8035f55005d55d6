//! Several functions in one program: the handler in a function's settings selects one of them.

use crate::lifecycle::start;
use crate::runtime_api::report::Report;

/// Runs the function that the handler of the settings names (`_HANDLER`). Each function is what its
/// own `main` would be, so that every form of a handler can stand beside every other, and only the
/// selected one starts.
///
/// ```no_run
/// use lambda::{Body, Error, Event};
///
/// async fn orders(number: u32) -> Result<String, Error> {
///     Ok(format!("order {number}"))
/// }
///
/// async fn echo(event: Event) -> Result<Body, Error> {
///     Ok(Body::json(event.into_bytes()))
/// }
///
/// async fn rates() -> Result<Vec<f64>, Error> {
///     Ok(vec![1.0, 1.5])
/// }
///
/// async fn convert(rates: &Vec<f64>, amount: f64) -> Result<f64, Error> {
///     Ok(amount * rates[1])
/// }
///
/// fn main() {
///     lambda::route([
///         ("orders", || lambda::run(orders)),
///         ("echo", || lambda::run(echo)),
///         ("convert", || lambda::init(rates).run(convert)),
///     ]);
/// }
/// ```
///
/// A handler that is not in the list, or a name that is there twice, is the function's init error
/// (`Runtime.HandlerNotFound`, `Runtime.DuplicateHandler`), which lists the names; the process then
/// ends with code 1.
pub fn route<const N: usize>(functions: [(&str, fn()); N]) {
    let handler = std::env::var("_HANDLER").unwrap_or_default();
    match select(&functions, &handler) {
        Ok(function) => function(),
        Err(report) => start::refuse(report),
    }
}

/// Returns the function of this name.
fn select(functions: &[(&str, fn())], handler: &str) -> Result<fn(), Report> {
    let mut rest = functions;
    while let [(name, _), others @ ..] = rest {
        if others.iter().any(|(other, _)| other == name) {
            let message = format!("two functions have the name `{name}`: rename one of them");
            return Err(Report::runtime("DuplicateHandler", message));
        }
        rest = others;
    }
    if let Some((_, function)) = functions.iter().find(|(name, _)| *name == handler) {
        return Ok(*function);
    }
    let names: Vec<_> = functions.iter().map(|(name, _)| format!("`{name}`")).collect();
    let message = format!(
        "there is no function for the handler `{handler}`: set the handler to one of {}",
        names.join(", ")
    );
    Err(Report::runtime("HandlerNotFound", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_selects_by_its_whole_name() {
        let selected = |handler: &str| {
            select(&[("orders", || ()), ("orders.new", || ())], handler)
                .map_err(|report| (report.kind, report.message))
        };
        assert!(selected("orders").is_ok() && selected("orders.new").is_ok());
        for unknown in ["", "order", "orders.", "bootstrap", "Orders"] {
            let (kind, message) = selected(unknown).unwrap_err();
            assert_eq!(kind, "Runtime.HandlerNotFound");
            assert_eq!(
                message,
                format!(
                    "there is no function for the handler `{unknown}`: set the handler to one of \
                    `orders`, `orders.new`"
                )
            );
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_refused_for_every_handler() {
        for handler in ["a", "b", "c"] {
            let functions: [(&str, fn()); 3] = [("a", || ()), ("b", || ()), ("a", || ())];
            let report = select(&functions, handler).unwrap_err();
            assert_eq!(report.kind, "Runtime.DuplicateHandler");
            assert_eq!(report.message, "two functions have the name `a`: rename one of them");
        }
    }
}
