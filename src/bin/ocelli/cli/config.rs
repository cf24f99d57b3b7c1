//! Flags from elsewhere: what is not typed is looked for in a variable, `OCELLI_MAX_FPS`
//! for `--max-fps`, and then in the file that `--config` names. Both only change the
//! defaults of the flags that clap knows, so that there is one list of them and one parser.
//! A table `[[source]]` does so for one live source: it makes a grammar of its own, by which
//! what was typed is read once more.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use ocelli::pipeline::capture::NamedSource;
use ocelli::{Error, Result};

/// The commands whose sources may stand in tables.
const SEVERAL: [&str; 2] = ["run", "serve"];
/// Their argument that these are defaults of.
const SOURCES: &str = "sources";
/// What a source's table is called.
const TABLE: &str = "source";
/// The flags that hold for one source, besides `name` and `source`.
const PER_SOURCE: [&str; 28] = [
    "enter",
    "every",
    "exec",
    "flip",
    "fps",
    "height",
    "hold",
    "keep",
    "keep-for",
    "keep-per-day",
    "keep-sample",
    "keep-size",
    "leave",
    "live",
    "max-fps",
    "on",
    "pixel-format",
    "raw",
    "record",
    "record-limit",
    "roi",
    "rotate",
    "skip-still",
    "smooth",
    "still-limit",
    "threshold",
    "webhook",
    "width",
];

/// The command line's grammar, with the defaults that hold.
pub(crate) struct Grammar {
    /// For the run.
    pub(crate) command: Command,
    /// For each source that has a table.
    pub(crate) sources: Vec<Command>,
}

/// A key and its value.
type Entry<'a> = (Spanned<Cow<'a, str>>, Spanned<DeValue<'a>>);

/// The command line's grammar with the defaults that hold for `typed`.
///
/// # Errors
/// The file cannot be read, or holds what is no flag.
pub(crate) fn with_defaults(command: Command, typed: &[OsString]) -> Result<Grammar> {
    let command = command.mut_subcommands(|sub| sub.mut_args(from_variable));
    let Some((file, name)) = wanted(command.clone(), typed) else {
        let sources = Vec::new();
        return Ok(Grammar { command, sources });
    };
    let text = std::fs::read_to_string(&file).map_err(|e| {
        Error::usage(
            file.display().to_string(),
            "the configuration cannot be read",
        )
        .caused_by(e)
    })?;
    let file = File {
        path: &file,
        text: &text,
    };
    file.apply(command, &name)
}

/// The argument, which a variable may give.
fn from_variable(arg: Arg) -> Arg {
    if arg.get_env().is_some() || matches!(arg.get_id().as_str(), "help" | "version") {
        return arg;
    }
    let name = key(&arg).to_uppercase().replace('-', "_");
    arg.env(format!("OCELLI_{name}")).hide_env(true)
}

/// What an argument is called in a file.
fn key(arg: &Arg) -> String {
    let id = || arg.get_id().as_str().replace('_', "-");
    arg.get_long().map_or_else(id, str::to_owned)
}

/// The arguments of a command.
fn args<'a>(command: &'a Command, sub: &str) -> impl Iterator<Item = &'a Arg> {
    let sub = command.find_subcommand(sub);
    sub.map(Command::get_arguments).into_iter().flatten()
}

/// The argument of a command that is called `wanted` in a file.
fn flag<'a>(command: &'a Command, sub: &str, wanted: &str) -> Option<&'a Arg> {
    args(command, sub).find(|arg| key(arg) == wanted)
}

/// The file and the command that are typed, as far as that can be told.
fn wanted(command: Command, typed: &[OsString]) -> Option<(PathBuf, String)> {
    let lenient = command
        .ignore_errors(true)
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .disable_version_flag(true);
    let matches = lenient.try_get_matches_from(typed).ok()?;
    let file: &PathBuf = matches.try_get_one("config").ok()??;
    Some((file.clone(), matches.subcommand_name()?.to_owned()))
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn apply(&self, command: Command, name: &str) -> Result<Grammar> {
        let table = DeTable::parse(self.text).map_err(|e| {
            let at = e.span().map_or(0, |span| span.start);
            self.error(at, e.message().to_owned())
        })?;
        let (mut command, mut general, mut own) = (command, Vec::new(), Vec::new());
        for (key, value) in table.into_inner() {
            match value.get_ref() {
                DeValue::Table(_) => match command.find_subcommand(key.get_ref().as_ref()) {
                    None => {
                        let sections = command.get_subcommands().map(|s| s.get_name().to_owned());
                        return Err(self.unknown(&key, "section", sections.collect()));
                    }
                    Some(_) if key.get_ref() != name => {}
                    Some(_) => own.push(value),
                },
                _ => general.push((key, value)),
            }
        }
        for section in own {
            if let DeValue::Table(table) = section.into_inner() {
                general.extend(table);
            }
        }
        // `source` may be a flag, too, whose value may be a list.
        let is_flag = flag(&command, name, TABLE).is_some();
        let is_table = |(key, value): &Entry| match value.get_ref() {
            DeValue::Array(items) if SEVERAL.contains(&name) && key.get_ref() == TABLE => {
                let mut items = items.iter().map(Spanned::get_ref);
                !is_flag || items.any(|item| matches!(item, DeValue::Table(_)))
            }
            _ => false,
        };
        let (tables, general): (Vec<Entry>, _) = general.into_iter().partition(is_table);
        for (key, value) in &general {
            let is_list = [SOURCES, TABLE].contains(&key.get_ref().as_ref());
            if let (true, Some((table, _))) = (is_list, tables.first()) {
                let what = "sources stand in a list or in [[source]] tables, not in both";
                let at = table.span().start.max(key.span().start);
                return Err(self.error(at, what.to_owned()));
            }
            command = self.set(command, name, key, value)?;
        }
        let mut sources = Vec::new();
        for (_, tables) in tables {
            if let DeValue::Array(tables) = tables.into_inner() {
                for table in tables {
                    sources.push(self.source(command.clone(), name, table)?);
                }
            }
        }
        Ok(Grammar { command, sources })
    }

    /// The grammar for one source, by its table.
    fn source(&self, mut command: Command, sub: &str, table: Spanned<DeValue>) -> Result<Command> {
        let at = table.span().start;
        let DeValue::Table(table) = table.into_inner() else {
            return Err(self.error(at, format!("`{TABLE}`, expected tables: [[source]]")));
        };
        let text = |key: &str, value: &Spanned<DeValue>| match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.error(value.span().start, format!("`{key}`, expected text"))),
        };
        let (mut name, mut source) = (None, None);
        for (key, value) in table {
            let wanted = key.get_ref().replace('_', "-");
            match wanted.as_str() {
                TABLE => source = Some(text(TABLE, &value)?),
                "name" => {
                    let given = text("name", &value)?;
                    if !NamedSource::is_name(&given) {
                        let what = format!("`{given}`, expected letters, digits, `-` and `_`");
                        return Err(self.error(value.span().start, what));
                    }
                    name = Some(given);
                }
                known if PER_SOURCE.contains(&known) && flag(&command, sub, known).is_some() => {
                    command = self.set(command, sub, &key, &value)?;
                }
                _ => {
                    let flags = PER_SOURCE.iter().copied();
                    let flags = flags.filter(|known| flag(&command, sub, known).is_some());
                    let known = flags.chain([TABLE, "name"]).map(str::to_owned).collect();
                    return Err(self.unknown(&key, "key of a source", known));
                }
            }
        }
        let Some(source) = source else {
            let error = self.error(at, "this table names no source".to_owned());
            return Err(error.with_remedy("add source = \"camera:0\""));
        };
        let named = name.map_or(source.clone(), |name| format!("{name}={source}"));
        Ok(command.mut_subcommand(sub, |sub| {
            sub.mut_arg(SOURCES, |arg| arg.default_values([named]).required(false))
        }))
    }

    /// Makes `value` the default of the flag `name`.
    fn set(
        &self,
        command: Command,
        sub: &str,
        name: &Spanned<Cow<str>>,
        value: &Spanned<DeValue>,
    ) -> Result<Command> {
        let wanted = name.get_ref().replace('_', "-");
        let Some(arg) = flag(&command, sub, &wanted) else {
            let keys = args(&command, sub).map(key).collect();
            return Err(self.unknown(name, "key", keys));
        };
        let id = arg.get_id().clone();
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let values = words(value.get_ref(), is_switch).ok_or_else(|| {
            let expected = if is_switch {
                "true or false"
            } else {
                "text, a number, or a list of them"
            };
            self.error(
                value.span().start,
                format!("`{wanted}`, expected {expected}"),
            )
        })?;
        Ok(command.mut_subcommand(sub, |sub| {
            sub.mut_arg(id, |arg| arg.default_values(values).required(false))
        }))
    }

    fn unknown(&self, name: &Spanned<Cow<str>>, what: &str, known: Vec<String>) -> Error {
        let error = self.error(
            name.span().start,
            format!("`{}` is not a {what}", name.get_ref()),
        );
        let near = |known: &String| (strsim::jaro_winkler(known, name.get_ref()) * 1e6) as u32;
        match known.into_iter().max_by_key(near) {
            Some(nearest) => error.with_remedy(format!("did you mean `{nearest}`?")),
            None => error,
        }
    }

    fn error(&self, at: usize, what: String) -> Error {
        let line = 1 + self.text.as_bytes()[..at.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Error::usage(format!("{}:{line}", self.path.display()), what)
    }
}

/// A value as it would be typed.
fn words(value: &DeValue, is_switch: bool) -> Option<Vec<String>> {
    match value {
        DeValue::Boolean(on) if is_switch => Some(vec![on.to_string()]),
        _ if is_switch => None,
        DeValue::String(text) => Some(vec![text.to_string()]),
        DeValue::Integer(number) => Some(vec![number.as_str().to_owned()]),
        DeValue::Float(number) => Some(vec![number.as_str().to_owned()]),
        DeValue::Array(items) => items
            .iter()
            .map(|item| words(item.get_ref(), false).filter(|words| words.len() == 1))
            .map(|words| words.and_then(|mut words| words.pop()))
            .collect(),
        _ => None,
    }
}
