//! Template of AWS SAM for the functions. Pure.

use lambda_console_model::Cors;

use super::{
    file::{Comment, File},
    function::{Exported, Role, declares_group, group_owner, parameter},
    node::{self, Fields, Node, Piece},
    yaml,
};
use crate::resources::roles::trust;

/// Returns the template.
pub(super) fn files(functions: &[Exported], region: Option<&str>) -> Vec<File> {
    let mut parameters = Fields::new();
    let (mut resources, mut outputs) = (Fields::new(), Fields::new());
    for function in functions {
        for secret in function.secrets() {
            let name = parameter(function, secret);
            let about = format!("{secret} of {}", function.name);
            let fields = Fields::new()
                .with("Type", Node::text("String"))
                .with("NoEcho", Node::Flag(true))
                .with("Description", Node::Text(about));
            parameters = parameters.with(&name, fields.map());
        }
        let id = function.pascal();
        if declares_group(functions, function) {
            resources = resources.with(&format!("{id}LogGroup"), log_group(function));
        }
        resources = resources
            .maybe(&format!("{id}Role"), role(function))
            .with(&format!("{id}Function"), lambda(functions, function));
        if function.url().is_some() {
            let value = Node::Raw(format!("!GetAtt {id}FunctionUrl.FunctionUrl"));
            outputs = outputs.with(&format!("{id}Url"), Fields::new().with("Value", value).map());
        }
    }
    let some = |fields: Fields| {
        let entries = fields.entries();
        (!entries.is_empty()).then_some(Node::Map(entries))
    };
    let template = Fields::new()
        .with("AWSTemplateFormatVersion", Node::text("2010-09-09"))
        .with("Transform", Node::text("AWS::Serverless-2016-10-31"))
        .maybe("Parameters", some(parameters))
        .with("Resources", resources.map())
        .maybe("Outputs", some(outputs));
    let region = region.map(|region| format!(" --region {region}")).unwrap_or_default();
    let intro = format!(
        "#\n# `lambda-console build` builds the zips. `sam deploy --guided{region}` uploads and \
         deploys them.\n\n"
    );
    let text = format!("{intro}{}", yaml::print(&template.entries()));
    vec![File { path: "template.yaml".into(), comment: Comment::Hash, text }]
}

fn resource(kind: &str, properties: Fields) -> Node {
    Fields::new().with("Type", Node::text(kind)).with("Properties", properties.map()).map()
}

fn log_group(function: &Exported) -> Node {
    let fields = Fields::new()
        .with("LogGroupName", Node::text(&function.group))
        .number("RetentionInDays", function.retention());
    resource("AWS::Logs::LogGroup", fields)
}

fn role(function: &Exported) -> Option<Node> {
    let Role::Own { attached, statements } = &function.role else { return None };
    let policies = attached.iter().map(|arn| placed(arn)).collect();
    let mut fields = Fields::new()
        .with("AssumeRolePolicyDocument", Node::of_json(&trust(), &placed))
        .with("ManagedPolicyArns", Node::List(policies));
    if !statements.is_empty() {
        let statements =
            statements.iter().map(|statement| Node::of_json(statement, &placed)).collect();
        let document = Fields::new()
            .with("Version", Node::text("2012-10-17"))
            .with("Statement", Node::List(statements));
        let policy = Fields::new()
            .with("PolicyName", Node::text("statements"))
            .with("PolicyDocument", document.map());
        fields = fields.with("Policies", Node::List(vec![policy.map()]));
    }
    Some(resource("AWS::IAM::Role", fields))
}

/// A text that may name the place of the deployment. Without `!Sub` nothing in it is replaced.
fn placed(text: &str) -> Node {
    let place = |piece: Piece<'_>| match piece {
        Piece::Partition => "!Ref AWS::Partition",
        Piece::Account => "!Ref AWS::AccountId",
        Piece::Region => "!Ref AWS::Region",
        Piece::Text(_) => "",
    };
    node::placed(text, place, |pieces| {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.replace("${", "${!"),
            other => format!("${{{}}}", place(*other).trim_start_matches("!Ref ")),
        };
        format!("!Sub {}", yaml::quoted(&pieces.iter().map(piece).collect::<String>()))
    })
}

fn lambda(functions: &[Exported], function: &Exported) -> Node {
    let (id, config) = (function.pascal(), &function.config);
    let role = match &function.role {
        Role::Given(arn) => placed(arn),
        Role::Own { .. } => Node::Raw(format!("!GetAtt {id}Role.Arn")),
    };
    let group = group_owner(functions, function).pascal();
    let logging = Fields::new()
        .with("LogFormat", Node::text(function.log_format()))
        .text("ApplicationLogLevel", config.log.application_level.as_ref())
        .text("SystemLogLevel", config.log.system_level.as_ref())
        .with("LogGroup", Node::Raw(format!("!Ref {group}LogGroup")));
    let storage = config.ephemeral_storage.map(|size| Fields::new().number("Size", Some(size)));
    let mut fields = Fields::new()
        .with("FunctionName", Node::text(&function.name))
        .text("Description", config.description.as_ref())
        .with("CodeUri", Node::text(&function.zip))
        .with("Handler", Node::text(function.handler()))
        .with("Runtime", Node::text(function.runtime()))
        .with("Architectures", Node::texts([function.architecture.name()]))
        .with("Role", role)
        .number("MemorySize", config.memory)
        .number("Timeout", config.timeout)
        .maybe("EphemeralStorage", storage.map(Fields::map))
        .texts("Layers", config.layers.as_deref().unwrap_or_default())
        .number("ReservedConcurrentExecutions", function.reserved());
    if !function.env.is_empty() {
        let variable = |(key, value): &(String, Option<String>)| {
            let secret = || Node::Raw(format!("!Ref {}", parameter(function, key)));
            (key.clone(), value.as_ref().map_or_else(secret, Node::text))
        };
        let variables = Node::Map(function.env.iter().map(variable).collect());
        fields = fields.with("Environment", Fields::new().with("Variables", variables).map());
    }
    fields = fields
        .maybe("Tracing", function.tracing().map(Node::text))
        .with("LoggingConfig", logging.map());
    if let Some(vpc) = function.vpc() {
        let ipv6 = vpc.ipv6_allowed_for_dual_stack.then_some(Node::Flag(true));
        let vpc = Fields::new()
            .with("SubnetIds", Node::texts(&vpc.subnet_ids))
            .with("SecurityGroupIds", Node::texts(&vpc.security_group_ids))
            .maybe("Ipv6AllowedForDualStack", ipv6);
        fields = fields.with("VpcConfig", vpc.map());
    }
    fields = fields
        .text("AutoPublishAlias", function.alias.as_ref())
        .maybe("FunctionUrlConfig", url(function));
    if !config.tags.is_empty() {
        let tags = config.tags.iter().map(|(key, value)| (key.clone(), Node::text(value)));
        fields = fields.with("Tags", Node::Map(tags.collect()));
    }
    resource("AWS::Serverless::Function", fields)
}

fn url(function: &Exported) -> Option<Node> {
    let url = function.url()?;
    let mode = |streaming| if streaming { "RESPONSE_STREAM" } else { "BUFFERED" };
    let cors = url.cors.as_ref().filter(|cors| **cors != Cors::default()).map(|cors| {
        Fields::new()
            .texts("AllowOrigins", &cors.allow_origins)
            .texts("AllowMethods", &cors.allow_methods)
            .texts("AllowHeaders", &cors.allow_headers)
            .texts("ExposeHeaders", &cors.expose_headers)
            .number("MaxAge", cors.max_age)
            .maybe("AllowCredentials", cors.allow_credentials.then_some(Node::Flag(true)))
            .map()
    });
    let fields = Fields::new()
        .with("AuthType", Node::text(url.auth.name()))
        .maybe("InvokeMode", url.streaming.map(|streaming| Node::text(mode(streaming))))
        .maybe("Cors", cors);
    Some(fields.map())
}
