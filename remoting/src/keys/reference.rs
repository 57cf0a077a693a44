//! What is written from the table of keys: the reference page and the commented sample file.

use std::fmt::Write as _;

use super::{Allowed, Key, Keys};
use crate::properties::Properties;

/// The reference page: Markdown, one table per group of keys, then the values and keys that are not acted on.
pub fn reference_page<C: Keys>(title: &str) -> String {
    let defaults = C::default();
    let mut page = format!("# {title}\n");
    let mut section = "";
    for key in C::KEYS {
        if key.section != section {
            section = key.section;
            write(&mut page, format_args!("\n## {section}\n\n"));
            page.push_str(
                "| key | what it is for | default | allowed | takes effect |\n| --- | --- | --- | --- | --- |\n",
            );
        }
        let default = (key.print)(&defaults);
        let default = if default.is_empty() { "empty".to_owned() } else { format!("`{default}`") };
        let (about, when) = (doc(key).join(" "), if key.mutable { "at once" } else { "at start" });
        write(&mut page, format_args!("| `{}` | {about} | {default} | {} | {when} |\n", key.name, key.allowed));
    }
    if !C::PROMISES.is_empty() {
        page.push_str("\n## Values that stop the start\n\nEach of these keys has one value that is served.\n\n");
        page.push_str("| key | served | why not others |\n| --- | --- | --- |\n");
        for promise in C::PROMISES {
            write(&mut page, format_args!("| `{}` | `{}` | {} |\n", promise.name, promise.kept, promise.reason));
        }
    }
    if !C::INERT.is_empty() {
        page.push_str("\n## Keys that are known but have no effect\n");
        for inert in C::INERT {
            let names: Vec<String> = inert.names.iter().map(|name| format!("`{name}`")).collect();
            write(&mut page, format_args!("\n{}: {}.\n", capitalized(inert.reason), names.join(", ")));
        }
    }
    page
}

/// The sample file: every key with its documentation, set to its default and commented out.
pub fn sample_file<C: Keys>(title: &str) -> String {
    let defaults = C::default();
    let mut file = format!("# {title}\n");
    let mut section = "";
    for key in C::KEYS {
        if key.section != section {
            section = key.section;
            write(&mut file, format_args!("\n#### {section}\n"));
        }
        file.push('\n');
        for line in doc(key) {
            write(&mut file, format_args!("# {line}\n"));
        }
        if key.allowed != Allowed::Text {
            write(&mut file, format_args!("# Allowed: {}. {}\n", key.allowed, when(key)));
        }
        let line = Properties::from_iter([(key.name, (key.print)(&defaults))]);
        write(&mut file, format_args!("#{line}"));
    }
    file
}

/// The documentation without the blank that stands after `///`.
fn doc<C>(key: &Key<C>) -> Vec<&'static str> {
    key.doc.iter().map(|line| line.trim()).collect()
}

fn when<C>(key: &Key<C>) -> &'static str {
    if key.mutable { "Can be changed at run time." } else { "Takes effect at start." }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn write(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a `String` has no way to fail.
    let _ = out.write_fmt(arguments);
}
