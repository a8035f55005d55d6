//! A function as Lambda describes it.

use aws_sdk_lambda::operation::get_function::GetFunctionOutput;

use crate::aws::{
    error::{CallError, present},
    stage::Stage,
};

/// Returns the answer of `GetFunction`; `None` if there is no such function or version.
pub(crate) async fn get_function(
    stage: &Stage,
    name: &str,
    qualifier: Option<&str>,
) -> Result<Option<GetFunctionOutput>, CallError> {
    let answer = stage
        .call(|clients| async move {
            let ask = clients.lambda().get_function().function_name(name);
            ask.set_qualifier(qualifier.map(str::to_owned)).send().await
        })
        .await;
    present(answer)
}
