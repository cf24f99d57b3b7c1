//! The winner as flags to copy. Before they are shown they are read back as the program
//! reads them: what they do not give is said instead.

use std::path::Path;

use ocelli::Model;
use ocelli::matching::Match;
use ocelli::model::manifest::CropRule;
use ocelli::model::{FactLine, Facts, Overrides};

use super::flags::{Flag, flags, set_of};
use crate::cli::{FactArgs, MatchArgs};

/// A file that does not exist yet: flags that name it are refused until it does.
const UNWRITTEN: &str = "measured-labels.txt";

/// Flags that give the model at `path` the `measured` facts; what they cannot give is said
/// with what can.
pub(super) fn as_flags(found: &Match, path: &Path, measured: &Facts, args: &MatchArgs) -> String {
    let given = args.model.facts.overrides();
    let packed = match &args.output_file {
        Some(out) => format!("use {}, which has all of it", out.display()),
        None => "let -o OUT write a model that has all of it".into(),
    };
    let of_facts = flags(measured, &given);
    match missing(path, &of_facts, measured).as_deref() {
        Some([]) => {}
        Some(facts) => {
            let facts = facts.join(", ");
            return format!("no flags give the winner ({facts}): {packed}\n");
        }
        None => return format!("no flags give the winner: {packed}\n"),
    }
    let (labels, is_written) = labels(found, measured, &given);
    let framing = args.decode.framing_flags().into_iter();
    let framing = framing.map(|(name, value)| Flag::new(name, value));
    let all = labels.into_iter().chain(of_facts).chain(framing);
    let all: Vec<String> = all.map(|flag| flag.text()).collect();
    let all = all.join(" ");
    if is_written {
        return format!("{all}\n");
    }
    let order = found.rows.first().map_or("", |row| &row.labels);
    format!(
        "no file has the labels in this order ({order}): write them into {UNWRITTEN} for these \
         flags, or {packed}\n\n{all}\n"
    )
}

/// The flag that gives the labels, where the model does not; and whether what it names is
/// there.
fn labels(found: &Match, measured: &Facts, given: &Overrides) -> (Option<Flag>, bool) {
    let labels = measured.labels.as_ref();
    let set = labels.and_then(|labels| set_of(&labels.value));
    let file = given.labels.as_ref().map(|f| f.value.to_string_lossy());
    match (set, found.labels_are_given) {
        (Some(set), _) => (Some(Flag::new("labels", set)), true),
        (None, true) => (file.map(|file| Flag::new("labels", file)), true),
        (None, false) => (Some(Flag::new("labels", UNWRITTEN)), false),
    }
}

/// The measured facts that the model does not have with these flags; `None` if it cannot be
/// said.
fn missing(path: &Path, flags: &[Flag], measured: &Facts) -> Option<Vec<&'static str>> {
    let mut overrides = FactArgs::read(flags.iter().map(Flag::argument))?;
    overrides.facts.labels.clone_from(&measured.labels);
    let known = Model::known(path, overrides).ok()?;
    let usual_rule = serde_json::to_value(CropRule::default()).ok()?;
    let is_known = |line: &FactLine| match known.iter().find(|known| known.fact == line.fact) {
        Some(known) => known.value == line.value,
        None => line.fact == "preprocess.crop_rule" && line.value == usual_rule,
    };
    let lines = measured.lines().into_iter();
    let missing = lines.filter(|line| !is_known(line));
    Some(missing.map(|line| line.fact).collect())
}
