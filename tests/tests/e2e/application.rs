//! The application that the other tests watch does what its users' applications do.

use std::time::Duration;

use vigilmon_tests::application::Application;
use vigilmon_tests::wait;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn the_application_says_503_while_a_database_is_away_and_heals_by_itself() {
    let mut application = Application::start();
    assert!(
        application
            .get("/health")
            .unwrap()
            .body
            .contains(r#""status":"ok""#)
    );

    application.postgres.stop();
    expect(&application, 503, "degraded");
    application.postgres.start_again();
    expect(&application, 200, "ok");

    application.redis.stop();
    expect(&application, 503, "degraded");
    application.redis.start_again();
    expect(&application, 200, "ok");
}

fn expect(application: &Application, status: u16, word: &str) {
    for path in ["/health", "/health/ready"] {
        wait::until_true(&format!("{path} answers {status} {word}"), SOON, || {
            let answer = application
                .get(path)
                .expect("it answers within its own timeouts");
            answer.status == status && answer.body.contains(&format!(r#""status":"{word}""#))
        });
    }
    assert_eq!(application.get("/health/live").unwrap().status, 200);
}
