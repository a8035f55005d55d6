//! Terraform's configuration of the functions. Pure.

use lambda_console_model::{Cors, UrlAuth};

use super::{
    file::{Comment, File},
    function::{Exported, Role, declares_group, group_owner},
    hcl::{self, Item},
    node::{self, Fields, Node, Piece},
};
use crate::resources::roles::trust;

/// First version of the provider with `invoked_via_function_url`, which a public URL needs.
const PUBLIC: &str = ">= 6.29";

/// Returns the configuration, in one file.
pub(super) fn files(functions: &[Exported], region: Option<&str>) -> Vec<File> {
    let mut items = Vec::new();
    for function in functions {
        items.extend(variable(function));
        if declares_group(functions, function) {
            items.push(log_group(function));
        }
        items.extend(role(function));
        items.extend(object(function));
        items.push(lambda(functions, function));
        items.extend(alias(function));
        items.extend(url(function));
    }
    let resources = hcl::print(&items);
    let mut head = vec![settings(functions)];
    head.extend(region.map(|region| {
        Item::Block(
            "provider \"aws\"".into(),
            attributes(Fields::new().with("region", region.into())),
        )
    }));
    for place in ["aws_caller_identity", "aws_partition", "aws_region"] {
        if resources.contains(&format!("data.{place}.current")) {
            head.push(Item::Block(format!("data \"{place}\" \"current\""), Vec::new()));
        }
    }
    let intro = "#\n# `lambda-console build` builds the zips. `terraform init` and `terraform apply` deploy them.\n\n";
    let text = format!("{intro}{}\n{resources}", hcl::print(&head));
    vec![File { path: "main.tf".into(), comment: Comment::Hash, text }]
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

fn attributes(fields: Fields) -> Vec<Item> {
    fields.entries().into_iter().map(|(key, value)| Item::Attribute(key, value)).collect()
}

fn resource(kind: &str, name: &str, fields: Fields) -> Item {
    Item::Block(format!("resource \"{kind}\" \"{name}\""), attributes(fields))
}

fn settings(functions: &[Exported]) -> Item {
    let is_public =
        |function: &Exported| function.url().is_some_and(|url| url.auth == UrlAuth::None);
    let version = if functions.iter().any(is_public) { PUBLIC } else { ">= 5.0" };
    let provider =
        Fields::new().with("source", "hashicorp/aws".into()).with("version", version.into());
    let mut content = attributes(Fields::new().with("required_version", ">= 1.5".into()));
    content.push(Item::Block(
        "required_providers".into(),
        attributes(Fields::new().with("aws", provider.map())),
    ));
    Item::Block("terraform".into(), content)
}

/// The secrets of a function, in one variable.
fn variable(function: &Exported) -> Option<Item> {
    let types: Vec<_> =
        function.secrets().map(|name| (name.clone(), Node::raw("string"))).collect();
    if types.is_empty() {
        return None;
    }
    let about = format!("Secret environment variables of {}", function.name);
    let fields = Fields::new()
        .with("description", Node::Text(about))
        .with("type", Node::Call("object".into(), vec![Node::Map(types)]))
        .with("sensitive", Node::Flag(true));
    Some(Item::Block(format!("variable \"{}_secrets\"", function.snake()), attributes(fields)))
}

fn log_group(function: &Exported) -> Item {
    let fields = Fields::new()
        .with("name", Node::text(&function.group))
        .number("retention_in_days", function.retention());
    resource("aws_cloudwatch_log_group", &function.snake(), fields)
}

fn role(function: &Exported) -> Vec<Item> {
    let Role::Own { attached, statements } = &function.role else { return Vec::new() };
    let name = function.snake();
    // The rest of the 64 characters is Terraform's.
    let prefix: String = function.name.chars().take(37).collect();
    let document = |value| Node::Call("jsonencode".into(), vec![value]);
    let fields = Fields::new()
        .with("name_prefix", Node::Text(format!("{prefix}-")))
        .with("assume_role_policy", document(Node::of_json(&trust(), &placed)));
    let policies = Node::List(attached.iter().map(|arn| placed(arn)).collect());
    let attachment = Fields::new()
        .with("for_each", Node::Call("toset".into(), vec![policies]))
        .with("role", Node::Raw(format!("aws_iam_role.{name}.name")))
        .with("policy_arn", Node::raw("each.value"));
    let mut items = vec![
        resource("aws_iam_role", &name, fields),
        resource("aws_iam_role_policy_attachment", &name, attachment),
    ];
    if !statements.is_empty() {
        let statements: Vec<Node> =
            statements.iter().map(|statement| Node::of_json(statement, &placed)).collect();
        let policy = Fields::new()
            .with("Version", "2012-10-17".into())
            .with("Statement", Node::List(statements));
        let fields = Fields::new()
            .with("name", "statements".into())
            .with("role", Node::Raw(format!("aws_iam_role.{name}.id")))
            .with("policy", document(policy.map()));
        items.push(resource("aws_iam_role_policy", &name, fields));
    }
    items
}

/// A text that may name the place of the deployment.
fn placed(text: &str) -> Node {
    let place = |piece: Piece<'_>| match piece {
        Piece::Partition => "data.aws_partition.current.partition",
        Piece::Account => "data.aws_caller_identity.current.account_id",
        // One of `name` and `region` is missing or deprecated in each version of the provider.
        Piece::Region => "data.aws_region.current.id",
        Piece::Text(_) => "",
    };
    node::placed(text, place, |pieces| {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => hcl::escaped(text),
            other => format!("${{{}}}", place(*other)),
        };
        format!("\"{}\"", pieces.iter().map(piece).collect::<String>())
    })
}

/// The path of the zip.
fn zip(function: &Exported) -> String {
    format!("\"${{path.module}}/{}\"", hcl::escaped(&function.zip))
}

/// The object that the zip is uploaded to, if there is a bucket.
fn object(function: &Exported) -> Option<Item> {
    let bucket = function.bucket.as_ref()?;
    let zip = zip(function);
    let key = match &function.config.s3_key {
        Some(key) => Node::text(key),
        None => Node::Raw(format!(
            "\"lambda-console/{}/${{filesha256({zip})}}.zip\"",
            hcl::escaped(&function.name)
        )),
    };
    let fields = Fields::new()
        .with("bucket", Node::text(bucket))
        .with("key", key)
        .with("source", Node::raw(&zip))
        .with("source_hash", Node::Raw(format!("filesha256({zip})")));
    Some(resource("aws_s3_object", &function.snake(), fields))
}

fn lambda(functions: &[Exported], function: &Exported) -> Item {
    let (name, zip, config) = (function.snake(), zip(function), &function.config);
    let role = match &function.role {
        Role::Given(arn) => placed(arn),
        Role::Own { .. } => Node::Raw(format!("aws_iam_role.{name}.arn")),
    };
    let mut fields = Fields::new()
        .with("function_name", Node::text(&function.name))
        .text("description", config.description.as_ref())
        .with("role", role)
        .with("runtime", function.runtime().into())
        .with("handler", function.handler().into())
        .with("architectures", Node::texts([function.architecture.name()]));
    fields = if function.bucket.is_some() {
        let object = format!("aws_s3_object.{name}");
        fields
            .with("s3_bucket", Node::Raw(format!("{object}.bucket")))
            .with("s3_key", Node::Raw(format!("{object}.key")))
    } else {
        fields.with("filename", Node::raw(&zip))
    };
    fields = fields
        .with("source_code_hash", Node::Raw(format!("filebase64sha256({zip})")))
        .number("memory_size", config.memory)
        .number("timeout", config.timeout)
        .texts("layers", config.layers.as_deref().unwrap_or_default())
        .number("reserved_concurrent_executions", function.reserved())
        .maybe("publish", function.alias.as_ref().map(|_| Node::Flag(true)));
    if !config.tags.is_empty() {
        let tags = config.tags.iter().map(|(key, value)| (key.clone(), Node::text(value)));
        fields = fields.with("tags", Node::Map(tags.collect()));
    }
    // A function may run only while its role can write logs.
    if let Role::Own { statements, .. } = &function.role {
        let mut needed = vec![Node::Raw(format!("aws_iam_role_policy_attachment.{name}"))];
        if !statements.is_empty() {
            needed.push(Node::Raw(format!("aws_iam_role_policy.{name}")));
        }
        fields = fields.with("depends_on", Node::List(needed));
    }
    let mut content = attributes(fields);
    content.extend(blocks(functions, function));
    Item::Block(format!("resource \"aws_lambda_function\" \"{name}\""), content)
}

/// The blocks of a function.
fn blocks(functions: &[Exported], function: &Exported) -> Vec<Item> {
    let (name, config) = (function.snake(), &function.config);
    let mut blocks = Vec::new();
    let mut block = |head: &str, fields: Fields| {
        blocks.push(Item::Block(head.to_owned(), attributes(fields)));
    };
    if !function.env.is_empty() {
        let variable = |(key, value): &(String, Option<String>)| {
            let secret = || Node::Raw(format!("var.{name}_secrets.{key}"));
            (key.clone(), value.as_ref().map_or_else(secret, Node::text))
        };
        let variables = Node::Map(function.env.iter().map(variable).collect());
        block("environment", Fields::new().with("variables", variables));
    }
    if let Some(size) = config.ephemeral_storage {
        block("ephemeral_storage", Fields::new().number("size", Some(size)));
    }
    let group = group_owner(functions, function).snake();
    let logging = Fields::new()
        .with("log_format", function.log_format().into())
        .text("application_log_level", config.log.application_level.as_ref())
        .text("system_log_level", config.log.system_level.as_ref())
        .with("log_group", Node::Raw(format!("aws_cloudwatch_log_group.{group}.name")));
    block("logging_config", logging);
    if let Some(mode) = function.tracing() {
        block("tracing_config", Fields::new().with("mode", mode.into()));
    }
    if let Some(vpc) = function.vpc() {
        let ipv6 = vpc.ipv6_allowed_for_dual_stack.then_some(Node::Flag(true));
        let fields = Fields::new()
            .with("subnet_ids", Node::texts(&vpc.subnet_ids))
            .with("security_group_ids", Node::texts(&vpc.security_group_ids))
            .maybe("ipv6_allowed_for_dual_stack", ipv6);
        block("vpc_config", fields);
    }
    blocks
}

fn alias(function: &Exported) -> Option<Item> {
    let name = function.snake();
    let fields = Fields::new()
        .with("name", Node::text(function.alias.as_ref()?))
        .with("function_name", Node::Raw(format!("aws_lambda_function.{name}.function_name")))
        .with("function_version", Node::Raw(format!("aws_lambda_function.{name}.version")));
    Some(resource("aws_lambda_alias", &name, fields))
}

fn url(function: &Exported) -> Vec<Item> {
    let Some(url) = function.url() else { return Vec::new() };
    let name = function.snake();
    let place = |fields: Fields| {
        let alias = function.alias.as_ref();
        fields
            .with("function_name", Node::Raw(format!("aws_lambda_function.{name}.function_name")))
            .maybe("qualifier", alias.map(|_| Node::Raw(format!("aws_lambda_alias.{name}.name"))))
    };
    let mode = |streaming| if streaming { "RESPONSE_STREAM" } else { "BUFFERED" };
    let fields = place(Fields::new())
        .with("authorization_type", url.auth.name().into())
        .maybe("invoke_mode", url.streaming.map(|streaming| mode(streaming).into()));
    let mut content = attributes(fields);
    if let Some(cors) = url.cors.as_ref().filter(|cors| **cors != Cors::default()) {
        let fields = Fields::new()
            .texts("allow_origins", &cors.allow_origins)
            .texts("allow_methods", &cors.allow_methods)
            .texts("allow_headers", &cors.allow_headers)
            .texts("expose_headers", &cors.expose_headers)
            .number("max_age", cors.max_age)
            .maybe("allow_credentials", cors.allow_credentials.then_some(Node::Flag(true)));
        content.push(Item::Block("cors".into(), attributes(fields)));
    }
    let mut items =
        vec![Item::Block(format!("resource \"aws_lambda_function_url\" \"{name}\""), content)];
    if url.auth == UrlAuth::None {
        // The provider adds the other permission that a public URL needs.
        let fields = place(Fields::new())
            .with("statement_id", "PublicUrlInvoke".into())
            .with("action", "lambda:InvokeFunction".into())
            .with("principal", "*".into())
            .with("invoked_via_function_url", Node::Flag(true));
        items.push(resource("aws_lambda_permission", &format!("{name}_url"), fields));
    }
    let output = format!("output \"{name}_url\"");
    let value = Node::Raw(format!("aws_lambda_function_url.{name}.function_url"));
    items.push(Item::Block(output, attributes(Fields::new().with("value", value))));
    items
}
