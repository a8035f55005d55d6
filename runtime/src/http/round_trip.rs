//! Requests through every format of event: the handler receives what the client sent. The client is
//! the URL standard's (the crate `url`), the events are made as each sender makes them.
//! <https://github.com/hotsock/voker/pull/8> observed on AWS which senders keep a path as it
//! arrived and which decode it.
//!
//! The generator makes the same requests in every run; `ROUNDS=100000 cargo test -p
//! lambda-console-runtime round_trip` makes more.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::event::read_below;
use super::service::into_http;
use super::{Request, request};
use crate::context::Context;
use crate::runtime_api::base64;

/// Pseudo-random numbers that are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }

    /// A text of up to `most` characters: any that can be typed, more often those with a meaning in
    /// URLs.
    fn text(&mut self, most: usize) -> String {
        const SPECIAL: [&str; 24] = [
            "%", "%2", "%20", "%2F", "%zz", "+", "&", "=", "?", "#", "/", ";", ":", "@", " ", "\"",
            "'", "\\", "[", "|", "ü", "€", "🦀", "e\u{301}",
        ];
        (0..self.below(most + 1))
            .map(|_| match self.below(5) {
                0 | 1 => SPECIAL[self.below(SPECIAL.len())].to_owned(),
                2 => char::from_u32(self.below(0x300) as u32).unwrap_or('x').to_string(),
                _ => char::from(b'!' + self.below(94) as u8).to_string(),
            })
            .collect()
    }
}

/// A client's request.
struct Sent {
    url: Url,
    headers: BTreeMap<String, String>,
    cookies: Vec<String>,
    body: Vec<u8>,
}

impl Sent {
    fn new(random: &mut Random) -> Self {
        let mut url = Url::parse("http://127.0.0.1/").unwrap();
        if random.below(2) == 0 {
            // As typed into an address bar.
            url = url
                .join(&format!("/{}?{}", random.text(9).replace('\\', ""), random.text(9)))
                .unwrap_or(url);
            url.set_fragment(None);
        } else {
            let segments: Vec<String> = (0..random.below(4)).map(|_| random.text(5)).collect();
            url.path_segments_mut()
                .unwrap()
                .clear()
                .extend(segments.iter().filter(|segment| !segment.is_empty()));
            for _ in 0..random.below(4) {
                let name = ["a", "b c", "ü", "", "a"][random.below(5)];
                let value = random.text(6);
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        let value = |random: &mut Random| random.text(8).replace(|c: char| c.is_control(), "");
        let headers =
            (0..random.below(3)).map(|number| (format!("x-{number}"), value(random))).collect();
        let cookies = (0..random.below(3))
            .map(|number| format!("c{number}={}", value(random).replace([';', ' '], "")));
        Self { headers, cookies: cookies.collect(), body: random.text(9).into_bytes(), url }
    }

    fn query(&self) -> &str {
        self.url.query().unwrap_or_default()
    }

    /// The parameters as they were sent.
    fn raw_pairs(&self) -> Vec<(String, String)> {
        let parts = self.query().split('&').filter(|part| !part.is_empty());
        parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect()
    }

    fn pairs(&self) -> Vec<(String, String)> {
        self.url
            .query_pairs()
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }

    /// The headers including the cookies.
    fn all_headers(&self) -> BTreeMap<String, String> {
        let mut headers = self.headers.clone();
        if !self.cookies.is_empty() {
            headers.insert("Cookie".to_owned(), self.cookies.join("; "));
        }
        headers
    }

    fn second_format(&self, path: &str) -> Value {
        json!({
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": self.query(),
            "headers": self.headers,
            "cookies": self.cookies,
            "requestContext": {"http": {"method": "POST", "path": decoded(self.url.path())}, "stage": "$default"},
            "body": base64::encode(&self.body),
            "isBase64Encoded": true
        })
    }

    fn first_format(&self, context: &Value, pairs: &[(String, String)], many: bool) -> Value {
        let mut event = json!({
            "httpMethod": "POST",
            "path": self.url.path(),
            "requestContext": context,
            "body": base64::encode(&self.body),
            "isBase64Encoded": true
        });
        if many {
            let mut lists = BTreeMap::<&str, Vec<&str>>::new();
            for (name, value) in pairs {
                lists.entry(name).or_default().push(value);
            }
            event["multiValueQueryStringParameters"] = json!(lists);
            let headers = self.all_headers();
            event["multiValueHeaders"] =
                headers.into_iter().map(|(name, value)| (name, json!([value]))).collect();
        } else {
            event["queryStringParameters"] =
                json!(pairs.iter().cloned().collect::<BTreeMap<_, _>>());
            event["headers"] = json!(self.all_headers());
        }
        event
    }
}

/// Decodes a text of a URL.
fn decoded(text: &str) -> String {
    let form = format!("x={}", text.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

/// The decoded segments that are not empty.
fn segments(path: &str) -> Vec<String> {
    path.split('/').filter(|segment| !segment.is_empty()).map(decoded).collect()
}

fn read(event: &Value) -> Request {
    let read = read_below("", event.to_string().as_bytes());
    let request = read.unwrap_or_else(|error| panic!("{error}: {event}"));
    let http = into_http(request.clone(), Context::default())
        .unwrap_or_else(|error| panic!("{error}: {event}"));
    assert_eq!(http.uri().path(), request.path(), "{event}");
    assert_eq!(http.uri().query().unwrap_or_default(), request.raw_query(), "{event}");
    request
}

/// Compares a request with what was sent. It must have these pairs.
fn check(event: &Value, sent: &Sent, pairs: &[(String, String)]) {
    let request = read(event);
    assert_eq!(request.method(), "POST");
    for (name, _) in pairs {
        let (_, first) = pairs.iter().find(|(other, _)| other == name).unwrap();
        assert_eq!(request.query(name).as_deref(), Some(first.as_str()), "{name}: {event}");
    }
    let mut seen: Vec<_> =
        form_urlencoded::parse(request.raw_query().as_bytes()).into_owned().collect();
    let mut pairs = pairs.to_vec();
    seen.sort();
    pairs.sort();
    assert_eq!(seen, pairs, "{event}");
    for (name, value) in &sent.headers {
        assert_eq!(request.header(name), Some(value.as_str()), "{event}");
    }
    assert_eq!(request.cookies(), sent.cookies, "{event}");
    assert_eq!(request.body(), sent.body, "{event}");
}

fn rounds() -> usize {
    std::env::var("ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(500)
}

#[test]
fn what_a_client_sent_is_what_a_handler_sees() {
    let mut random = Random(0x1a3b_5c7d_9e0f_1234);
    for _ in 0..rounds() {
        let sent = Sent::new(&mut random);
        let (path, pairs) = (sent.url.path(), sent.pairs());
        let function_url = sent.second_format(path);
        let rest = sent.first_format(
            &json!({"stage": "beta", "path": format!("/beta{path}")}),
            &pairs,
            true,
        );
        let balancer = sent.first_format(&json!({"elb": {}}), &sent.raw_pairs(), true);
        let mut lattice = sent.first_format(&Value::Null, &sent.raw_pairs(), true);
        for (from, to) in [
            ("httpMethod", "method"),
            ("multiValueHeaders", "headers"),
            ("multiValueQueryStringParameters", "queryStringParameters"),
        ] {
            lattice[to] = lattice.as_object_mut().unwrap().remove(from).unwrap();
        }
        for event in [&function_url, &rest, &balancer, &lattice] {
            check(event, &sent, &pairs);
            let request = read(event);
            assert_eq!(request.path(), path, "{event}");
            assert_eq!(request.segments(), segments(path), "{event}");
        }
        assert_eq!(read(&function_url).raw_query(), sent.query());
        // Without lists of values, only the last of each name is left.
        let last: BTreeMap<String, String> = sent.raw_pairs().into_iter().collect();
        let last: Vec<(String, String)> = last.into_iter().collect();
        let pairs: Vec<_> = last
            .iter()
            .flat_map(|(a, b)| {
                form_urlencoded::parse(format!("{a}={b}").as_bytes())
                    .into_owned()
                    .collect::<Vec<_>>()
            })
            .collect();
        check(&sent.first_format(&json!({"elb": {}}), &last, false), &sent, &pairs);
    }
}

#[test]
fn a_path_that_was_decoded_on_its_way_has_its_segments() {
    let mut random = Random(0x0bad_cafe_0bad_cafe);
    for _ in 0..rounds() {
        let sent = Sent::new(&mut random);
        let path = decoded(sent.url.path());
        // It is no longer known which of these were encoded.
        if path.contains(['%', '?']) {
            continue;
        }
        let request = read(&sent.second_format(&path));
        assert_eq!(request.segments(), segments(&path), "{path}");
    }
}

#[test]
fn any_text_in_any_field_is_a_request() {
    let mut random = Random(0xfeed_5eed_feed_5eed);
    for _ in 0..rounds() {
        let mut text = || Value::from(random.text(8));
        let second = json!({
            "rawPath": text(), "rawQueryString": text(), "cookies": [text(), text()], "body": text(),
            "headers": {"x": text(), "cookie": text(), text().as_str().unwrap(): "y"},
            "requestContext": {"http": {"method": "GET"}, "stage": text(), "domainName": text()}
        });
        read(&second);
        let mut first = json!({
            "path": text(), "httpMethod": "GET", "resource": text(), "pathParameters": {"proxy": text()},
            "headers": {"x": text(), text().as_str().unwrap(): "y"},
            "queryStringParameters": {text().as_str().unwrap(): text()},
            "multiValueQueryStringParameters": {"a": [text(), text()]},
            "multiValueHeaders": {"cookie": [text()]},
            "requestContext": {"stage": text(), "path": text()}
        });
        read(&first);
        first["requestContext"]["elb"] = json!({});
        read(&first);
    }
}

#[test]
fn a_query_is_decoded_as_the_url_standard_has_it() {
    let mut random = Random(0x5151_5151_1515_1515);
    for _ in 0..rounds() {
        let text = random.text(12);
        let form: Vec<(String, String)> =
            form_urlencoded::parse(text.as_bytes()).into_owned().collect();
        let request = request::Request::new("GET", &format!("/?{text}"));
        for (name, _) in &form {
            let first =
                form.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
            assert_eq!(request.query(name).as_deref(), first, "{text}");
        }
    }
}
