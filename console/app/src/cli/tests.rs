use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("lambda-console").chain(line.split_whitespace()))
}

#[test]
fn the_command_line_is_consistent() {
    <Cli as clap::CommandFactory>::command().debug_assert();
}

#[test]
fn every_command_takes_the_options_before_and_after_it() {
    for command in <Cli as clap::CommandFactory>::command().get_subcommands() {
        let mut words = vec![command.get_name()];
        let mut command = command;
        while let Some(inner) = command.get_subcommands().next() {
            words.push(inner.get_name());
            command = inner;
        }
        let required = command.get_positionals().filter(|argument| argument.is_required_set());
        words.extend(required.map(|_| "f"));
        let command = words.join(" ");
        for line in [
            format!("--workspace w --stage s --profile p --region r --read-only --json {command}"),
            format!("{command} --workspace w --stage s --profile p --region r --read-only --json"),
        ] {
            let cli = parse(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
            let expected = Global {
                workspace: Some("w".into()),
                stage: Some("s".into()),
                profile: Some("p".into()),
                region: Some("r".into()),
                read_only: true,
                json: true,
            };
            assert_eq!(cli.global, expected, "{line}");
        }
    }
}

#[test]
fn the_documented_flags_are_taken() {
    for line in [
        "setup --check",
        "build a b --arch arm64 --debug",
        "build --arch x86_64",
        "package a --arch native",
        "size a b",
        "deploy a b --dry-run --yes",
        "settings a",
        "settings a memory=512 env.KEY=a=b url=AWS_IAM --unset env.OLD --env-file .env --dry-run \
        --yes",
        "settings a --reveal KEY",
        "invoke a --payload {} --qualifier live",
        "invoke a --payload -",
        "invoke a --payload -1",
        "invoke a --payload @file.json --async",
        "invoke a --event hello --cold",
        "invoke a --dry-run",
        "invoke a --stream --output out.bin",
        "invoke a --client-context {} --tenant acme --output out.json",
        "invoke a --client-context @context.json --async",
        "logs a b --follow --since 10m --filter text --request id",
        "stats a --since 7d",
        "delete a --dry-run",
        "delete a b --keep-logs --keep-role --yes",
        "iam --remove a b --yes",
        "iam --remove-unused",
        "iam --policy a b --for deploy delete",
        "iam --check",
        "versions",
        "versions a b --since 7d",
        "versions a --publish --description text",
        "versions a --prune 5 --yes",
        "rollback a",
        "rollback a 7 --yes",
        "rollback a --dry-run",
        "versions a b --publish --dry-run",
        "versions a --prune 5 --dry-run",
        "promote beta prod",
        "promote beta prod a b --dry-run",
        "promote beta prod a --canary",
        "promote beta prod a --canary 1,10 --every 30s --max-errors 0.5 --max-init 20 --min-invocations 100 \
        --yes",
        "export terraform",
        "export sam a b --out infrastructure --force",
        "export cdk --stage prod",
        "export cargo-lambda a",
        "export ci github",
        "export ci codebuild a --out .",
        "local --port 9001",
        "local --watch a b --arch native --debug --port 9001",
        "",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
    }
}

#[test]
fn old_names_are_the_new_ones() {
    for (old, new) in [
        ("config a memory=512", "settings a memory=512"),
        ("promote beta prod --canary --least 9", "promote beta prod --canary --min-invocations 9"),
        ("iam --policy --for config", "iam --policy --for settings"),
    ] {
        let (old, new) = (parse(old).unwrap(), parse(new).unwrap());
        assert_eq!(old.command, new.command);
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    for line in [
        "unknown",
        "invoke",
        "delete",
        "iam --remove",
        "iam --remove a --remove-unused",
        "rollback",
        "promote beta",
        "promote beta prod --canary 0",
        "promote beta prod --every 5m",
        "versions --publish",
        "versions --prune 3",
        "versions a --prune 3 --publish",
        "versions a --description text",
        "versions a --dry-run",
        "build --arch mips",
        "invoke a --payload {} --event b",
        "invoke a --async --dry-run",
        "invoke a --stream --async",
        "invoke a --dry-run --stream",
        "invoke a --async --output out.json",
        "export",
        "export ci",
        "export pulumi",
        "logs --since yesterday",
        "local --port 70000",
        "local hello",
        "local --debug",
    ] {
        assert_eq!(parse(line).expect_err(line).exit_code(), 2, "{line}");
    }
}

#[test]
fn one_failure_is_reported_as_it_is_and_several_together() {
    let failure = |why: &str| Failure::usage("could not deploy", why, "build it");
    assert_eq!(summary("deploy", 1, &[]), None);
    assert_eq!(summary("deploy", 2, &[("a".into(), failure("x"))]), Some(failure("x")));
    let both =
        summary("deploy", 3, &[("a".into(), failure("x")), ("b".into(), failure("y"))]).unwrap();
    assert_eq!(
        (both.what.as_str(), both.why.as_str()),
        ("could not deploy 2 of 3 functions", "a: x; b: y")
    );
    assert_eq!(both.kind, FailureKind::Usage);
}
