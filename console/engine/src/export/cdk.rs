//! App of the AWS CDK for the functions, in TypeScript. Pure.

use std::fmt::Write as _;

use lambda_console_model::{Architecture, Cors, UrlAuth};

use super::{
    file::{Comment, File},
    function::{Exported, Role, declares_group, group_owner, parameter},
    node::{self, Fields, Node, Piece},
    typescript::{escaped, expression, quoted},
};

const CDK_JSON: &str = include_str!("cdk/cdk.json");
const PACKAGE_JSON: &str = include_str!("cdk/package.json");
const TSCONFIG_JSON: &str = include_str!("cdk/tsconfig.json");

/// Returns the app. `stack` is the name of its stack.
pub(super) fn files(functions: &[Exported], stack: &str, region: Option<&str>) -> Vec<File> {
    let file = |path: &str, comment, text: String| File { path: path.into(), comment, text };
    vec![
        file("app.ts", Comment::Slashes, app(functions, stack, region)),
        file("cdk.json", Comment::Json, CDK_JSON.to_owned()),
        file("package.json", Comment::Json, PACKAGE_JSON.to_owned()),
        file("tsconfig.json", Comment::Slashes, TSCONFIG_JSON.to_owned()),
    ]
}

/// The name of the stack of a workspace on a stage, in the characters that it may have.
pub(super) fn stack(workspace: &str, stage: Option<&str>) -> String {
    let name = [Some(workspace), stage].into_iter().flatten().collect::<Vec<_>>().join("-");
    let name: String = name
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one } else { '-' })
        .take(128)
        .collect();
    let name = name.trim_matches('-');
    if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("functions-{name}").trim_end_matches('-').to_owned()
    }
}

fn app(functions: &[Exported], stack: &str, region: Option<&str>) -> String {
    let mut content = String::new();
    for function in functions {
        let _ = writeln!(content, "\n    // {}", function.name);
        if declares_group(functions, function) {
            constant(&mut content, function, "LogGroup", &log_group(function));
        }
        constant(&mut content, function, "Role", &role(function));
        constant(&mut content, function, "Function", &lambda(functions, function));
        vpc(&mut content, function);
        for (key, value) in &function.config.tags {
            let _ = writeln!(
                content,
                "    cdk.Tags.of({}Function).add({}, {});",
                function.camel(),
                quoted(key),
                quoted(value)
            );
        }
        alias(&mut content, function);
        url(&mut content, function);
    }
    let region = region.map_or_else(|| "process.env.CDK_DEFAULT_REGION".to_owned(), quoted);
    format!(
        "//\n// `lambda-console build` builds the zips. `npm install` and `npx cdk deploy` deploy them.\n\n\
         import * as path from 'node:path';\n\n\
         import * as cdk from 'aws-cdk-lib';\n\
         import * as iam from 'aws-cdk-lib/aws-iam';\n\
         import * as lambda from 'aws-cdk-lib/aws-lambda';\n\
         import * as logs from 'aws-cdk-lib/aws-logs';\n\
         import {{ Construct }} from 'constructs';\n\n\
         class FunctionsStack extends cdk.Stack {{\n  \
         constructor(scope: Construct, id: string, props?: cdk.StackProps) {{\n    \
         super(scope, id, props);\n\
         {content}  }}\n}}\n\n\
         const app = new cdk.App();\n\
         new FunctionsStack(app, {}, {{\n  \
         env: {{ account: process.env.CDK_DEFAULT_ACCOUNT, region: {region} }},\n}});\n",
        quoted(stack)
    )
}

/// Adds `const helloRole = …;`.
fn constant(content: &mut String, function: &Exported, kind: &str, value: &Node) {
    let value = expression(value, 2);
    let _ = writeln!(content, "    const {}{kind} = {value};", function.camel());
}

/// `new kind(this, 'HelloRole', { … })`
fn construct(kind: &str, id: String, fields: Fields) -> Node {
    Node::Call(format!("new {kind}"), vec![Node::raw("this"), Node::Text(id), fields.map()])
}

fn log_group(function: &Exported) -> Node {
    let days = function.retention().map(|days| Node::Number(days.into()));
    let fields = Fields::new()
        .with("logGroupName", Node::text(&function.group))
        .with("retention", days.unwrap_or_else(|| Node::raw("logs.RetentionDays.INFINITE")));
    construct("logs.LogGroup", format!("{}LogGroup", function.own), fields)
}

fn role(function: &Exported) -> Node {
    let id = format!("{}Role", function.own);
    let (attached, statements) = match &function.role {
        Role::Given(arn) => {
            let fixed = Fields::new().with("mutable", Node::Flag(false));
            let arguments = vec![Node::raw("this"), Node::Text(id), placed(arn), fixed.map()];
            return Node::Call("iam.Role.fromRoleArn".into(), arguments);
        }
        Role::Own { attached, statements } => (attached, statements),
    };
    let policy = |(at, arn): (usize, &String)| {
        let id = Node::Text(format!("{}Policy{}", function.own, at + 1));
        let arguments = vec![Node::raw("this"), id, placed(arn)];
        Node::Call("iam.ManagedPolicy.fromManagedPolicyArn".into(), arguments)
    };
    let service = Node::text("lambda.amazonaws.com");
    let mut fields = Fields::new()
        .with("assumedBy", Node::Call("new iam.ServicePrincipal".into(), vec![service]))
        .with("managedPolicies", Node::List(attached.iter().enumerate().map(policy).collect()));
    if !statements.is_empty() {
        let statements =
            statements.iter().map(|statement| Node::of_json(statement, &placed)).collect();
        let document = Fields::new()
            .with("Version", Node::text("2012-10-17"))
            .with("Statement", Node::List(statements));
        let document = Node::Call("iam.PolicyDocument.fromJson".into(), vec![document.map()]);
        fields = fields.with("inlinePolicies", Fields::new().with("statements", document).map());
    }
    construct("iam.Role", id, fields)
}

/// A text that may name the place of the deployment.
fn placed(text: &str) -> Node {
    let place = |piece: Piece<'_>| match piece {
        Piece::Partition => "cdk.Aws.PARTITION",
        Piece::Account => "cdk.Aws.ACCOUNT_ID",
        Piece::Region => "cdk.Aws.REGION",
        Piece::Text(_) => "",
    };
    node::placed(text, place, |pieces| {
        let piece = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => escaped(text, '`'),
            other => format!("${{{}}}", place(*other)),
        };
        format!("`{}`", pieces.iter().map(piece).collect::<String>())
    })
}

fn lambda(functions: &[Exported], function: &Exported) -> Node {
    let (name, config) = (function.camel(), &function.config);
    let place =
        Node::Call("path.join".into(), vec![Node::raw("__dirname"), Node::text(&function.zip)]);
    let architecture = match function.architecture {
        Architecture::X86_64 => "lambda.Architecture.X86_64",
        Architecture::Arm64 | Architecture::Native => "lambda.Architecture.ARM_64",
    };
    let runtime = match function.runtime() {
        "provided.al2023" => Node::raw("lambda.Runtime.PROVIDED_AL2023"),
        "provided.al2" => Node::raw("lambda.Runtime.PROVIDED_AL2"),
        other => Node::Call("new lambda.Runtime".into(), vec![Node::text(other)]),
    };
    let seconds = |seconds: u32| call("cdk.Duration.seconds", seconds);
    let format = if function.log_format() == "JSON" { "JSON" } else { "TEXT" };
    let level = |kind: &str, level: Option<&String>| {
        level.map(|level| Node::Raw(format!("lambda.{kind}.{level}")))
    };
    let layer = |(at, arn): (usize, &String)| {
        let id = Node::Text(format!("{}Layer{}", function.own, at + 1));
        let arguments = vec![Node::raw("this"), id, Node::text(arn)];
        Node::Call("lambda.LayerVersion.fromLayerVersionArn".into(), arguments)
    };
    let layers: Vec<Node> = config.layers.iter().flatten().enumerate().map(layer).collect();
    let tracing = match function.tracing() {
        Some("Active") => Some(Node::raw("lambda.Tracing.ACTIVE")),
        Some(_) => Some(Node::raw("lambda.Tracing.PASS_THROUGH")),
        None => None,
    };
    let group = group_owner(functions, function).camel();
    let mut fields = Fields::new()
        .with("functionName", Node::text(&function.name))
        .text("description", config.description.as_ref())
        .with("code", Node::Call("lambda.Code.fromAsset".into(), vec![place]))
        .with("handler", Node::text(function.handler()))
        .with("runtime", runtime)
        .with("architecture", Node::raw(architecture))
        .with("role", Node::Raw(format!("{name}Role")))
        .number("memorySize", config.memory)
        .maybe("timeout", config.timeout.map(seconds))
        .maybe(
            "ephemeralStorageSize",
            config.ephemeral_storage.map(|size| call("cdk.Size.mebibytes", size)),
        )
        .maybe("layers", (!layers.is_empty()).then_some(Node::List(layers)))
        .number("reservedConcurrentExecutions", function.reserved());
    if !function.env.is_empty() {
        let variables = function.env.iter().map(|(key, value)| {
            let value = value.as_ref().map_or_else(|| secret(function, key), Node::text);
            (key.clone(), value)
        });
        fields = fields.with("environment", Node::Map(variables.collect()));
    }
    fields = fields
        .maybe("tracing", tracing)
        .with("loggingFormat", Node::Raw(format!("lambda.LoggingFormat.{format}")))
        .maybe(
            "applicationLogLevelV2",
            level("ApplicationLogLevel", config.log.application_level.as_ref()),
        )
        .maybe("systemLogLevelV2", level("SystemLogLevel", config.log.system_level.as_ref()))
        .with("logGroup", Node::Raw(format!("{group}LogGroup")));
    construct("lambda.Function", format!("{}Function", function.own), fields)
}

fn call(name: &str, number: u32) -> Node {
    Node::Call(name.to_owned(), vec![Node::Number(number.into())])
}

/// A parameter of the stack with the value of a secret.
fn secret(function: &Exported, variable: &str) -> Node {
    let id = parameter(function, variable);
    let parameter =
        construct("cdk.CfnParameter", id, Fields::new().with("noEcho", Node::Flag(true)));
    Node::Raw(format!("{}.valueAsString", expression(&parameter, 4)))
}

/// The subnets: a construct of a VPC would have to look its other properties up.
fn vpc(content: &mut String, function: &Exported) {
    let Some(vpc) = function.vpc() else { return };
    let ipv6 = vpc.ipv6_allowed_for_dual_stack.then_some(Node::Flag(true));
    let fields = Fields::new()
        .with("subnetIds", Node::texts(&vpc.subnet_ids))
        .with("securityGroupIds", Node::texts(&vpc.security_group_ids))
        .maybe("ipv6AllowedForDualStack", ipv6);
    let _ = writeln!(
        content,
        "    ({}Function.node.defaultChild as lambda.CfnFunction).vpcConfig = {};",
        function.camel(),
        expression(&fields.map(), 2)
    );
}

fn alias(content: &mut String, function: &Exported) {
    let Some(alias) = &function.alias else { return };
    let fields = Fields::new()
        .with("aliasName", Node::text(alias))
        .with("version", Node::Raw(format!("{}Function.currentVersion", function.camel())));
    let alias = construct("lambda.Alias", format!("{}Alias", function.own), fields);
    if function.url().is_some() {
        constant(content, function, "Alias", &alias);
    } else {
        let _ = writeln!(content, "    {};", expression(&alias, 2));
    }
}

fn url(content: &mut String, function: &Exported) {
    let Some(url) = function.url() else { return };
    let target = if function.alias.is_some() { "Alias" } else { "Function" };
    let auth = match url.auth {
        UrlAuth::Iam => "lambda.FunctionUrlAuthType.AWS_IAM",
        UrlAuth::None => "lambda.FunctionUrlAuthType.NONE",
    };
    let mode = |streaming| {
        let mode = if streaming { "RESPONSE_STREAM" } else { "BUFFERED" };
        Node::Raw(format!("lambda.InvokeMode.{mode}"))
    };
    let cors = url.cors.as_ref().filter(|cors| **cors != Cors::default());
    let fields = Fields::new()
        .with("authType", Node::raw(auth))
        .maybe("invokeMode", url.streaming.map(mode))
        .maybe("cors", cors.map(cors_of));
    let name = function.camel();
    let call = Node::Call(format!("{name}{target}.addFunctionUrl"), vec![fields.map()]);
    constant(content, function, "Url", &call);
    let output = Fields::new().with("value", Node::Raw(format!("{name}Url.url")));
    let output = construct("cdk.CfnOutput", format!("{}UrlOutput", function.own), output);
    let _ = writeln!(content, "    {};", expression(&output, 2));
}

fn cors_of(cors: &Cors) -> Node {
    let method = |method: &String| {
        let method = if method == "*" { "ALL" } else { method.as_str() };
        Node::Raw(format!("lambda.HttpMethod.{method}"))
    };
    let methods: Vec<Node> = cors.allow_methods.iter().map(method).collect();
    Fields::new()
        .texts("allowedOrigins", &cors.allow_origins)
        .maybe("allowedMethods", (!methods.is_empty()).then_some(Node::List(methods)))
        .texts("allowedHeaders", &cors.allow_headers)
        .texts("exposedHeaders", &cors.expose_headers)
        .maybe("maxAge", cors.max_age.map(|seconds| call("cdk.Duration.seconds", seconds)))
        .maybe("allowCredentials", cors.allow_credentials.then_some(Node::Flag(true)))
        .map()
}
