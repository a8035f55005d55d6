//! A local Lambda in the test's own process, driven through AWS's SDK, and bootstraps made on the
//! fly.

use std::{
    io::{Cursor, Write as _},
    path::Path,
    sync::Arc,
};

use aws_sdk_lambda::{
    Client,
    error::ProvideErrorMetadata as _,
    operation::RequestId as _,
    primitives::Blob,
    types::{Architecture, FunctionCode, LastUpdateStatus, LogType, Runtime, State},
};
use base64::Engine as _;
use lambda_console_local::{Local, Options};
use serde_json::Value;
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{Account, eventually};

/// A running local Lambda; it ends, with its sandboxes, when dropped.
pub struct LocalLambda {
    runtime: tokio::runtime::Runtime,
    local: Option<Local>,
    client: Client,
    account: Account,
}

/// Result of an invocation.
#[derive(Debug)]
pub struct Answer {
    /// The request id in the response's headers.
    pub request_id: String,
    /// `Unhandled` if the function failed.
    pub function_error: Option<String>,
    /// The response.
    pub payload: Vec<u8>,
    /// The log tail.
    pub log: String,
}

impl Answer {
    /// The response as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Answer {
    /// The response as text.
    pub fn payload_text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}

impl LocalLambda {
    /// Starts one with its state in `home`.
    pub fn start(home: &Path) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a tokio runtime");
        let options = Options {
            dir: home.join("local"),
            port: 0,
            region: "us-east-1".to_owned(),
            emulator: Arc::new(|| None),
        };
        let local =
            runtime.block_on(lambda_console_local::open(options)).expect("the local Lambda starts");
        let endpoint = local.endpoint().clone();
        let account = Account {
            url: endpoint.url,
            access_key: endpoint.access_key,
            secret_key: endpoint.secret_key,
            region: endpoint.region,
        };
        let client = account.lambda();
        Self { runtime, local: Some(local), client, account }
    }

    /// The account with which the console uses it like an endpoint of AWS.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The SDK's client, for calls that have no method here.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs a future, for example a call of [`Self::client`].
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Creates the function `name` with a timeout of 3 s from files given by name and content; all
    /// are executable.
    #[track_caller]
    pub fn create(&self, name: &str, files: &[(&str, &[u8])]) {
        self.try_create(name, files).unwrap_or_else(|error| panic!("create {name}: {error}"));
        self.settled(name);
    }

    /// Waits until the last change of the function is complete: as on AWS, that takes a moment.
    #[track_caller]
    pub fn settled(&self, name: &str) {
        let is_changing = || {
            let call = self.client.get_function_configuration().function_name(name);
            let described = self
                .block_on(call.send())
                .unwrap_or_else(|error| panic!("look at {name}: {:?}", error.code()));
            described.state() == Some(&State::Pending)
                || described.last_update_status() == Some(&LastUpdateStatus::InProgress)
        };
        eventually("no change is in progress", || !is_changing());
    }

    /// Like [`Self::create`]; an error is `Code: message`.
    pub fn try_create(&self, name: &str, files: &[(&str, &[u8])]) -> Result<(), String> {
        let code = FunctionCode::builder().zip_file(Blob::new(zip(files))).build();
        let architecture =
            if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::X8664 };
        let call = self
            .client
            .create_function()
            .function_name(name)
            .runtime(Runtime::Providedal2023)
            .role("arn:aws:iam::000000000000:role/tests")
            .handler("bootstrap")
            .architectures(architecture)
            .memory_size(128)
            .timeout(3)
            .code(code);
        let result = self.block_on(call.send());
        result.map(drop).map_err(|error| {
            format!("{}: {}", error.code().unwrap_or_default(), error.message().unwrap_or_default())
        })
    }

    /// Invokes it synchronously, with the log tail.
    #[track_caller]
    pub fn invoke(&self, name: &str, payload: &str) -> Answer {
        let call = self
            .client
            .invoke()
            .function_name(name)
            .log_type(LogType::Tail)
            .payload(Blob::new(payload));
        let answer = self.block_on(call.send()).unwrap_or_else(|error| {
            panic!("invoke {name}: {:?} {:?}", error.code(), error.message());
        });
        let log = base64::prelude::BASE64_STANDARD
            .decode(answer.log_result().unwrap_or_default())
            .expect("LogResult is base64");
        Answer {
            request_id: answer.request_id().unwrap_or_default().to_owned(),
            function_error: answer.function_error().map(str::to_owned),
            payload: answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default(),
            log: String::from_utf8_lossy(&log).into_owned(),
        }
    }
}

impl Drop for LocalLambda {
    fn drop(&mut self) {
        if let Some(local) = self.local.take() {
            self.runtime.block_on(local.shutdown());
        }
    }
}

/// A zip of executable files. Large ones are stored uncompressed: compression would take too long
/// for a test.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        let method = if content.len() > 1 << 20 {
            CompressionMethod::Stored
        } else {
            CompressionMethod::Deflated
        };
        let options =
            SimpleFileOptions::default().unix_permissions(0o755).compression_method(method);
        writer.start_file(*name, options).expect("a zip in memory");
        writer.write_all(content).expect("a zip in memory");
    }
    writer.finish().expect("a zip in memory").into_inner()
}

/// Formats bytes as a hexadecimal digest.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
