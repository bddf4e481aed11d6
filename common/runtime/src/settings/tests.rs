use super::*;

fn parse(text: &str) -> Settings {
    Settings::parse(Path::new("/etc/x/x.toml"), text)
}

fn complaints(problems: &Problems) -> Vec<String> {
    problems
        .as_slice()
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn values_come_with_the_line_that_they_stand_in() {
    let mut settings =
        parse("data = \"d\"\n\n[http]\nlisten = \"a:1\"\nmany = [\n \"x\",\n \"y\",\n]\n");
    assert_eq!(settings.path("data").unwrap().value, Path::new("/etc/x/d"));
    let listen = settings.text("http.listen").unwrap();
    assert_eq!(
        (listen.value.as_str(), listen.place.as_str()),
        ("a:1", "/etc/x/x.toml:4: http.listen")
    );
    let places: Vec<_> = settings
        .texts("http.many")
        .into_iter()
        .map(|text| text.place)
        .collect();
    assert_eq!(
        places,
        ["/etc/x/x.toml:6: http.many", "/etc/x/x.toml:7: http.many"]
    );
    assert!(settings.text("http.absent").is_none());
    assert_eq!(complaints(&settings.finish()), Vec::<String>::new());
}

#[test]
fn everything_wrong_with_a_file_is_said_at_once_with_its_lines() {
    let text = "lisen = 1\nlisten = 2\n[smtp\n[http]\nport = \"x\"\nlist = [1]\n[foreign]\nkey = 1\n[[region]]\nname = 1.5\n";
    let mut settings = parse(text);
    settings.text("listen");
    settings.number("http.port");
    settings.texts("http.list");
    for region in settings.each("region") {
        settings.text(&format!("{region}.name"));
    }
    let said = complaints(&settings.finish());
    let begins = [
        "/etc/x/x.toml:3: ",
        "/etc/x/x.toml:2: listen: is a number; write a text",
        "/etc/x/x.toml:5: http.port: is a text; write a whole number",
        "/etc/x/x.toml:6: http.list: is a list; write a list of texts",
        "/etc/x/x.toml:10: region[0].name: is a number with a fraction; write a text",
        "/etc/x/x.toml:1: lisen: is not known; known here: listen",
        "/etc/x/x.toml:7: foreign: is not known",
    ];
    for begin in begins {
        assert!(
            said.iter().any(|said| said.starts_with(begin)),
            "{begin} in {said:#?}"
        );
    }
    assert!(
        said.iter().all(|said| !said.contains("foreign.key")),
        "{said:#?}"
    );
}

#[test]
fn a_section_that_is_written_as_a_value_is_explained_and_the_other_way_round() {
    let mut settings = parse("http = 3\n[data]\n[empty]\n");
    settings.text("http.listen");
    settings.text("data");
    let said = complaints(&settings.finish());
    assert!(
        said.iter()
            .any(|said| said.contains(":1: http: is not known; it is a section")),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|said| said.contains(":2: data: is a section here")),
        "{said:?}"
    );
    assert!(
        said.iter()
            .any(|said| said.contains(":3: empty: is not known")),
        "{said:?}"
    );
}

#[test]
fn flags_go_over_the_file_and_say_so() {
    let file = || parse("listen = \"file\"\nmany = [\"file\"]\n");
    let flag = || "flag".to_owned();
    let listen = file().text_under("--listen", &Some(flag()), "listen");
    assert_eq!(listen, Some(Given::flag("--listen", flag())));
    let listen = file().text_under("--listen", &None, "listen").unwrap();
    assert_eq!(
        (listen.value.as_str(), listen.place.as_str()),
        ("file", "/etc/x/x.toml:1: listen")
    );
    assert_eq!(
        all_over("--many", &[], file().texts("many"))[0].value,
        "file"
    );
    assert_eq!(
        all_over("--many", &[flag()], file().texts("many"))[0].place,
        "--many"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let settings = Settings::read(Path::new("/nowhere/x.toml"));
    assert!(complaints(&settings.finish())[0].starts_with("/nowhere/x.toml: cannot read it"));
}
