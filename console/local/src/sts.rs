//! STS: who the caller is. There is one caller: the holder of the generated key.

use crate::{call::Body, query, service::ACCOUNT};
use http::Response;

/// `GetCallerIdentity`.
pub(crate) fn get_caller_identity(request_id: &str) -> Response<Body> {
    let result =
        format!("<Arn>arn:aws:iam::{ACCOUNT}:user/local</Arn><UserId>LOCAL</UserId><Account>{ACCOUNT}</Account>");
    query::reply("GetCallerIdentity", "https://sts.amazonaws.com/doc/2011-06-15/", &result, request_id)
}
