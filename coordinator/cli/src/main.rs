//! `vigilmon`: runs everything in one process (`up`), and is the command line of a coordinator.

use std::process::ExitCode;

use clap::{Arg, CommandFactory, Parser};

mod client;
mod commands;
mod configuration;
mod context;
mod failure;
mod format;
mod output;
mod pages;

/// An open, self-hosted, distributed uptime monitor
#[derive(Debug, Parser)]
#[command(name = "vigilmon", version, propagate_version = true, term_width = 80)]
pub(crate) struct Arguments {
    #[command(flatten)]
    context: context::ContextFlags,
    /// How data is printed: table, json or yaml
    #[arg(
        short,
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        hide_possible_values = true,
        help_heading = context::GLOBAL,
        hide_env = true,
        env = "VIGILMON_OUTPUT"
    )]
    output: output::Format,
    /// Without colours
    #[arg(
        long,
        global = true,
        help_heading = context::GLOBAL,
        hide_env = true,
        env = "VIGILMON_NO_COLOR"
    )]
    no_color: bool,
    #[command(subcommand)]
    command: commands::Command,
}

/// What is wrong with the arguments. The usage line names what was given as if it had to be, so
/// what variables give is left out of it.
fn refused(error: clap::Error) -> clap::Error {
    if !error.use_stderr() {
        // Help names the variables.
        return error;
    }
    let bare = |arg: Arg| arg.env(None::<&'static str>);
    let command = Arguments::command().mut_args(bare);
    let command = command.mut_subcommands(|one| one.mut_args(bare));
    command.try_get_matches().err().unwrap_or(error)
}

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| refused(error).exit());
    if arguments.no_color {
        anstream::ColorChoice::Never.write_global();
    }
    match commands::run(&arguments.command, &arguments.context, arguments.output) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::failure(&failure);
            ExitCode::from(failure.code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_the_variables_and_a_refusal_does_not_take_them_for_given() {
        let help = ["vigilmon", "up", "--help"];
        let help = Arguments::try_parse_from(help).err().map(refused).unwrap();
        assert!(!help.use_stderr());
        assert!(help.to_string().contains("VIGILMON_HTTP"), "{help}");
    }
}
