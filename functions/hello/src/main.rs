//! Greets by name: the smallest function there is.

use std::convert::Infallible;

use serde::{Deserialize, Serialize};

fn main() {
    lambda::run(hello);
}

/// The name to greet.
#[derive(Debug, Deserialize)]
struct Request {
    /// `None` greets the world.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The greeting for a name, or for the world.
    fn greeting(name: Option<&str>) -> String {
        let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
        executor.block_on(hello(Request { name: name.map(str::to_owned) })).unwrap().message
    }

    #[test]
    fn it_greets_by_name() {
        assert_eq!(greeting(Some("Lambda")), "Hello, Lambda!");
    }

    #[test]
    fn it_greets_the_world_when_nobody_is_named() {
        assert_eq!(greeting(None), "Hello, world!");
    }
}
