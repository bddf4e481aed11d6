//! `vigilmon completion` and `vigilmon man`: what the definition of the command itself tells.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Arguments;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};

/// The command's name.
const NAME: &str = "vigilmon";

/// For which shell.
#[derive(Args, Debug)]
pub(crate) struct CompletionArgs {
    /// bash, zsh, fish, elvish or powershell
    #[arg(value_enum, hide_possible_values = true)]
    shell: Shell,
}

/// Where to.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// The folder to write the pages into; it is made where it does not exist
    folder: PathBuf,
}

/// Prints the completion of a shell.
pub(crate) fn completion(args: &CompletionArgs) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), NAME, &mut script);
    output::lines(&[String::from_utf8_lossy(&script).trim_end()]);
    Ok(exit::DONE)
}

/// Writes a manual page for each command.
pub(crate) fn man(args: &ManArgs, format: Format) -> Result<u8, Failure> {
    let shown = args.folder.display();
    let written = fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), &args.folder));
    written.map_err(|error| {
        let message = format!("cannot write into {shown}: {error}");
        let hint = "name a folder that you may write to";
        Failure::new(exit::FAILED, message, hint)
    })?;
    let value = serde_json::json!({ "folder": args.folder });
    Ok(super::done(
        format,
        &format!("wrote the pages into {shown}"),
        &value,
    ))
}
