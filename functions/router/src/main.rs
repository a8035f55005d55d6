//! An axum router as a function: the same router that serves HTTP anywhere else serves it behind a
//! function URL, an API Gateway or a load balancer.
//!
//! | route | does |
//! | --- | --- |
//! | `GET /` | returns a greeting |
//! | `GET /hello/{name}` | greets by name; `?loud=true` louder |
//! | `POST /sum` | adds up `{"numbers": […]}` |

use axum::{
    Json, Router,
    extract::{Path, Query},
    routing::{get, post},
};
use lambda::Error;
use lambda::http::Serve;
use serde::{Deserialize, Serialize};

fn main() {
    lambda::init(router).run(Serve);
}

async fn router() -> Result<Router, Error> {
    Ok(Router::new()
        .route("/", get(async || "Hello from a router!"))
        .route("/hello/{name}", get(hello))
        .route("/sum", post(sum)))
}

#[derive(Debug, Deserialize)]
struct Tone {
    #[serde(default)]
    loud: bool,
}

async fn hello(Path(name): Path<String>, Query(tone): Query<Tone>) -> String {
    let greeting = format!("Hello, {name}!");
    if tone.loud { greeting.to_uppercase() } else { greeting }
}

#[derive(Debug, Deserialize)]
struct Numbers {
    numbers: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Sum {
    sum: f64,
}

async fn sum(Json(Numbers { numbers }): Json<Numbers>) -> Json<Sum> {
    Json(Sum { sum: numbers.iter().sum() })
}

#[cfg(test)]
mod tests;
