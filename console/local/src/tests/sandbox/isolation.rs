//! Files that a sandbox sees and may change: its code at `/var/task`, its layers at `/opt`, a
//! `/tmp` of its own; and that it shares none of them. Tested with the namespaces of this system if
//! it allows them, and always without.

use std::path::Path;

use serde_json::{Value, json};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{
    limits::Limits,
    sandbox::isolation,
    tests::{Server, api::layers::publish, bootstrap, eventually, quick, request, zip},
};

/// A bootstrap that runs the expression in its event, which reads and writes files.
const LOOK: &str = "does_as_told()";

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let script = bootstrap(LOOK);
    zip(&[&[("bootstrap", script.as_bytes())], files].concat())
}

impl Server {
    async fn create_zipped(&self, name: &str, zip: &[u8], settings: Value) {
        let reply = self.call("POST", "", request(name, zip, settings)).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        self.settled(name).await;
    }

    async fn does(&self, name: &str, what: &str) -> Value {
        self.invoke(name, &json!({ "do": what }).to_string()).await.json()
    }

    /// With namespaces or without.
    async fn isolated(namespaces: bool) -> Self {
        Self::start_with(Limits { namespaces, ..quick() }).await
    }
}

#[tokio::test]
async fn code_is_at_var_task_layers_are_at_opt_and_tmp_is_empty() {
    if isolation::namespace().is_none() {
        return;
    }
    let server = Server::isolated(true).await;
    let layer = publish(
        &server,
        "data",
        &zip(&[("data.txt", b"of the layer"), ("bin/tool", b"#!/bin/sh\necho ran")]),
    )
    .await;
    let settings = json!({ "Layers": [layer["LayerVersionArn"]] });
    server.create_zipped("f", &zipped(&[("own.txt", b"of the function")]), settings).await;
    server.create_zipped("bare", &zipped(&[]), json!({})).await;
    let look = "[root, opt, tmp, os.getcwd(), text('/var/task/own.txt'), text('own.txt'), \
        text('/opt/data.txt'), names('/opt'), names('/tmp'), os.popen('tool').read()]";
    let found = server.does("f", look).await;
    let wanted = json!([
        "/var/task",
        "/opt",
        "/tmp",
        "/var/task",
        "of the function",
        "of the function",
        "of the layer",
        ["bin", "data.txt"],
        [],
        "ran\n"
    ]);
    assert_eq!(found, wanted);
    assert_eq!(server.does("bare", "names('/opt')").await, json!([]), "not this machine's");
    let var = server.does("bare", "names('/var')").await;
    for entry in std::fs::read_dir("/var").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(var.as_array().unwrap().contains(&json!(name)), "{name} is missing in {var}");
    }
    assert_eq!(
        server.does("bare", "[os.getuid(), os.getgid()]").await,
        json!([rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()])
    );
    let writes = "[write('/var/task/x'), write('/opt/x'), write('/opt/data.txt'), write('/var/x'), \
        write('/tmp/x')]";
    assert_eq!(
        server.does("f", writes).await,
        json!(["EROFS", "EROFS", "EROFS", "EROFS", "written"])
    );
}

#[tokio::test]
async fn what_one_sandbox_writes_no_other_one_sees() {
    for namespaces in [true, false] {
        let server = Server::isolated(namespaces).await;
        let layer = publish(&server, "data", &zip(&[("data.txt", b"layer")])).await;
        let settings = json!({ "Layers": [layer["LayerVersionArn"]] });
        let bytes = zipped(&[("own.txt", b"own")]);
        for name in ["f", "g"] {
            server.create_zipped(name, &bytes, settings.clone()).await;
        }
        let write = "[write(root + '/own.txt'), write(root + '/new'), write(opt + '/data.txt'), \
            write(tmp + '/x')]";
        let slow = json!({ "do": write, "sleep": 0.2 }).to_string();
        let (first, second) = tokio::join!(server.invoke("f", &slow), server.invoke("f", &slow));
        assert_eq!(first.json()[3], "written", "{}", first.text());
        assert_eq!(second.json()[3], "written", "{}", second.text());
        let look =
            "[text(root + '/own.txt'), text(root + '/new'), text(opt + '/data.txt'), names(tmp)]";
        assert_eq!(
            server.does("g", look).await,
            json!(["own", "ENOENT", "layer", []]),
            "namespaces: {namespaces}"
        );
        let function = server.service().functions.get("f").unwrap();
        let code = server.service().codes.place(&function.code);
        assert_eq!(std::fs::read(code.join("own.txt")).unwrap(), b"own");
        assert_eq!(std::fs::read_dir(code).unwrap().count(), 2);
        server.call("DELETE", "/f", Value::Null).await;
        server.call("DELETE", "/g", Value::Null).await;
        eventually("what was a sandbox's own goes with it", async || {
            std::fs::read_dir(server.dir.path().join("sandboxes")).unwrap().count() == 0
        })
        .await;
    }
}

#[tokio::test]
async fn a_bootstrap_and_an_extension_may_be_links_into_a_layer() {
    if isolation::namespace().is_none() {
        return;
    }
    let server = Server::isolated(true).await;
    let script = bootstrap(LOOK);
    let layer =
        zip(&[("runtime/bootstrap", script.as_bytes()), ("nodejs/node_modules/m", b"module")]);
    let layer = publish(&server, "runtime", &layer).await;
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, target) in [
        ("bootstrap", "/opt/runtime/../runtime/bootstrap"),
        ("node_modules", "/opt/nodejs/node_modules"),
        ("loop", "loop"),
    ] {
        writer.add_symlink(name, target, SimpleFileOptions::default()).unwrap();
    }
    let bytes = writer.finish().unwrap().into_inner();
    server.create_zipped("f", &bytes, json!({ "Layers": [layer["LayerVersionArn"]] })).await;
    let found = server.does("f", "[text('node_modules/m'), text('loop')]").await;
    assert_eq!(found, json!(["module", "ELOOP"]));
    server.create_zipped("without", &bytes, json!({})).await;
    let error = server.does("without", "1").await;
    assert!(
        error["errorMessage"].as_str().unwrap().contains("Couldn't find valid bootstrap(s)"),
        "{error}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_serving_process_is_closed_to_functions() {
    let server = Server::start().await;
    assert_eq!(
        rustix::process::dumpable_behavior().unwrap(),
        rustix::process::DumpableBehavior::NotDumpable
    );
    server.create_zipped("f", &zipped(&[]), json!({})).await;
    let read = format!("text('/proc/{}/environ')", std::process::id());
    let read = server.does("f", &read).await;
    let is_root = rustix::process::geteuid().is_root();
    assert!(is_root || read == "EACCES" || read == "EPERM", "{read}");
    // Nothing of this process's environment is visible.
    let names = server.does("f", "sorted(os.environ)").await.to_string();
    assert!(!names.contains("CARGO"), "{names}");
    // The sandbox's own APIs still accept its connection.
    assert_eq!(server.does("f", "1").await, 1);
}

#[tokio::test]
async fn an_emulator_is_found_where_the_sandbox_has_something_else() {
    if isolation::namespace().is_none() || cfg!(not(target_arch = "x86_64")) {
        return;
    }
    // Under `/tmp`, which is the sandbox's own: a shell that runs the ARM64 bootstrap in place of
    // the emulator.
    let dir = tempfile::tempdir().unwrap();
    let emulator = dir.path().join("qemu-aarch64");
    std::fs::copy(std::fs::canonicalize("/bin/sh").unwrap(), &emulator).unwrap();
    assert!(emulator.starts_with("/tmp") || !Path::new("/tmp").exists(), "{}", emulator.display());
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(18, 0);
    elf.extend(183_u16.to_le_bytes());
    elf.resize(64, 0);
    let options = crate::Options {
        emulator: std::sync::Arc::new(move || Some(emulator.clone())),
        ..crate::tests::options(crate::tests::shared_dir().path())
    };
    let local = crate::server::local::open_with(options, quick()).await.unwrap();
    let client = crate::tests::Client::new(local.endpoint().clone());
    let create =
        request("arm", &zip(&[("bootstrap", &elf)]), json!({ "Architectures": ["arm64"] }));
    assert_eq!(client.lambda("POST", "/2015-03-31/functions", &create).await.status, 201);
    client.settled("arm").await;
    let error = client.lambda("POST", "/2015-03-31/functions/arm/invocations", &json!({})).await;
    // The shell was started, and could not run the file; a missing shell would give another error.
    assert!(error.text().contains("Runtime exited with error: exit status"), "{}", error.text());
    assert_eq!(error.json()["errorType"], "Runtime.ExitError");
    local.shutdown().await;
}

#[tokio::test]
async fn a_python_zip_without_the_right_to_run_is_refused_as_on_aws() {
    let server = Server::start().await;
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    writer.start_file("bootstrap", SimpleFileOptions::default().unix_permissions(0o600)).unwrap();
    std::io::Write::write_all(&mut writer, bootstrap("echo()").as_bytes()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    server.create_zipped("f", &bytes, json!({})).await;
    let error = server.invoke("f", "{}").await.json();
    assert!(
        error["errorMessage"]
            .as_str()
            .unwrap()
            .ends_with("fork/exec /var/task/bootstrap: permission denied")
    );
}
