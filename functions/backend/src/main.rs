//! A small HTTP API behind a function URL or an API Gateway HTTP API: a list of items.
//!
//! | route | does |
//! | --- | --- |
//! | `GET /` | describes this function |
//! | `GET /items` | every item; `?name=` those whose name contains this |
//! | `POST /items` | adds `{"name", "price"}` |
//! | `GET /items/{id}` | one item |
//!
//! Items are in memory: they live as long as the sandbox.

use std::sync::{Mutex, PoisonError};

use lambda::Error;
use lambda::http::{Request, Response};
use serde::{Deserialize, Serialize};

fn main() {
    lambda::init(open).run(route);
}

/// The items, in the order in which they were added; an id is a position in it, from 1.
#[derive(Debug, Default)]
struct Store {
    items: Mutex<Vec<Item>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Item {
    id: usize,
    name: String,
    price: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewItem {
    name: String,
    price: f64,
}

async fn open() -> Result<Store, Error> {
    let first = Item { id: 1, name: "lamp".to_owned(), price: 24.5 };
    Ok(Store { items: Mutex::new(vec![first]) })
}

impl Store {
    /// Locks the items and reads or changes them.
    fn with<T>(&self, work: impl FnOnce(&mut Vec<Item>) -> T) -> T {
        work(&mut self.items.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn route(store: &Store, request: Request) -> Result<Response, Error> {
    let segments = request.segments();
    let path: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    match (request.method(), &path[..]) {
        ("GET", []) => about(),
        ("GET", ["items"]) => list(store, request.query("name").as_deref().unwrap_or_default()),
        ("POST", ["items"]) => add(store, &request),
        ("GET", ["items", id]) => find(store, id),
        (_, [] | ["items", _]) => not_allowed("GET"),
        (_, ["items"]) => not_allowed("GET, POST"),
        _ => problem(404, format!("there is nothing at {}", request.path())),
    }
}

fn about() -> Result<Response, Error> {
    #[derive(Serialize)]
    struct About {
        name: &'static str,
        version: &'static str,
        routes: [&'static str; 4],
    }
    let routes = ["GET /", "GET /items", "POST /items", "GET /items/{id}"];
    Ok(Response::json(200, &About { name: "backend", version: env!("CARGO_PKG_VERSION"), routes })?)
}

fn list(store: &Store, name: &str) -> Result<Response, Error> {
    let items = store.with(|items| {
        items.iter().filter(|item| item.name.contains(name)).cloned().collect::<Vec<_>>()
    });
    Ok(Response::json(200, &items)?)
}

fn add(store: &Store, request: &Request) -> Result<Response, Error> {
    let NewItem { name, price } = match request.json() {
        Ok(new) => new,
        Err(error) => return problem(400, error.to_string()),
    };
    if name.trim().is_empty() || price < 0.0 {
        return problem(400, "an item has a name, and a price of at least 0".to_owned());
    }
    let item = store.with(|items| {
        let item = Item { id: items.len() + 1, name, price };
        items.push(item.clone());
        item
    });
    Ok(Response::json(201, &item)?.with_header("location", format!("/items/{}", item.id)))
}

fn find(store: &Store, id: &str) -> Result<Response, Error> {
    let found = store.with(|items| items.iter().find(|item| item.id.to_string() == id).cloned());
    match found {
        Some(item) => Ok(Response::json(200, &item)?),
        None => problem(404, format!("there is no item {id}")),
    }
}

fn not_allowed(allowed: &str) -> Result<Response, Error> {
    Ok(problem(405, format!("allowed here: {allowed}"))?.with_header("allow", allowed))
}

/// An error message as JSON.
fn problem(status: u16, error: String) -> Result<Response, Error> {
    #[derive(Serialize)]
    struct Problem {
        error: String,
    }
    Ok(Response::json(status, &Problem { error })?)
}

#[cfg(test)]
mod tests;
