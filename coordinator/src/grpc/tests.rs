mod access;
mod channels;
mod config;
mod deliveries;
mod fleet;
mod heartbeats;
mod incidents;
mod monitors;
mod scene;

use vigilmon_proto::v1;

fn api(url: &str) -> v1::MonitorSpec {
    let http = v1::HttpSpec {
        url: url.to_owned(),
        ..v1::HttpSpec::default()
    };
    v1::MonitorSpec {
        kind: Some(v1::monitor_spec::Kind::Http(http)),
        ..v1::MonitorSpec::default()
    }
}

fn create(name: &str, spec: v1::MonitorSpec) -> v1::CreateMonitorRequest {
    v1::CreateMonitorRequest {
        project: String::new(),
        monitor: Some(v1::Monitor {
            name: name.to_owned(),
            spec: Some(spec),
            ..v1::Monitor::default()
        }),
    }
}

fn get(reference: &str) -> v1::GetMonitorRequest {
    v1::GetMonitorRequest {
        project: String::new(),
        r#ref: reference.to_owned(),
    }
}
