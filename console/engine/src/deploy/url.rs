//! A function's URL, and the two statements of its resource policy that a public URL requires.
//!
//! Source: AWS Lambda developer guide, "Control access to Lambda function URLs".

use aws_sdk_lambda::types::{self, FunctionUrlAuthType, InvokeMode};
use lambda_console_model::{Cors, Field, FunctionUrl, UrlAuth, UrlSetting};
use serde_json::Value;

use super::{Stage, diff::Diff};
use crate::{
    Job,
    aws::{
        error::{CallError, present},
        waiting::retry_change,
    },
};

/// IDs of the console's statements: the same as those of AWS's own tools.
const OPEN_URL: &str = "FunctionURLAllowPublicAccess";
const OPEN_FUNCTION: &str = "FunctionURLAllowInvokeAction";

/// The statements of a resource policy that allow everybody to call the URL, by their IDs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants {
    /// `lambda:InvokeFunctionUrl` without an identity.
    url: Vec<String>,
    /// `lambda:InvokeFunction` through the URL.
    function: Vec<String>,
}

impl Grants {
    /// Returns `true` if both exist: AWS requires both.
    pub(super) fn are_open(&self) -> bool {
        !self.url.is_empty() && !self.function.is_empty()
    }

    fn are_closed(&self) -> bool {
        self.url.is_empty() && self.function.is_empty()
    }

    pub(super) fn of(policy: &str) -> Self {
        let policy: Value = serde_json::from_str(policy).unwrap_or_default();
        let statements = policy["Statement"].as_array().map(Vec::as_slice).unwrap_or_default();
        let with = |action: &str, key: &str, value: &str| {
            let open = |statement: &&Value| {
                let principal = &statement["Principal"];
                let everybody = principal == "*" || principal["AWS"] == "*";
                let conditions = statement["Condition"].as_object();
                let mut conditions = conditions
                    .into_iter()
                    .flatten()
                    .filter_map(|(_, keys)| keys.as_object())
                    .flatten();
                statement["Effect"] == "Allow"
                    && statement["Action"] == action
                    && everybody
                    && conditions.next().is_some_and(|(name, is)| name == key && is == value)
                    && conditions.next().is_none()
            };
            let ids =
                statements.iter().filter(open).filter_map(|statement| statement["Sid"].as_str());
            ids.map(str::to_owned).collect()
        };
        Self {
            url: with("lambda:InvokeFunctionUrl", "lambda:FunctionUrlAuthType", "NONE"),
            function: with("lambda:InvokeFunction", "lambda:InvokedViaFunctionUrl", "true"),
        }
    }
}

/// Reads the URL of the function or of its alias, and the statements of its access.
pub(super) async fn get(
    stage: &Stage,
    name: &str,
    alias: Option<&str>,
) -> Result<(Option<FunctionUrl>, Grants), CallError> {
    let qualifier = || alias.map(str::to_owned);
    let url = stage.call(|clients| async move {
        clients
            .lambda()
            .get_function_url_config()
            .function_name(name)
            .set_qualifier(qualifier())
            .send()
            .await
    });
    let policy = stage.call(|clients| async move {
        clients.lambda().get_policy().function_name(name).set_qualifier(qualifier()).send().await
    });
    let (url, policy) = tokio::join!(url, policy);
    let url = present(url)?.map(|url| FunctionUrl {
        auth: if url.auth_type() == &FunctionUrlAuthType::None {
            UrlAuth::None
        } else {
            UrlAuth::Iam
        },
        streaming: Some(url.invoke_mode() == Some(&InvokeMode::ResponseStream)),
        cors: url.cors().map(cors_of),
    });
    let grants = present(policy)?.map(|policy| Grants::of(policy.policy().unwrap_or_default()));
    Ok((url, grants.unwrap_or_default()))
}

fn cors_of(cors: &types::Cors) -> Cors {
    Cors {
        allow_origins: cors.allow_origins().to_vec(),
        allow_methods: cors.allow_methods().to_vec(),
        allow_headers: cors.allow_headers().to_vec(),
        expose_headers: cors.expose_headers().to_vec(),
        max_age: cors.max_age().map(|seconds| seconds as u32),
        allow_credentials: cors.allow_credentials().unwrap_or(false),
    }
}

/// Adds the differences to `diff`.
pub(super) fn compare(
    setting: &UrlSetting,
    found: Option<&FunctionUrl>,
    grants: &Grants,
    diff: &mut Diff,
) {
    let wanted = match setting {
        UrlSetting::Absent => {
            if let Some(found) = found {
                diff.remove(Field::Url, found.auth.name());
            }
            None
        }
        UrlSetting::Present(wanted) => {
            diff.set(
                Field::UrlAuth,
                found.map(|found| found.auth.name().to_owned()),
                wanted.auth.name(),
            );
            if let Some(streaming) = wanted.streaming {
                let was = found.map(|found| found.streaming.unwrap_or(false));
                // A new one is buffered by default.
                if was.unwrap_or(false) != streaming {
                    diff.set(
                        Field::UrlStreaming,
                        was.map(|was| yes(was).to_owned()),
                        yes(streaming),
                    );
                }
            }
            if let Some(cors) = &wanted.cors {
                let was = found
                    .and_then(|found| found.cors.as_ref())
                    .map(cors_text)
                    .filter(|text| !text.is_empty());
                match (was, cors_text(cors)) {
                    (None, text) if text.is_empty() => {}
                    (Some(was), text) if text.is_empty() => diff.remove(Field::UrlCors, &was),
                    (was, text) => diff.set(Field::UrlCors, was, text),
                }
            }
            Some(wanted.auth)
        }
    };
    if wanted == Some(UrlAuth::None) {
        if !grants.are_open() {
            diff.set(Field::UrlPermission, None, "everybody");
        }
    } else if !grants.are_closed() {
        diff.remove(Field::UrlPermission, "everybody");
    }
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// The settings in one line, in a fixed order: AWS does not keep theirs.
fn cors_text(cors: &Cors) -> String {
    let Cors {
        allow_origins,
        allow_methods,
        allow_headers,
        expose_headers,
        max_age,
        allow_credentials,
    } = cors;
    let lists = [
        ("origins", allow_origins),
        ("methods", allow_methods),
        ("headers", allow_headers),
        ("exposed", expose_headers),
    ];
    let mut parts: Vec<String> = Vec::new();
    for (name, list) in lists {
        let mut list: Vec<&str> = list.iter().map(String::as_str).collect();
        list.sort_unstable();
        if !list.is_empty() {
            parts.push(format!("{name} {}", list.join(",")));
        }
    }
    parts.extend(max_age.filter(|seconds| *seconds > 0).map(|seconds| format!("{seconds} s")));
    parts.extend(allow_credentials.then(|| "credentials".to_owned()));
    parts.join("; ")
}

/// One URL on one stage.
pub(super) struct Place<'a> {
    pub(super) stage: &'a Stage,
    pub(super) name: &'a str,
    pub(super) alias: Option<&'a str>,
    pub(super) job: &'a Job,
}

impl Place<'_> {
    fn qualifier(&self) -> Option<String> {
        self.alias.map(str::to_owned)
    }

    pub(super) async fn create(&self, url: &FunctionUrl) -> Result<(), CallError> {
        let made = retry_change(self.stage, self.name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                let create = clients.lambda().create_function_url_config().function_name(self.name);
                create
                    .set_qualifier(self.qualifier())
                    .auth_type(auth(url))
                    .set_invoke_mode(mode(url))
                    .set_cors(url.cors.as_ref().map(cors))
                    .send()
                    .await
            })
        });
        made.await.map(|_| ())
    }

    pub(super) async fn update(&self, url: &FunctionUrl) -> Result<(), CallError> {
        let changed = retry_change(self.stage, self.name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                let update = clients.lambda().update_function_url_config().function_name(self.name);
                update
                    .set_qualifier(self.qualifier())
                    .auth_type(auth(url))
                    .set_invoke_mode(mode(url))
                    .set_cors(url.cors.as_ref().map(cors))
                    .send()
                    .await
            })
        });
        changed.await.map(|_| ())
    }

    pub(super) async fn delete(&self) -> Result<(), CallError> {
        let gone = retry_change(self.stage, self.name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                let delete = clients.lambda().delete_function_url_config().function_name(self.name);
                delete.set_qualifier(self.qualifier()).send().await
            })
        });
        present(gone.await).map(drop)
    }

    /// Allows everybody to call it: adds the missing statements.
    pub(super) async fn open(&self, grants: &Grants) -> Result<(), CallError> {
        if grants.url.is_empty() {
            self.allow(OPEN_URL, "lambda:InvokeFunctionUrl").await?;
        }
        if grants.function.is_empty() {
            self.allow(OPEN_FUNCTION, "lambda:InvokeFunction").await?;
        }
        Ok(())
    }

    async fn allow(&self, id: &str, action: &str) -> Result<(), CallError> {
        let is_url = id == OPEN_URL;
        let allowed = retry_change(self.stage, self.name, &self.job.cancel, || {
            self.stage.call(|clients| async move {
                let allow = clients
                    .lambda()
                    .add_permission()
                    .function_name(self.name)
                    .statement_id(id)
                    .action(action);
                allow
                    .set_qualifier(self.qualifier())
                    .principal("*")
                    .set_function_url_auth_type(is_url.then_some(FunctionUrlAuthType::None))
                    .set_invoked_via_function_url((!is_url).then_some(true))
                    .send()
                    .await
            })
        });
        allowed.await.map(|_| ())
    }

    /// Removes the public access.
    pub(super) async fn close(&self, grants: &Grants) -> Result<(), CallError> {
        for id in grants.url.iter().chain(&grants.function) {
            let gone = retry_change(self.stage, self.name, &self.job.cancel, || {
                self.stage.call(|clients| async move {
                    let remove = clients
                        .lambda()
                        .remove_permission()
                        .function_name(self.name)
                        .statement_id(id);
                    remove.set_qualifier(self.qualifier()).send().await
                })
            });
            present(gone.await)?;
        }
        Ok(())
    }
}

fn auth(url: &FunctionUrl) -> FunctionUrlAuthType {
    FunctionUrlAuthType::from(url.auth.name())
}

fn mode(url: &FunctionUrl) -> Option<InvokeMode> {
    url.streaming
        .map(|streaming| if streaming { InvokeMode::ResponseStream } else { InvokeMode::Buffered })
}

fn cors(cors: &Cors) -> types::Cors {
    let list = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    types::Cors::builder()
        .set_allow_origins(list(&cors.allow_origins))
        .set_allow_methods(list(&cors.allow_methods))
        .set_allow_headers(list(&cors.allow_headers))
        .set_expose_headers(list(&cors.expose_headers))
        .set_max_age(cors.max_age.map(|seconds| seconds as i32))
        .set_allow_credentials(cors.allow_credentials.then_some(true))
        .build()
}
