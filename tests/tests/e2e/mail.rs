//! Mail through relays that want encryption and a password.

use vigilmon_tests::cli::Cli;
use vigilmon_tests::mail::{Mail, MailServer, Protection};
use vigilmon_tests::up::{Options, Up};

const USER: &str = "vigilmon@example.com";
/// Has characters that a URL must escape.
const PASSWORD: &str = "p@ss/w:rd canary5f1c";

/// A running Vigilmon with a mail channel.
struct Office {
    up: Up,
    cli: Cli,
}

impl Office {
    /// With this relay, whose certificate is trusted as an operator would have it trusted.
    fn start(relay: &MailServer, url: &str) -> Self {
        let options = Options::new()
            .env("VIGILMON_SMTP_URL", url)
            .env("VIGILMON_SMTP_FROM", "Vigilmon <vigilmon@example.com>");
        let options = match relay.authority() {
            Some(file) => options.env("SSL_CERT_FILE", file.to_str().unwrap()),
            None => options,
        };
        Self::with(&options)
    }

    fn with(options: &Options) -> Self {
        let up = Up::start(options);
        let cli = up.cli();
        cli.ok(&["channel", "add", "mail", "--email", "ops@example.com"]);
        Self { up, cli }
    }

    /// Sends a test that must arrive.
    #[track_caller]
    fn sends(&self, relay: &MailServer) -> Mail {
        self.cli.ok(&["channel", "test", "mail"]);
        relay.messages().pop().expect("the relay took it")
    }

    /// Sends a test that must not; what is said of it everywhere.
    #[track_caller]
    fn fails(&mut self, relay: &MailServer) -> String {
        let done = self.cli.run(&["channel", "test", "mail"]);
        assert_eq!(done.code, 1, "{done:#?}");
        assert!(relay.messages().is_empty());
        let tried = self.cli.rows(&["channel", "deliveries", "mail"]);
        let detail = tried[0]["detail"].as_str().unwrap().to_owned();
        assert!(done.err.contains(&detail), "{done:#?}");
        let log = self.up.process().log();
        for place in [&done.err, &detail, &log] {
            assert!(
                !place.contains("canary5f1c"),
                "the password is shown: {place}"
            );
        }
        detail
    }
}

#[test]
fn mail_goes_encrypted_and_with_the_password_to_relays_of_both_kinds() {
    for protection in [Protection::StartTls, Protection::Wrapped] {
        let relay = MailServer::start_with(protection, Some((USER, PASSWORD)));
        let office = Office::start(&relay, &relay.url_for(Some((USER, PASSWORD))));
        let mail = office.sends(&relay);
        assert!(mail.encrypted, "{mail:?}");
        assert_eq!(mail.login.as_deref(), Some(USER), "{mail:?}");
        assert_eq!(mail.to, ["ops@example.com"]);
    }
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let relay = MailServer::start_with(Protection::StartTls, Some((USER, "another one")));
    let mut office = Office::start(&relay, &relay.url_for(Some((USER, PASSWORD))));
    let said = office.fails(&relay);
    assert!(
        said.contains("535") && said.contains("user and password"),
        "{said}"
    );
}

#[test]
fn a_relay_that_wants_a_password_is_not_asked_without_one_in_vain() {
    let relay = MailServer::start_with(Protection::StartTls, Some((USER, PASSWORD)));
    let mut office = Office::start(&relay, &relay.url_for(None));
    let said = office.fails(&relay);
    assert!(
        said.contains("530") && said.contains("user and password"),
        "{said}"
    );
}

#[test]
fn a_relay_of_an_unknown_authority_gets_nothing() {
    for protection in [Protection::StartTls, Protection::Wrapped] {
        let relay = MailServer::start_with(protection, None);
        let url = relay.url_for(None);
        let options = Options::new()
            .env("VIGILMON_SMTP_URL", &url)
            .env("VIGILMON_SMTP_FROM", "vigilmon@example.com");
        let said = Office::with(&options).fails(&relay);
        assert!(said.contains("certificate"), "{said}");
    }
}

#[test]
fn a_relay_without_encryption_gets_mail_only_where_that_was_allowed() {
    let relay = MailServer::start();
    let required = relay.url().replace("tls=none", "tls=required");
    let mut office = Office::start(&relay, &required);
    let said = office.fails(&relay);
    assert!(said.contains("STARTTLS"), "{said}");

    let opportunistic = relay.url().replace("tls=none", "tls=opportunistic");
    let mail = Office::start(&relay, &opportunistic).sends(&relay);
    assert!(!mail.encrypted, "{mail:?}");

    let relay = MailServer::start_with(Protection::StartTls, None);
    let opportunistic = relay.url_for(None).replace("required", "opportunistic");
    let mail = Office::start(&relay, &opportunistic).sends(&relay);
    assert!(mail.encrypted, "where it is offered it is taken: {mail:?}");
}
