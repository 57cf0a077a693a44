//! What a command is, and the one table of all of them: parsing, help and the listing are made of it. Flags have Apache's letters and
//! names.

use std::fmt::Write as _;
use std::pin::Pin;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgGroup, value_parser};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::report::Report;
use crate::session::Session;
use crate::{
    acl, broker, cluster, consumer, export, group, name_server, offset, print, producer, query, queue, send,
    statistics, topic, user,
};

/// One sub-command.
pub(crate) struct Command {
    /// Apache's name.
    pub(crate) name: &'static str,
    /// One line of help.
    pub(crate) about: &'static str,
    /// What it takes, beside what all take.
    pub(crate) flags: &'static [Flag],
    /// What `--json` writes; empty for commands that change something, which write `{"done": [LINE, …]}`.
    pub(crate) json: &'static str,
    /// What it does.
    pub(crate) run: Run,
}

/// Writes the `COMMANDS` of a file: each one's name, line of help and flags, then what does it and the form of its JSON, if it has one.
macro_rules! commands {
    ($($name:literal: $about:literal, [$($flag:expr),* $(,)?], $work:ident($($more:expr),*) $(-> $json:expr)?;)*) => {
        pub(crate) const COMMANDS: &[$crate::command::Command] = &[$(
            $crate::command::Command {
                name: $name,
                about: $about,
                flags: &[$($flag),*],
                json: [$($json,)? ""][0],
                run: |session, arguments| Box::pin($work(session, arguments $(, $more)*)),
            },
        )*];
    };
}
pub(crate) use commands;

/// A command's work.
pub(crate) type Run = for<'a> fn(&'a Session, &'a Arguments) -> Work<'a>;

/// A command at work.
pub(crate) type Work<'a> = Pin<Box<dyn Future<Output = Result<Report, Failure>> + 'a>>;

/// All commands, under the headings of the listing.
pub(crate) const COMMANDS: &[(&str, &[Command])] = &[
    ("Clusters and brokers", cluster::COMMANDS),
    ("", broker::COMMANDS),
    ("Name servers", name_server::COMMANDS),
    ("Topics", topic::COMMANDS),
    ("", queue::COMMANDS),
    ("", statistics::COMMANDS),
    ("Consumer groups", group::COMMANDS),
    ("Consumers and producers", consumer::COMMANDS),
    ("", producer::COMMANDS),
    ("Messages", query::COMMANDS),
    ("", print::COMMANDS),
    ("", send::COMMANDS),
    ("Offsets", offset::COMMANDS),
    ("Users and what they may do", user::COMMANDS),
    ("", acl::COMMANDS),
    ("Export", export::COMMANDS),
];

/// One flag of a command.
pub(crate) struct Flag {
    /// Apache's letter; `None` for the few that have none.
    short: Option<char>,
    /// Apache's long name.
    long: &'static str,
    about: &'static str,
    kind: Kind,
    need: Need,
}

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Truth,
    /// Stands without a value.
    Switch,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Optional,
    Required,
    /// One of those with this need must be given, and only one.
    OneOf,
}

/// Where: one broker.
pub(crate) const BROKER: Flag = Flag::text('b', "brokerAddr", "The broker's address, HOST:PORT").one_of();
/// Where: all masters of a cluster.
pub(crate) const CLUSTER: Flag = Flag::text('c', "clusterName", "The cluster: all its masters").one_of();
/// Repeat.
pub(crate) const INTERVAL: Flag = Flag::number('i', "interval", "Show it again after so many seconds, until Ctrl-C");

impl Flag {
    /// A flag with a text.
    pub(crate) const fn text(short: char, long: &'static str, about: &'static str) -> Self {
        Self { short: Some(short), long, about, kind: Kind::Text, need: Need::Optional }
    }

    /// A flag with a whole number.
    pub(crate) const fn number(short: char, long: &'static str, about: &'static str) -> Self {
        Self { kind: Kind::Number, ..Self::text(short, long, about) }
    }

    /// A flag with `true` or `false`.
    pub(crate) const fn truth(short: char, long: &'static str, about: &'static str) -> Self {
        Self { kind: Kind::Truth, ..Self::text(short, long, about) }
    }

    /// A flag without a value.
    pub(crate) const fn switch(short: char, long: &'static str, about: &'static str) -> Self {
        Self { kind: Kind::Switch, ..Self::text(short, long, about) }
    }

    /// The same without a letter.
    pub(crate) const fn only_long(self) -> Self {
        Self { short: None, ..self }
    }

    /// The same, but it must be given.
    pub(crate) const fn required(self) -> Self {
        Self { need: Need::Required, ..self }
    }

    /// The same, but one of those like it must be given.
    pub(crate) const fn one_of(self) -> Self {
        Self { need: Need::OneOf, ..self }
    }

    fn argument(&self) -> Arg {
        let argument = Arg::new(self.long).long(self.long).help(self.about).required(self.need == Need::Required);
        let argument = match self.short {
            Some(letter) => argument.short(letter),
            None => argument,
        };
        match self.kind {
            Kind::Text => argument.value_name("TEXT").allow_hyphen_values(true),
            Kind::Number => argument.value_name("N").allow_hyphen_values(true).value_parser(value_parser!(i64)),
            Kind::Truth => argument
                .value_name("true|false")
                .hide_possible_values(true)
                .ignore_case(true)
                .value_parser(PossibleValuesParser::new(["true", "false"])),
            Kind::Switch => argument.action(ArgAction::SetTrue),
        }
    }
}

/// What every command takes.
const COMMON: &[Flag] = &[
    Flag::text(
        'n',
        "namesrvAddr",
        "Name servers, HOST:PORT[;HOST:PORT…]; without it NAMESRV_ADDR, then 127.0.0.1:9876",
    ),
    Flag::switch('j', "json", "Write JSON").only_long(),
    Flag::text('a', "accessKey", "The user; without it ROCKETMQ_ACCESS_KEY, then conf/tools.yml in ROCKETMQ_HOME")
        .only_long(),
    Flag::text(
        's',
        "secretKey",
        "The user's password; better in ROCKETMQ_SECRET_KEY or conf/tools.yml, where ps does not show it",
    )
    .only_long(),
    Flag::switch('t', "tls", "Speak TLS").only_long(),
    Flag::text('f', "tlsConfigFile", "Settings of TLS, as Apache's tls.config.file; implies --tls").only_long(),
    Flag::number('m', "timeoutMs", "How long a server may take to answer, in ms; without it 30000").only_long(),
];

/// The parser of command lines.
pub(crate) fn parser() -> clap::Command {
    let root = clap::Command::new("mqadmin")
        .version(env!("CARGO_PKG_VERSION"))
        .override_help(listing())
        .args(COMMON.iter().map(|flag| flag.argument().global(true).help_heading("For all commands")));
    COMMANDS.iter().flat_map(|(_, commands)| *commands).fold(root, |root, command| root.subcommand(command.parser()))
}

impl Command {
    fn parser(&self) -> clap::Command {
        let json = if self.json.is_empty() { r#"{"done": [LINE, …]}"# } else { self.json };
        let choice: Vec<_> = self.flags.iter().filter(|flag| flag.need == Need::OneOf).map(|flag| flag.long).collect();
        let parser = clap::Command::new(self.name)
            .about(self.about)
            .args(self.flags.iter().map(Flag::argument))
            .after_help(format!("--json writes {json}"));
        if choice.is_empty() { parser } else { parser.group(ArgGroup::new("where").args(choice).required(true)) }
    }
}

/// The names of all commands with what they do.
pub(crate) fn listing() -> String {
    let mut text = String::from("Asks and changes a running RocketMQ cluster.\n\nUsage: mqadmin COMMAND [FLAGS]\n");
    for (heading, commands) in COMMANDS {
        if !heading.is_empty() {
            let _ = write!(text, "\n{heading}:\n");
        }
        for command in *commands {
            let _ = writeln!(text, "  {:<24} {}", command.name, command.about);
        }
    }
    text += "\n`mqadmin help COMMAND` shows a command's flags. Every command takes:\n";
    for flag in COMMON {
        let short = flag.short.map_or_else(String::new, |letter| format!("-{letter}, "));
        let _ = writeln!(text, "  {:<24} {}", format!("{short}--{}", flag.long), flag.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        parser().debug_assert();
    }

    #[test]
    fn every_command_is_listed_once() {
        let names: Vec<_> = COMMANDS.iter().flat_map(|(_, commands)| *commands).map(|command| command.name).collect();
        assert_eq!(names.len(), names.iter().collect::<BTreeSet<_>>().len());
        assert!(names.iter().all(|name| listing().contains(&format!("  {name} "))));
    }

    #[test]
    fn a_misspelt_command_is_told_the_nearest() {
        let error = parser().try_get_matches_from(["mqadmin", "topicLst"]).unwrap_err().to_string();
        assert!(error.contains("topicList"), "{error}");
    }

    #[test]
    fn a_command_that_needs_a_place_takes_one() {
        let parsed = |line: &str| parser().try_get_matches_from(line.split(' '));
        assert!(parsed("mqadmin brokerStatus -b 127.0.0.1:10911 -n a:1;b:2 --json").is_ok());
        assert!(parsed("mqadmin brokerStatus").is_err());
        assert!(parsed("mqadmin brokerStatus -b h:1 -c cluster").is_err());
        assert!(parsed("mqadmin queryCq -t T -q x -i 0").is_err(), "no number");
        assert!(parsed("mqadmin resetOffsetByTime -g G -t T -s -1").is_ok(), "a negative number");
    }
}
