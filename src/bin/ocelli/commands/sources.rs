//! Live sources that are followed side by side, each with the flags that hold for it: as
//! `run` and `serve` are given them.

use ocelli::Result;
use ocelli::model::manifest::Manifest;
use ocelli::pipeline::capture::{self, NamedSource, Names, Opened, SourceSpec};

use crate::cli::{FollowArgs, SourceFlags};

/// What a command is given.
pub(super) struct Given<'a> {
    /// The sources.
    pub(super) sources: Vec<NamedSource>,
    /// The flags that hold for each.
    pub(super) each: Vec<SourceFlags<'a>>,
    /// Whether they stand in tables of the configuration.
    pub(super) in_tables: bool,
}

impl<'a> Given<'a> {
    /// The sources that are typed, or else those of the configuration's tables.
    pub(super) fn of<A: FollowArgs>(args: &'a A) -> Self {
        let (typed, tables) = (args.sources(), args.tables());
        let in_tables = typed.is_empty() && !tables.is_empty();
        if !tables.is_empty() && !in_tables {
            log::warn!("the sources named here take the place of the configuration's [[source]]");
        }
        let named = |args: &'a A| args.sources().iter().map(|s| (s.clone(), args.flags()));
        let (sources, each) = match in_tables {
            true => tables.iter().flat_map(named).unzip(),
            false => named(args).unzip(),
        };
        Self {
            sources,
            each,
            in_tables,
        }
    }
}

/// A live source.
pub(crate) struct Followed<'a> {
    /// What it is called, if it is to be called anything.
    pub(crate) name: Option<String>,
    /// What it is, if it is one thing.
    pub(crate) spec: Option<SourceSpec>,
    pub(crate) opened: Opened,
    /// The flags that hold for it.
    pub(crate) flags: SourceFlags<'a>,
}

/// Opens live sources, each with its flags. One that is not live by itself is followed if
/// `check` has nothing against it, which is told whether it is one of several.
///
/// # Errors
/// One cannot be opened, or followed; two have one name.
pub(super) fn side_by_side<'a>(
    given: &Given<'a>,
    manifest: &Manifest,
    check: impl Fn(&NamedSource, &SourceFlags<'a>, &Opened, bool) -> Result<()>,
) -> Result<Vec<Followed<'a>>> {
    let Given { sources, each, .. } = given;
    let names = Names::of(sources)?;
    let several = sources.len() > 1;
    let mut followed = Vec::with_capacity(sources.len());
    for ((source, name), flags) in sources.iter().zip(names.iter()).zip(each) {
        let spec = std::slice::from_ref(&source.spec);
        let opened = capture::open(spec, &flags.source_options(manifest))?;
        if !opened.live {
            check(source, flags, &opened, several)?;
        }
        let name = (several || source.name.is_some()).then(|| name.to_owned());
        followed.push(Followed {
            name,
            spec: Some(source.spec.clone()),
            opened,
            flags: *flags,
        });
    }
    Ok(followed)
}
