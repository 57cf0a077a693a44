//! Where the user and the password come from: the command line, the environment, or Apache's `conf/tools.yml`.

use std::path::Path;

use bolide_remoting::signing::Credentials;

use crate::arguments::Arguments;
use crate::failure::Failure;

/// Finds them; `None` where nothing names them. Half of them is a mistake.
pub(crate) fn find(arguments: &Arguments) -> Result<Option<Credentials>, Failure> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let from_file = match std::env::var_os("ROCKETMQ_HOME") {
        Some(home) => of_file(&Path::new(&home).join("conf/tools.yml"))?,
        None => (None, None),
    };
    let flag = |name| arguments.optional(name).map(str::to_owned);
    let access_key = flag("accessKey").or_else(|| variable("ROCKETMQ_ACCESS_KEY"));
    let secret_key = flag("secretKey").or_else(|| variable("ROCKETMQ_SECRET_KEY"));
    let (access_key, secret_key) = match (access_key, secret_key) {
        (None, None) => from_file,
        given => given,
    };
    match (access_key, secret_key) {
        (Some(access_key), Some(secret_key)) => Ok(Some(Credentials { access_key, secret_key })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Failure::usage("an access key is given without a secret key; give --secretKey too")),
        (None, Some(_)) => Err(Failure::usage("a secret key is given without an access key; give --accessKey too")),
    }
}

type Keys = (Option<String>, Option<String>);

/// Reads `tools.yml`, of which only two lines count: `accessKey: NAME` and `secretKey: PASSWORD`. It need not exist.
fn of_file(path: &Path) -> Result<Keys, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok((value(&text, "accessKey"), value(&text, "secretKey"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok((None, None)),
        Err(source) => Err(Failure::File { path: path.display().to_string(), source }),
    }
}

fn value(text: &str, key: &str) -> Option<String> {
    let found = text.lines().find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix(':'))?.trim();
    let quoted = |quote: char| found.strip_prefix(quote).and_then(|rest| rest.split(quote).next());
    let plain = || found.split(" #").next().unwrap_or_default().trim();
    let value = quoted('"').or_else(|| quoted('\'')).unwrap_or_else(plain);
    Some(value.to_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_yaml_has_them() {
        for (text, expected) in [
            ("accessKey: me\nsecretKey: s", Some("me")),
            ("# accessKey: other\naccessKey: \"me # you\"", Some("me # you")),
            ("accessKey : 'me'  # comment", Some("me")),
            ("accessKey: me # comment", Some("me")),
            ("accessKey:\n", None),
            ("", None),
        ] {
            assert_eq!(value(text, "accessKey").as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn the_file_need_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of_file(&folder.path().join("tools.yml")).unwrap(), (None, None));
    }
}
