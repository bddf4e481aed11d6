//! `${NAME}` in texts: the value of an environment variable, put in after the file was parsed, so
//! that no value can become more than text. `$${` is a literal `${`.

/// The text with every variable in its place, and whether there was one; or what is wrong.
pub(super) fn expand(
    text: &str,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(literal) = before.strip_suffix('$') {
            expanded.push_str(literal);
            expanded.push_str("${");
            rest = &from[2..];
            continue;
        }
        expanded.push_str(before);
        let name = from[2..].split('}').next().unwrap_or_default();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let closed = from[2 + name.len()..].starts_with('}');
        if !closed || name.is_empty() || !name.chars().all(is_name) {
            return Err(
                "`${` begins the name of a variable; write $${ for a literal ${".to_owned(),
            );
        }
        let value = env(name).ok_or_else(|| format!("the variable {name} is not set"))?;
        expanded.push_str(&value);
        rest = &from[2 + name.len() + 1..];
    }
    expanded.push_str(rest);
    Ok(Some(expanded))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(name: &str) -> Option<String> {
        (name == "TOKEN").then(|| "a: [b]".to_owned())
    }

    #[test]
    fn a_variable_is_put_in_as_text() {
        let expanded = expand("x-${TOKEN}-${TOKEN}", &env).unwrap();
        assert_eq!(expanded.as_deref(), Some("x-a: [b]-a: [b]"));
        assert_eq!(expand("no $variable", &env).unwrap(), None);
    }

    #[test]
    fn two_dollars_are_one() {
        let expanded = expand("$${TOKEN} and ${TOKEN}", &env).unwrap();
        assert_eq!(expanded.as_deref(), Some("${TOKEN} and a: [b]"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_named() {
        let wrong = expand("${MISSING}", &env).unwrap_err();
        assert!(wrong.contains("MISSING"), "{wrong}");
        for text in ["${", "${}", "${A-B}", "${A"] {
            assert!(expand(text, &env).is_err(), "{text}");
        }
    }
}
