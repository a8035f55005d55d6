//! A zip over Lambda's 50 MB goes through S3: on ministack, which has both.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
};

use tests::{Account, Fixture, Home, Ministack};

/// Just over the limit.
const PADDING: usize = 51 << 20;

/// Creates a bucket in the account, without the console's client: ministack checks the access key,
/// not the signature.
fn bucket(account: &Account, name: &str) {
    let (host, key) =
        (account.url.strip_prefix("http://").expect("an address"), &account.access_key);
    let scope = format!("Credential={key}/20260101/us-east-1/s3/aws4_request");
    let mut stream = TcpStream::connect(host).expect("it listens");
    write!(
        stream,
        "PUT /{name} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\
         Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none\r\n\r\n"
    )
    .expect("it takes requests");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_zip_over_50_mb_goes_through_s3_and_runs() {
    let ministack = Ministack::start();
    let account = ministack.account();
    let fixture = Fixture::apart();
    fixture.stage("beta", "bucket = \"zips\"");
    fixture.stage("bare", "");
    fixture.prebuilt("greet", "large", "memory = 256");
    let built = fixture.path().join("target/lambda/greet");
    let bootstrap = fs::read(built.join("bootstrap")).expect("it was written");
    let zip = tests::zip(&[("bootstrap", &bootstrap), ("padding", &vec![7; PADDING])]);
    assert!(zip.len() > 50 << 20, "{} bytes", zip.len());
    fs::write(built.join("bootstrap.zip"), zip).expect("the file is ours");
    let home = Home::new(fixture.path()).on(&account);

    let refused = home.run(["--stage", "bare", "deploy", "greet", "--json"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.stdout.contains("bucket"), "it says what helps: {refused:?}");

    bucket(&account, "zips");
    let deployed = home.run(["--stage", "beta", "deploy", "greet", "--json"]).ok().json();
    assert_eq!(deployed["functions"][0]["action"], "created", "{deployed}");
    let answer =
        home.run(["--stage", "beta", "invoke", "greet", "--payload", "{}", "--json"]).ok().json();
    assert_eq!(answer["payload"]["edition"], "large", "{answer}");
    let again = home.run(["--stage", "beta", "deploy", "greet", "--json"]).ok().json();
    assert_eq!(again["functions"][0]["action"], "unchanged", "{again}");
}
