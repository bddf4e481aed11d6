//! Against a name server that answers as the test wants.

use std::net::{SocketAddr, UdpSocket};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use vigilmon_common::outcome::Outcome;

use super::*;

/// What the name server says to a question.
enum Says {
    /// These addresses, of the question's family.
    Addresses(Vec<IpAddr>),
    /// A response code: 2 SERVFAIL, 3 NXDOMAIN, 5 REFUSED.
    Code(u8),
    Nothing,
}

const A: u16 = 1;
const NS: u16 = 2;

/// How long one question waits where the server answers: the server's thread may not run for a
/// while.
const ANSWERED: Duration = Duration::from_secs(5);
/// How long it waits where silence is what is tested.
const SILENT: Duration = Duration::from_millis(300);

/// What asks a name server; `say` is given the question's name, without dots, and type.
fn name_server(say: impl Fn(&str, u16) -> Says + Send + 'static) -> Resolver {
    resolver_of(server(say), ANSWERED)
}

/// What asks a name server that is silent where `say` says nothing.
fn silent_server(say: impl Fn(&str, u16) -> Says + Send + 'static) -> Resolver {
    resolver_of(server(say), SILENT)
}

fn server(say: impl Fn(&str, u16) -> Says + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            if let Some(response) = respond(&buffer[..length], &say) {
                let _ = socket.send_to(&response, from);
            }
        }
    });
    address
}

fn resolver_of(address: SocketAddr, question_timeout: Duration) -> Resolver {
    let mut connection = ConnectionConfig::udp();
    connection.port = address.port();
    let server = NameServerConfig::new(address.ip(), true, vec![connection]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut options = ResolverOpts::default();
    options.cache_size = 0;
    options.timeout = question_timeout;
    options.attempts = 0;
    let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    Resolver::asking(
        builder.with_options(options).build().unwrap(),
        question_timeout,
    )
}

fn respond(question: &[u8], say: &impl Fn(&str, u16) -> Says) -> Option<Vec<u8>> {
    let mut end = 12;
    let mut name = String::new();
    while question[end] != 0 {
        let length = usize::from(question[end]);
        name.push_str(&String::from_utf8_lossy(&question[end + 1..=end + length]));
        end += length + 1;
    }
    let kind = u16::from_be_bytes([question[end + 1], question[end + 2]]);
    let (code, addresses) = match say(&name.to_ascii_lowercase(), kind) {
        Says::Addresses(all) => {
            let v4 = kind == A;
            (0, all.into_iter().filter(|ip| ip.is_ipv4() == v4).collect())
        }
        Says::Code(code) => (code, Vec::new()),
        Says::Nothing => return None,
    };
    let count = u8::try_from(addresses.len()).unwrap();
    let mut response = question[..2].to_vec();
    response.extend([0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0]);
    response.extend(&question[12..end + 5]);
    for ip in addresses {
        let data = match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let [high, low] = kind.to_be_bytes();
        response.extend([
            0xc0,
            12,
            high,
            low,
            0,
            1,
            0,
            0,
            0,
            60,
            0,
            u8::try_from(data.len()).unwrap(),
        ]);
        response.extend(data);
    }
    Some(response)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const WITHIN: Duration = Duration::from_secs(10);

async fn resolve(resolver: &Resolver, family: IpFamily) -> Result<Vec<IpAddr>, Outcome> {
    let found = resolver.resolve("api.example.com", family, WITHIN).await;
    found.map_err(|failure| failure.outcome)
}

/// Code of a Down outcome.
fn down(found: Result<Vec<IpAddr>, Outcome>) -> ReasonCode {
    match found {
        Err(Outcome::Down(reason)) => reason.code,
        other => panic!("{other:?}"),
    }
}

/// Code of an inconclusive outcome.
fn ours(found: Result<Vec<IpAddr>, Outcome>) -> ReasonCode {
    match found {
        Err(Outcome::Inconclusive(reason)) => reason.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn both_families_are_asked_for_and_ipv6_goes_first() {
    let both = vec![ip("192.0.2.1"), ip("2001:db8::1")];
    let resolver = name_server(move |_, _| Says::Addresses(both.clone()));
    assert_eq!(
        resolve(&resolver, IpFamily::Any).await.unwrap(),
        [ip("2001:db8::1"), ip("192.0.2.1")]
    );
    assert_eq!(
        resolve(&resolver, IpFamily::V4).await.unwrap(),
        [ip("192.0.2.1")]
    );
    assert_eq!(
        resolve(&resolver, IpFamily::V6).await.unwrap(),
        [ip("2001:db8::1")]
    );
}

#[tokio::test]
async fn one_family_is_enough_even_when_the_other_is_not_answered() {
    let resolver = silent_server(|_, kind| match kind {
        A => Says::Addresses(vec![ip("192.0.2.1")]),
        _ => Says::Nothing,
    });
    assert_eq!(
        resolve(&resolver, IpFamily::Any).await.unwrap(),
        [ip("192.0.2.1")]
    );
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_the_targets_fault() {
    let resolver = name_server(|_, _| Says::Code(3));
    assert_eq!(
        down(resolve(&resolver, IpFamily::Any).await),
        ReasonCode::DnsNxdomain
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_the_targets_fault() {
    let resolver = name_server(|_, _| Says::Addresses(Vec::new()));
    assert_eq!(
        down(resolve(&resolver, IpFamily::Any).await),
        ReasonCode::DnsFailure
    );
    let only_v4 = name_server(|_, _| Says::Addresses(vec![ip("192.0.2.1")]));
    assert_eq!(
        down(resolve(&only_v4, IpFamily::V6).await),
        ReasonCode::DnsFailure
    );
}

#[tokio::test]
async fn a_failure_that_the_resolver_reports_is_the_targets_fault() {
    let resolver = name_server(|_, _| Says::Code(2));
    assert_eq!(
        down(resolve(&resolver, IpFamily::Any).await),
        ReasonCode::DnsFailure
    );
}

#[tokio::test]
async fn a_resolver_that_refuses_us_is_our_fault() {
    let resolver = name_server(|_, _| Says::Code(5));
    assert_eq!(
        ours(resolve(&resolver, IpFamily::Any).await),
        ReasonCode::AgentResolver
    );
}

#[tokio::test]
async fn a_resolver_that_says_nothing_is_our_fault() {
    let resolver = silent_server(|_, _| Says::Nothing);
    assert_eq!(
        ours(resolve(&resolver, IpFamily::Any).await),
        ReasonCode::AgentResolver
    );
    // Kept, so that nobody else gets its port, and never read.
    let mute = UdpSocket::bind("127.0.0.1:0").unwrap();
    let closed = mute.local_addr().unwrap();
    assert_eq!(
        ours(resolve(&resolver_of(closed, SILENT), IpFamily::Any).await),
        ReasonCode::AgentResolver
    );
}

#[tokio::test]
async fn a_resolver_that_waits_for_the_targets_servers_is_alive() {
    let address = server(|name, kind| match (name, kind) {
        ("", NS) => Says::Code(3),
        _ => Says::Nothing,
    });
    let resolver = resolver_of(address, Duration::from_secs(2));
    assert_eq!(
        down(resolve(&resolver, IpFamily::Any).await),
        ReasonCode::DnsFailure
    );
}

#[tokio::test]
async fn the_bound_of_the_check_holds_for_names_too() {
    let resolver = silent_server(|_, _| Says::Nothing);
    let within = Duration::from_millis(100);
    let found = resolver
        .resolve("api.example.com", IpFamily::Any, within)
        .await;
    assert_eq!(
        ours(found.map_err(|failure| failure.outcome)),
        ReasonCode::AgentResolver
    );
}

#[tokio::test]
async fn localhost_is_this_machine_whatever_the_name_servers_say() {
    let resolver = name_server(|_, _| Says::Addresses(vec![ip("192.0.2.1")]));
    for host in ["localhost", "app.localhost", "localhost."] {
        let found = resolver.resolve(host, IpFamily::Any, WITHIN).await.unwrap();
        assert_eq!(found, [ip("127.0.0.1"), ip("::1")], "{host}");
    }
    let found = resolver
        .resolve("localhost", IpFamily::V6, WITHIN)
        .await
        .unwrap();
    assert_eq!(found, [ip("::1")]);
}

#[tokio::test]
async fn many_names_are_resolved_at_once() {
    // As many as surely wait in the server's socket when it is not scheduled for a while.
    let resolver = name_server(|_, _| Says::Addresses(vec![ip("192.0.2.1")]));
    let asked = (0..100).map(|n| {
        let (resolver, host) = (&resolver, format!("host-{n}.example.com"));
        async move { resolver.resolve(&host, IpFamily::V4, WITHIN).await }
    });
    for found in futures_util::future::join_all(asked).await {
        assert_eq!(found.unwrap(), [ip("192.0.2.1")]);
    }
}
