//! Execution roles: created for functions that name none, listed and removed; and the caller's own
//! permissions.
//!
//! A role that this program creates is identified by its path, `/lambda-console/REGION/`: a role
//! with any other path belongs to someone else, and is neither changed nor removed. Its name is
//! derived from the function's and the region's, so that it is created once and found again, and so
//! that a function of the same name in another region has a separate role.

mod list;
mod needs;
mod permissions;
mod policies;
mod role;

use sha2::{Digest, Sha256};

use crate::{aws::stage::Stage, workspace::paths::hex};

pub use list::roles;
pub(crate) use list::users;
pub use needs::Task;
pub use permissions::{check, policy};
pub(crate) use policies::{Held, RolePolicies, held, shown};
pub use role::remove;
pub(crate) use role::{attach, detach, provide, remove_all_of, set_statements, trust};

/// IAM's limit on a role's name.
const MAX_NAME: usize = 64;

/// The path of the roles of this program for functions in `region`.
pub(crate) fn path(region: &str) -> String {
    format!("/lambda-console/{region}/")
}

/// The name of the role of the function `remote` of the stage: `lambda-console-hello-eu-west-1`,
/// cut to IAM's limit with enough of a digest to stay unique.
pub(crate) fn role_name(stage: &Stage, remote: &str) -> String {
    name(remote, &stage.info().region)
}

fn name(function: &str, region: &str) -> String {
    let name = format!("lambda-console-{function}-{region}");
    if name.len() <= MAX_NAME {
        return name;
    }
    let digest: String = hex(&Sha256::digest(&name)).chars().take(8).collect();
    let head: String = name.chars().take(MAX_NAME - 9).collect();
    format!("{head}-{digest}")
}

/// The name of the role with this ARN, if this program created it for a function in `region`.
pub(crate) fn own_name<'a>(arn: &'a str, region: &str) -> Option<&'a str> {
    let (_, role) = arn.split_once(":role/lambda-console/")?;
    let name = role.strip_prefix(region)?.strip_prefix('/')?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod names {
    use super::*;

    #[test]
    fn the_name_of_a_role_follows_from_its_function_and_region() {
        assert_eq!(name("hello", "eu-west-1"), "lambda-console-hello-eu-west-1");
        let long = "f".repeat(63);
        assert_eq!(name(&long, "eu-west-1"), name(&long, "eu-west-1"));
        assert_eq!(name(&long, "eu-west-1").len(), 64);
        assert_ne!(name(&long, "eu-west-1"), name(&long, "eu-west-2"));
        assert_ne!(name(&format!("{long}a"), "eu-west-1"), name(&format!("{long}b"), "eu-west-1"));
    }

    #[test]
    fn a_role_is_ours_by_its_path_and_region_alone() {
        let of = |role: &str| {
            own_name(&format!("arn:aws:iam::123456789012:role/{role}"), "eu-west-1")
                .map(str::to_owned)
        };
        assert_eq!(
            of("lambda-console/eu-west-1/lambda-console-a-eu-west-1").as_deref(),
            Some("lambda-console-a-eu-west-1")
        );
        for other in [
            "lambda-console-a",
            "lambda-console/eu-west-2/a",
            "lambda-console/eu-west-1/",
            "x/lambda-console/eu-west-1/a",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
