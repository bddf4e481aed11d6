//! Who reaches a channel: routes, by what they lead to at once and by their steps, monitors that
//! name it, and channels whose fallback it is.

use vigilmon_proto::v1;

use crate::client::Client;
use crate::failure::Failure;
use crate::format;

/// Who reaches a channel, in one sentence; or what happens as nobody does.
pub(super) async fn of(channel: &v1::Channel, client: &Client) -> Result<String, Failure> {
    let routes = super::super::route::all(client).await?;
    let monitors = super::super::monitor::all(client).await?;
    let channels = super::all(client).await?;
    Ok(sentence(channel, &routes, &monitors, &channels))
}

fn sentence(
    channel: &v1::Channel,
    routes: &[v1::Route],
    monitors: &[v1::Monitor],
    channels: &[v1::Channel],
) -> String {
    let is_it = |reference: &String| *reference == channel.name || *reference == channel.id;
    let leads: Vec<String> = routes
        .iter()
        .filter_map(|route| by_route(route, is_it))
        .collect();
    let named: Vec<&str> = monitors
        .iter()
        .filter(|one| one.spec.iter().any(|spec| spec.notify.iter().any(is_it)))
        .map(|one| one.name.as_str())
        .collect();
    let failing: Vec<&str> = channels
        .iter()
        .filter(|one| is_it(&one.fallback))
        .map(|one| one.name.as_str())
        .collect();
    let mut said = Vec::new();
    if routes.is_empty() {
        said.push(format!(
            "there is no route yet: {} gets every global incident of monitors without a `notify` \
             of their own",
            channel.name
        ));
    }
    if !leads.is_empty() {
        said.push(format!("reached by the routes {}", leads.join(", ")));
    }
    if !named.is_empty() {
        said.push(format!("named by the monitors {}", named.join(", ")));
    }
    if !failing.is_empty() {
        said.push(format!("gets what {} cannot deliver", failing.join(", ")));
    }
    if !routes.is_empty() && leads.is_empty() && named.is_empty() {
        let till = format!(
            "until one does (`vigilmon route add NAME --to {0}`), or a monitor names it (`--notify \
             {0}`)",
            channel.name
        );
        let less = if failing.is_empty() {
            "nothing"
        } else {
            "nothing else"
        };
        said.push(format!(
            "no route reaches {}: it gets {less} {till}",
            channel.name
        ));
    }
    said.join("; ")
}

/// A route as it leads to the channel: `night`, or `night (after 5m)` for a step of it.
fn by_route(route: &v1::Route, is_it: impl Fn(&String) -> bool) -> Option<String> {
    if route.to.iter().any(&is_it) {
        return Some(route.name.clone());
    }
    let step = route.then.iter().find(|step| step.to.iter().any(&is_it))?;
    let after = format::span_text(step.after.as_ref());
    Some(format!("{} (after {after})", route.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str, fallback: &str) -> v1::Channel {
        v1::Channel {
            id: format!("id-of-{name}"),
            name: name.to_owned(),
            fallback: fallback.to_owned(),
            ..Default::default()
        }
    }

    fn route(name: &str, to: &str, then: &str) -> v1::Route {
        let step = v1::RouteStep {
            after: Some(prost_types::Duration {
                seconds: 300,
                nanos: 0,
            }),
            to: vec![then.to_owned()],
        };
        v1::Route {
            name: name.to_owned(),
            to: vec![to.to_owned()],
            then: vec![step],
            ..Default::default()
        }
    }

    #[test]
    fn routes_reach_a_channel_at_once_or_by_a_step() {
        let routes = [route("day", "ops", "boss"), route("night", "boss", "ops")];
        let said = sentence(&channel("ops", ""), &routes, &[], &[]);
        assert_eq!(said, "reached by the routes day, night (after 5m)");
    }

    #[test]
    fn monitors_and_channels_that_name_it_are_said() {
        let monitor = v1::Monitor {
            name: "api".to_owned(),
            spec: Some(v1::MonitorSpec {
                notify: vec!["ops".to_owned()],
                ..Default::default()
            }),
            ..Default::default()
        };
        let (ops, mail) = (channel("ops", ""), channel("mail", "ops"));
        let routes = [route("day", "mail", "boss")];
        let all = [mail, ops.clone()];
        assert_eq!(
            sentence(&ops, &routes, &[monitor], &all),
            "named by the monitors api; gets what mail cannot deliver"
        );
        let said = sentence(&ops, &routes, &[], &all);
        assert!(
            said.starts_with(
                "gets what mail cannot deliver; no route reaches ops: it gets nothing else until"
            ),
            "{said}"
        );
    }

    #[test]
    fn a_channel_that_nobody_reaches_says_what_happens_then() {
        let ops = channel("ops", "");
        let said = sentence(&ops, &[route("day", "mail", "boss")], &[], &[]);
        assert!(
            said.starts_with("no route reaches ops: it gets nothing until one does"),
            "{said}"
        );
        let said = sentence(&ops, &[], &[], &[]);
        assert!(
            said.starts_with("there is no route yet: ops gets"),
            "{said}"
        );
    }
}
