//! The execution role of a function that names none: made once, with a name that follows from the function's.

use super::{PATIENCE, Stage};
use crate::{message::Failure, work::paths::hex};

/// Lets Lambda, and nobody else, use the role.
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
/// IAM's limit on a role's name.
const MAX_NAME: usize = 64;

/// The role's ARN. A role that a deploy before made is used again; the policy is attached each time, for
/// that deploy may have been cut off between the two.
pub(super) async fn provide(stage: &Stage, function: &str) -> Result<String, Failure> {
    let name = &name(function);
    let what = format!("could not make the role {name}");
    let policy = &format!("arn:{}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole", stage.partition());
    let created = stage
        .call(|clients| async move {
            clients
                .iam()
                .create_role()
                .role_name(name)
                .assume_role_policy_document(TRUST)
                .description(format!("Made by lambda-console for {function}"))
                .send()
                .await
        })
        .await;
    let role = match created {
        Ok(output) => output.role().cloned(),
        Err(error) if matches!(error.code(), "EntityAlreadyExists" | "EntityAlreadyExistsException") => {
            let found =
                stage.call(|clients| async move { clients.iam().get_role().role_name(name).send().await }).await;
            found.map_err(|error| error.into_failure(what.clone()))?.role().cloned()
        }
        Err(error) => return Err(error.into_failure(what)),
    };
    let Some(role) = role else {
        return Err(Failure::work(what, "IAM answered without a role", "name one with `role` in the stage's settings"));
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let attached = stage
            .call(|clients| async move {
                clients.iam().attach_role_policy().role_name(name).policy_arn(policy).send().await
            })
            .await;
        match attached {
            Ok(_) => return Ok(role.arn().to_owned()),
            // IAM itself needs a moment to know a new role.
            Err(error) if error.is_not_found() && tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            Err(error) => return Err(error.into_failure(format!("could not let the role {name} write logs"))),
        }
    }
}

/// `lambda-console-<function>`, cut to IAM's limit with enough of a digest to stay unique.
fn name(function: &str) -> String {
    use sha2::Digest;
    let name = format!("lambda-console-{function}");
    if name.len() <= MAX_NAME {
        return name;
    }
    let digest: String = hex(&sha2::Sha256::digest(&name)).chars().take(8).collect();
    let head: String = name.chars().take(MAX_NAME - 9).collect();
    format!("{head}-{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_role_follows_from_its_function() {
        assert_eq!(name("hello"), "lambda-console-hello");
        let long = "f".repeat(63);
        assert_eq!(name(&long), name(&long));
        assert_eq!(name(&long).len(), 64);
        assert_ne!(name(&format!("{long}a")), name(&format!("{long}b")));
    }
}
