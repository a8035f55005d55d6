//! The code that a promotion copies, and the alias that it moves.

use std::path::Path;

use lambda_console_model::{Architecture, Failure, Function, FunctionVersions, Zip};
use tokio_util::sync::CancellationToken;

use super::temp_zip::TempZip;
use crate::{
    aws::{
        alias::{self, Pointer},
        naming::hex_of,
        stage::Stage,
    },
    release::{canary::in_progress, code, read, versions::absent},
};

/// Source and target stage of a promotion.
pub(super) struct Promoter<'a> {
    pub(super) from: &'a Stage,
    pub(super) to: &'a Stage,
    /// The target without its alias: code and configuration are deployed first, the alias is moved
    /// after that.
    pub(super) unaliased: Stage,
    /// Directory of downloaded zips.
    pub(super) directory: &'a Path,
}

/// Code that the source stage's callers get of one function.
pub(super) struct Source {
    /// The function's name on the source stage.
    function: String,
    pub(super) version: String,
    /// Base64, as in Lambda's API.
    pub(super) sha256: String,
    pub(super) description: String,
    role: String,
}

impl Promoter<'_> {
    /// Returns `true` if both stages are names for one function.
    pub(super) fn is_one_function(&self, name: &str) -> bool {
        self.from.remote_name(name) == self.to.remote_name(name) && self.from.is_where(self.to)
    }

    pub(super) fn what(&self, name: &str) -> String {
        super::what(name, self.to)
    }

    /// Returns the code that the source stage's callers get, which is ambiguous during a canary.
    pub(super) async fn source(&self, name: &str) -> Result<Source, Failure> {
        let function = self.from.remote_name(name);
        let at = self.from.name();
        let Some(found) = read::all(self.from, &function).await? else {
            return Err(absent(self.from, name));
        };
        let version = match self.from.alias() {
            None => FunctionVersions::LATEST.to_owned(),
            Some(wanted) => {
                let Some(alias) = found.aliases.iter().find(|alias| alias.name == wanted) else {
                    let hint = format!("`lambda-console --stage {at} deploy {name}` creates it");
                    return Err(Failure::work(
                        self.what(name),
                        format!("{function} has no alias {wanted} on {at}"),
                        hint,
                    ));
                };
                if let Some(share) = &alias.canary {
                    return Err(in_progress(
                        self.what(name),
                        &at,
                        name,
                        wanted,
                        &alias::part(share),
                    ));
                }
                alias.version.clone()
            }
        };
        let Some(found) =
            found.versions.iter().find(|found| found.version() == Some(version.as_str()))
        else {
            return Err(Failure::work(
                self.what(name),
                format!("{function} has no version {version} on {at}"),
                "",
            ));
        };
        Ok(Source {
            sha256: found.code_sha256().unwrap_or_default().to_owned(),
            description: found.description().unwrap_or_default().to_owned(),
            role: found.role().unwrap_or_default().to_owned(),
            function,
            version,
        })
    }

    /// Returns the alias that the target's callers use, if the stage has one and it exists.
    pub(super) async fn before(&self, name: &str) -> Result<Option<Pointer>, Failure> {
        let Some(wanted) = self.to.alias() else { return Ok(None) };
        let Some(found) = alias::get(self.to, &self.to.remote_name(name), wanted).await? else {
            return Ok(None);
        };
        match &found.canary {
            Some(share) => Err(in_progress(
                self.what(name),
                &self.to.name(),
                name,
                wanted,
                &alias::part(share),
            )),
            None => Ok(Some(found)),
        }
    }

    /// Checks that a version can be promoted to a target that is an alias of the same function. A
    /// version includes its configuration, so the target stage cannot have a different one.
    pub(super) fn check_alias(&self, function: &Function, source: &Source) -> Result<(), Failure> {
        let (name, to) = (&function.name, self.to.name());
        let Some(wanted) = self.to.alias() else {
            let why =
                format!("both stages are the function {}, and {to} has no alias", source.function);
            let hint = format!(
                "give {to} an `alias`, or a `prefix` or `suffix` of its own, in its settings"
            );
            return Err(Failure::usage(self.what(name), why, hint));
        };
        if self.from.alias() == Some(wanted) {
            let why = format!("both stages are the alias {wanted} of {}", source.function);
            return Err(Failure::usage(
                self.what(name),
                why,
                format!("give {to} another `alias` in its settings"),
            ));
        }
        if let Some(role) = function.config.role.as_deref().or_else(|| self.to.role())
            && role != source.role
        {
            let why = format!(
                "version {} runs with the role {}, {to} wants {role}, and a version cannot be \
                changed",
                source.version, source.role
            );
            let hint = format!(
                "leave the role of {to} out, or give it a `prefix`, so that it is a function of \
                its own"
            );
            return Err(Failure::usage(self.what(name), why, hint));
        }
        Ok(())
    }

    /// `function` with the source's zip instead of the built one. The temporary file is removed
    /// when the guard drops.
    pub(super) async fn fetched(
        &self,
        function: &Function,
        source: &Source,
        cancel: &CancellationToken,
    ) -> Result<(Function, TempZip), Failure> {
        let code = code::fetch(self.from, &source.function, &source.version, cancel).await?;
        if code.sha256 != source.sha256 {
            let why = format!("{} was deployed to in the meantime", self.from.name());
            return Err(Failure::work(self.what(&function.name), why, "promote it again"));
        }
        let sha256 = hex_of(&code.sha256);
        let path =
            self.directory.join(format!("{}-{}.zip", function.name, uuid::Uuid::new_v4().simple()));
        let kept = TempZip::write(&path, &code.bytes).await.map_err(|error| {
            Failure::environment(
                self.what(&function.name),
                format!("{}: {error}", path.display()),
                "free some disk space",
            )
        })?;
        let architecture =
            if code.architecture == "arm64" { Architecture::Arm64 } else { Architecture::X86_64 };
        let zip = Zip { path, bytes: code.bytes.len() as u64, sha256 };
        Ok((Function { zip: Some(zip), architecture, bootstrap: None, ..function.clone() }, kept))
    }
}
