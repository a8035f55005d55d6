//! Asks for the code of an MFA device, on the terminal that the command was started from, because
//! standard input may be a payload.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Write},
};

use lambda_console_engine::aws::stage::{Asker, CodeQuestion};
use lambda_console_model::Failure;
use tokio::sync::Mutex;

/// One question at a time.
static TERMINAL: Mutex<()> = Mutex::const_new(());

/// Returns an asker for the terminal; without one, it refuses.
pub(crate) fn asker() -> Asker {
    Asker::new(|question| Box::pin(ask(question)))
}

async fn ask(question: CodeQuestion) -> Result<String, Failure> {
    // A program that reads the output could not answer.
    if !std::io::stderr().is_terminal() {
        return Err(question.unanswered("and there is no terminal to ask for it"));
    }
    let _turn = TERMINAL.lock().await;
    let text = if question.refused { "the code was not accepted; " } else { "" };
    let prompt =
        format!("\r\x1b[K{text}MFA code of {} for the role {}: ", question.device, question.role);
    let read = tokio::task::spawn_blocking(move || {
        let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
        terminal.write_all(prompt.as_bytes())?;
        let mut line = String::new();
        BufReader::new(terminal).read_line(&mut line).map(|_| line)
    });
    let Ok(Ok(line)) = read.await else {
        return Err(question.unanswered("and there is no terminal to ask for it"));
    };
    let code: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    if code.is_empty() { Err(question.unanswered("and no code was entered")) } else { Ok(code) }
}
