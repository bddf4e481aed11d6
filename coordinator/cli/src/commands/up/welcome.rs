//! What `vigilmon up` says once it is ready.

use std::io::IsTerminal;

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::name::Region;
use vigilmon_coordinator::app::App;

use crate::output;

/// Where the values begin, and how wide a line may be.
const INDENT: usize = 17;
const WIDTH: usize = 80;

/// Prints where everything is.
pub(super) fn print(app: &App, regions: &[Region], addresses: &AddressPolicy) {
    let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
    let regions = format!("{} (all on this machine)", regions.join(", "));
    let public = app.public_url.as_str().trim_end_matches('/');
    let mut lines = vec!["Vigilmon is ready.".to_owned(), String::new()];
    if app.demo.is_some() {
        lines.extend(row("Demonstration", &format!("{public}/demo")));
    }
    lines.extend(row("Dashboard", &format!("{public}/")));
    lines.extend(sign_in(app));
    lines.extend(row("gRPC", &format!("https://{}", app.grpc)));
    lines.extend(row("Regions", &regions));
    lines.extend(row("May reach", &reaches(addresses)));
    lines.extend(row("Data", &app.data.display().to_string()));
    let context = app.context.display();
    lines.extend([
        String::new(),
        "In another terminal:".to_owned(),
        format!("  export VIGILMON_CONTEXT={context}"),
        "  vigilmon monitor add my-site --http https://example.com".to_owned(),
        "  vigilmon monitor list".to_owned(),
        String::new(),
        "Ctrl-C stops it; a second start finds everything again.".to_owned(),
    ]);
    output::lines(&lines);
}

/// A link that signs in, for whoever sits at the terminal; a file or a pipe is read by others.
fn sign_in(app: &App) -> Vec<String> {
    if !std::io::stdout().is_terminal() {
        return Vec::new();
    }
    match app.sign_in_link() {
        Ok(link) => {
            let mut lines = row("Sign in", "once, within 10 minutes:");
            lines.push(format!("    {link}"));
            lines
        }
        Err(error) => row("Sign in", &format!("{error:#}")),
    }
}

fn reaches(addresses: &AddressPolicy) -> String {
    match addresses.allowed() {
        [] => "public addresses only".to_owned(),
        nets => {
            let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
            format!("public addresses, and {}", nets.join(", "))
        }
    }
}

/// A label with its value; a long value goes on below itself, broken at blanks only.
fn row(label: &str, value: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = format!("  {label:width$}", width = INDENT - 2);
    for (place, word) in value.split(' ').enumerate() {
        if place > 0 && line.len() + 1 + word.len() > WIDTH {
            lines.push(line);
            line = " ".repeat(INDENT);
        } else if place > 0 {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_goes_on_below_itself() {
        let rows = row("May reach", &reaches(&AddressPolicy::local()));
        assert!(rows.len() > 1, "{rows:?}");
        assert!(rows.iter().all(|line| line.len() <= WIDTH), "{rows:?}");
        assert!(rows[0].starts_with("  May reach      public addresses, and 127"));
        assert!(rows[1].starts_with(&" ".repeat(INDENT)));
        assert_eq!(row("Data", "/a b"), ["  Data           /a b"]);
    }
}
