//! Greets by name: the smallest function there is.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

fn main() {
    lambda::run(hello);
}

/// Whom to greet.
#[derive(Debug, Deserialize)]
struct Request {
    /// The world, if nobody is named.
    name: Option<String>,
}

/// The greeting.
#[derive(Debug, PartialEq, Serialize)]
struct Greeting {
    message: String,
}

async fn hello(request: Request) -> Result<Greeting, Infallible> {
    let name = request.name.as_deref().unwrap_or("world");
    Ok(Greeting { message: format!("Hello, {name}!") })
}
