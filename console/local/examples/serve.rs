//! The local Lambda alone, for driving it by hand with the AWS CLI or an SDK: `cargo run -p
//! lambda-console-local --example serve -- DIR [EMULATOR]` prints the endpoint as JSON and serves
//! until its standard input ends.

use std::{
    env,
    error::Error,
    io::{self, Read as _, Write as _},
    path::PathBuf,
    sync::Arc,
};

use lambda_console_local::{Options, open};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let dir = arguments.next().ok_or("the first argument must be the state directory")?;
    let emulator = arguments.next();
    let options = Options {
        dir,
        port: 0,
        region: "us-east-1".to_owned(),
        emulator: Arc::new(move || emulator.clone()),
    };
    let local = open(options).await?;
    let mut stdout = io::stdout();
    serde_json::to_writer(&mut stdout, local.endpoint())?;
    writeln!(stdout)?;
    stdout.flush()?;
    tokio::task::spawn_blocking(|| io::stdin().read_to_end(&mut Vec::new())).await??;
    local.shutdown().await;
    Ok(())
}
