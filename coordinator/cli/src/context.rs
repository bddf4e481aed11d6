//! Which coordinator is meant, and with which token: flags and environment first, then the first
//! context file that exists.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Deserialize;

use crate::failure::{Failure, exit};

/// Where a context is looked for beside `--context`, in this order.
const HERE: &str = "./vigilmon-data/context.toml";
const IN_HOME: &str = ".config/vigilmon/context.toml";
/// Over the flags that every command has.
pub(crate) const GLOBAL: &str = "Global options, also read from VIGILMON_ and their name";
/// The only project of this version.
const DEFAULT_PROJECT: &str = "default";

/// The flags that say which coordinator is meant.
#[derive(Args, Clone, Debug)]
pub(crate) struct ContextFlags {
    /// The context file: endpoint, authority and token
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        hide_env = true,
        value_name = "FILE",
        env = "VIGILMON_CONTEXT"
    )]
    context: Option<PathBuf>,
    /// The coordinator's gRPC address, such as https://localhost:8441
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        hide_env = true,
        value_name = "URL",
        env = "VIGILMON_ENDPOINT"
    )]
    endpoint: Option<String>,
    /// The API token; @FILE reads a file, env:NAME a variable
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        hide_env = true,
        value_name = "TOKEN",
        env = "VIGILMON_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
    /// The authority to trust, a PEM file
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        hide_env = true,
        value_name = "FILE",
        env = "VIGILMON_CA"
    )]
    ca: Option<PathBuf>,
    /// The project
    #[arg(
        long,
        global = true,
        help_heading = GLOBAL,
        hide_env = true,
        value_name = "NAME",
        env = "VIGILMON_PROJECT"
    )]
    project: Option<String>,
}

/// What a client needs.
#[derive(Clone)]
pub(crate) struct Context {
    /// The coordinator's gRPC address.
    pub(crate) endpoint: String,
    /// The authority in PEM form; `None`: the system's.
    pub(crate) ca: Option<Vec<u8>>,
    /// The token.
    pub(crate) token: String,
    /// The project.
    pub(crate) project: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    endpoint: Option<String>,
    ca_file: Option<PathBuf>,
    token: Option<String>,
    project: Option<String>,
}

impl Context {
    /// The context of a file that has all of it.
    pub(crate) fn of_file(path: &Path) -> Result<Self, Failure> {
        let flags = ContextFlags {
            context: Some(path.to_owned()),
            endpoint: None,
            token: None,
            ca: None,
            project: None,
        };
        flags.resolve()
    }
}

impl ContextFlags {
    /// Works out the context.
    pub(crate) fn resolve(&self) -> Result<Context, Failure> {
        let complete = self.endpoint.is_some() && self.token.is_some();
        let file = match self.find()? {
            Some(path) => read(&path)?,
            None if complete => File::default(),
            None => return Err(self.nowhere()),
        };
        let missing = |what: &str| Failure::usage(format!("no {what} is given"), String::new());
        let project = self.project.clone().or(file.project);
        let project = project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned());
        if project != DEFAULT_PROJECT {
            let message = format!("project `{project}` does not exist");
            return Err(Failure::new(
                exit::FAILED,
                message,
                "the only project is `default`",
            ));
        }
        let ca = self
            .ca
            .clone()
            .or(if self.endpoint.is_some() && self.ca.is_none() {
                file.ca_file.filter(|path| path.exists())
            } else {
                file.ca_file
            });
        Ok(Context {
            endpoint: self
                .endpoint
                .clone()
                .or(file.endpoint)
                .ok_or_else(|| missing("endpoint"))?,
            ca: ca.map(|path| read_bytes(&path)).transpose()?,
            token: match &self.token {
                Some(given) => secret("--token", given)?,
                None => file.token.ok_or_else(|| missing("token"))?,
            },
            project,
        })
    }

    fn find(&self) -> Result<Option<PathBuf>, Failure> {
        if let Some(path) = &self.context {
            return match path.exists() {
                true => Ok(Some(path.clone())),
                false if self.endpoint.is_some() && self.token.is_some() => Ok(None),
                false => Err(Failure::new(
                    exit::UNREACHABLE,
                    format!("the context file {} does not exist", path.display()),
                    "start `vigilmon up` first, or name another with --context",
                )),
            };
        }
        let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(IN_HOME));
        Ok([Some(PathBuf::from(HERE)), home]
            .into_iter()
            .flatten()
            .find(|path| path.exists()))
    }

    fn nowhere(&self) -> Failure {
        let message = format!(
            "no context: neither --context FILE, nor $VIGILMON_CONTEXT, nor {HERE}, nor ~/{IN_HOME}"
        );
        let hint = "start one with `vigilmon up`, or give --endpoint, --token and --ca";
        Failure::new(exit::UNREACHABLE, message, hint)
    }
}

fn read(path: &Path) -> Result<File, Failure> {
    let text = String::from_utf8_lossy(&read_bytes(path)?).into_owned();
    toml::from_str(&text).map_err(|error| {
        let message = format!("{} is no context file: {}", path.display(), error.message());
        Failure::new(
            exit::FAILED,
            message,
            "`vigilmon up` writes one into its data folder",
        )
    })
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| {
        Failure::new(
            exit::FAILED,
            format!("cannot read {}: {error}", path.display()),
            "",
        )
    })
}

/// A secret as a flag gives it: as it is, from `@FILE`, or from `env:NAME`.
pub(crate) fn secret(flag: &str, given: &str) -> Result<String, Failure> {
    if let Some(path) = given.strip_prefix('@') {
        let bytes = read_bytes(Path::new(path))?;
        return Ok(String::from_utf8_lossy(&bytes)
            .trim_end_matches(['\n', '\r'])
            .to_owned());
    }
    if let Some(name) = given.strip_prefix("env:") {
        return std::env::var(name).map_err(|_| {
            Failure::usage(
                format!("{flag}: the variable {name} is not set"),
                "export it first",
            )
        });
    }
    Ok(given.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_from_where_it_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        fs::write(&path, "vtk_abc\n").unwrap();
        let at = format!("@{}", path.display());
        assert_eq!(secret("--token", &at).unwrap(), "vtk_abc");
        assert_eq!(secret("--token", "vtk_abc").unwrap(), "vtk_abc");
        let missing = secret("--token", "env:VIGILMON_NO_SUCH_VARIABLE").unwrap_err();
        assert_eq!(missing.code, exit::USAGE);
    }
}
