//! A local Lambda in another process: this test program, started again. It can be killed, and its
//! memory and descriptors are its own.

use std::{
    env,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{Client, eventually, options};
use crate::open;

/// That process. It is killed when this is dropped.
pub(crate) struct SecondProcess {
    process: Child,
    pub(crate) client: Client,
}

impl SecondProcess {
    /// Starts it, and waits until it serves.
    pub(crate) async fn start(dir: &Path) -> Self {
        // Left by a process that was killed before.
        let _ = std::fs::remove_file(dir.join("endpoint.json"));
        let mut process = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "tests::second_process::helper_that_serves_until_it_is_killed",
                "--nocapture",
            ])
            .env("LAMBDA_LOCAL_TEST_DIR", dir)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let serves = async || {
            assert!(process.try_wait().unwrap().is_none(), "it ended");
            dir.join("endpoint.json").exists()
        };
        eventually("it serves", serves).await;
        let joined = open(options(dir)).await.unwrap();
        assert!(!joined.is_serving());
        Self { process, client: Client::new(joined.endpoint().clone()) }
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for SecondProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tokio::test]
async fn helper_that_serves_until_it_is_killed() {
    let Some(dir) = env::var_os("LAMBDA_LOCAL_TEST_DIR") else { return };
    let local = open(options(Path::new(&dir))).await.unwrap();
    assert!(local.is_serving());
    // Lets its descriptors be counted from outside.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable).unwrap();
    std::future::pending::<()>().await;
}
