//! STS: the identity of the caller. There is one caller: the holder of the generated key.

use http::Response;

use crate::{
    account::ACCOUNT,
    http::{error::ApiError, query, response::Body},
};

/// Version of the API.
pub(crate) const VERSION: &str = "2011-06-15";
/// Supported actions.
const ACTIONS: [&str; 1] = ["GetCallerIdentity"];

/// Answers an action.
pub(crate) fn dispatch(
    form: &[(String, String)],
    request_id: &str,
) -> Result<Response<Body>, ApiError> {
    let action =
        form.iter().find(|(key, _)| key == "Action").map_or("", |(_, value)| value.as_str());
    if action != "GetCallerIdentity" {
        return Err(ApiError::unknown(&format!("the STS action {action:?}"), ACTIONS));
    }
    let result = format!(
        "<Arn>arn:aws:iam::{ACCOUNT}:user/local</Arn><UserId>LOCAL</UserId><Account>{ACCOUNT}</Account>"
    );
    Ok(query::reply(
        action,
        &format!("https://sts.amazonaws.com/doc/{VERSION}/"),
        &result,
        request_id,
    ))
}
