//! What `vigilmon up` says once it is ready.

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::name::Region;
use vigilmon_coordinator::app::App;

use crate::output;

/// Prints where everything is.
pub(super) fn print(app: &App, regions: &[Region], addresses: &AddressPolicy) {
    let regions: Vec<&str> = regions.iter().map(Region::as_str).collect();
    let reaches = match addresses.allowed() {
        [] => "public addresses only".to_owned(),
        nets => {
            let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
            format!("public addresses, and {}", nets.join(", "))
        }
    };
    let mut lines = vec!["Vigilmon is ready.".to_owned(), String::new()];
    let public = app.public_url.as_str().trim_end_matches('/');
    if app.demo.is_some() {
        lines.push(format!("  Demonstration  {public}/demo"));
    }
    lines.push(format!("  Pages          {public}/"));
    lines.push(format!("  gRPC           https://{}", app.grpc));
    lines.push(format!(
        "  Regions        {} (all on this machine)",
        regions.join(", ")
    ));
    lines.push(format!("  May reach      {reaches}"));
    lines.push(format!("  Data           {}", app.data.display()));
    lines.push(String::new());
    lines.push("In another terminal:".to_owned());
    lines.push(format!(
        "  export VIGILMON_CONTEXT={}",
        app.context.display()
    ));
    lines.push("  vigilmon monitor add my-site --http https://example.com".to_owned());
    output::lines(&lines);
}
