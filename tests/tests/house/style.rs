//! How the code reads, as far as a machine can tell: lengths, names of tests, log messages.

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::files::{self, File};
use crate::none;

/// Source lines of a file: neither blank, nor only a comment, nor in its test module.
const FILE_MAX: usize = 400;
/// Lines of a function, from its first to its closing brace.
const FUNCTION_MAX: usize = 60;
/// The macros that log.
const LOGGING: &[&str] = &["trace", "debug", "info", "warn", "error", "event"];

#[test]
fn a_file_is_one_thought() {
    let findings: Vec<String> = files::rust()
        .filter(|file| !file.is_test())
        .filter_map(|file| {
            let lines = file.source_lines();
            (lines > FILE_MAX).then(|| format!("{}: {lines} source lines", file.path))
        })
        .collect();
    none("a file has at most 400 source lines:", &findings);
}

#[test]
fn a_function_fits_on_a_screen() {
    none(
        "a function has at most 60 lines:",
        &look(|found| &mut found.long),
    );
}

#[test]
fn tests_are_named_as_sentences() {
    none(
        "a test's name does not begin with test_:",
        &look(|found| &mut found.prefixed),
    );
}

#[test]
fn no_test_is_ignored() {
    none("nothing is skipped:", &look(|found| &mut found.ignored));
}

#[test]
fn log_messages_are_constant_lower_case_and_without_full_stop() {
    none(
        "a log message is constant, lower-case, without full stop; values are fields:",
        &look(|found| &mut found.messages),
    );
}

/// What one kind of look found in all files.
fn look(kind: fn(&mut Findings) -> &mut Vec<String>) -> Vec<String> {
    let mut all = Vec::new();
    for file in files::rust() {
        let mut found = Findings::of(&file);
        all.append(kind(&mut found));
    }
    all
}

#[derive(Default)]
struct Findings {
    path: String,
    in_tests: bool,
    long: Vec<String>,
    prefixed: Vec<String>,
    ignored: Vec<String>,
    messages: Vec<String>,
}

impl Findings {
    fn of(file: &File) -> Self {
        let mut found = Self {
            path: file.path.clone(),
            in_tests: file.is_test(),
            ..Self::default()
        };
        found.visit_file(&file.parse());
        found
    }

    fn function(&mut self, attributes: &[syn::Attribute], name: &syn::Ident, body: &syn::Block) {
        let is = |attribute: &syn::Attribute, what: &str| {
            attribute
                .path()
                .segments
                .last()
                .is_some_and(|last| last.ident == what)
        };
        let place = format!("{}:{}: {name}", self.path, name.span().start().line);
        let is_test = attributes.iter().any(|attribute| is(attribute, "test"));
        if attributes.iter().any(|attribute| is(attribute, "ignore")) {
            self.ignored.push(place.clone());
        }
        if is_test && name.to_string().starts_with("test_") {
            self.prefixed.push(place.clone());
        }
        let lines = body.span().end().line - name.span().start().line + 1;
        if !is_test && !self.in_tests && lines > FUNCTION_MAX {
            self.long.push(format!("{place}: {lines} lines"));
        }
    }
}

impl<'ast> Visit<'ast> for Findings {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let before = self.in_tests;
        self.in_tests |= files::is_for_tests(&module.attrs);
        visit::visit_item_mod(self, module);
        self.in_tests = before;
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let logs = called
            .path
            .segments
            .last()
            .is_some_and(|last| LOGGING.iter().any(|name| last.ident == name));
        if logs && !self.in_tests {
            let at = called.path.span().start().line;
            if let Err(why) = judge(&called.tokens) {
                self.messages.push(format!("{}:{at}: {why}", self.path));
            }
        }
        visit::visit_macro(self, called);
    }
}

/// Judges the arguments of a logging macro.
fn judge(arguments: &TokenStream) -> Result<(), String> {
    let Some(message) = message(arguments) else {
        return Err("no message".to_owned());
    };
    let first = message.chars().next();
    if first.is_none_or(char::is_uppercase) {
        return Err(format!("{message:?} does not begin in lower case"));
    }
    if message.ends_with(['.', '!', ':']) {
        return Err(format!("{message:?} ends with a mark"));
    }
    if message.contains('{') {
        return Err(format!("{message:?} is not constant"));
    }
    Ok(())
}

/// The message: the last argument, when it is a string by itself.
fn message(arguments: &TokenStream) -> Option<String> {
    let mut last = Vec::new();
    for tree in arguments.clone() {
        match &tree {
            TokenTree::Punct(punct) if punct.as_char() == ',' => last.clear(),
            _ => last.push(tree),
        }
    }
    if last.is_empty() {
        // A comma behind the last argument.
        let tokens: Vec<TokenTree> = arguments.clone().into_iter().collect();
        let without = tokens[..tokens.len().saturating_sub(1)]
            .iter()
            .cloned()
            .collect();
        return if tokens.is_empty() {
            None
        } else {
            message(&without)
        };
    }
    let [TokenTree::Literal(literal)] = last.as_slice() else {
        return None;
    };
    syn::parse_str::<syn::LitStr>(&literal.to_string())
        .ok()
        .map(|text| text.value())
}

#[test]
fn the_judge_of_messages_knows_good_from_bad() {
    let judged = |text: &str| judge(&text.parse().unwrap());
    assert_eq!(judged(r#"monitor = %id, "monitor saved""#), Ok(()));
    assert_eq!(judged(r#"monitor = %f(a, b), "monitor saved","#), Ok(()));
    assert!(judged(r#""Monitor saved""#).is_err());
    assert!(judged(r#""monitor saved.""#).is_err());
    assert!(judged(r#""monitor {id} saved""#).is_err());
    assert!(judged(r#""saved {}", id"#).is_err());
    assert!(judged("?state").is_err());
    assert!(judged("").is_err());
}
