//! Which sources `run` is given, and whether they are classified to their end, one after the
//! other, or followed live, side by side.

use ocelli::model::manifest::Manifest;
use ocelli::pipeline::capture::{self, NamedSource, Opened, SourceSpec};
use ocelli::{Error, Result};

use crate::cli::{FollowArgs, RunArgs, SourceFlags};
use crate::commands::sources::{Followed, Given, side_by_side};

/// What is to be classified.
pub(super) enum Material<'a> {
    /// Finite sources, as one.
    Finite(Opened),
    /// Live sources.
    Live(Vec<Followed<'a>>),
}

/// Opens what is typed, or else what tables of the configuration name.
///
/// # Errors
/// One cannot be opened; live and finite sources are mixed; a flag makes no sense for them.
pub(super) fn open<'a>(args: &'a RunArgs, manifest: &Manifest) -> Result<Material<'a>> {
    let mut given = Given::of(args);
    let flags = args.flags();
    if given.sources.is_empty() && args.raw.is_some() {
        given.sources.push(SourceSpec::Stdin.into());
        given.each.push(flags);
    }
    let sources = &given.sources;
    let is_live = |source: &NamedSource| args.live_stream || capture::is_live(&source.spec);
    let has_live = sources.len() > 1 && sources.iter().any(is_live);
    if given.in_tables || has_live || sources.iter().any(|s| s.name.is_some()) {
        return Ok(Material::Live(side_by_side(
            &given,
            manifest,
            check_stream,
        )?));
    }
    let specs: Vec<SourceSpec> = given.sources.into_iter().map(|s| s.spec).collect();
    let mut opened = capture::open(&specs, &flags.source_options(manifest))?;
    check_live(args, opened.live, opened.source.count())?;
    opened.live |= args.live_stream;
    if !opened.live {
        return Ok(Material::Finite(opened));
    }
    let spec = specs.into_iter().next();
    Ok(Material::Live(vec![Followed {
        name: None,
        spec,
        opened,
        flags,
    }]))
}

/// Refuses what cannot be followed: of finite sources, only a stream that is said to be live
/// can.
fn check_stream(
    source: &NamedSource,
    flags: &SourceFlags,
    opened: &Opened,
    several: bool,
) -> Result<()> {
    let is_finite = opened.source.count().is_some();
    if flags.live_stream && !is_finite {
        return Ok(());
    }
    let what = match (several, is_finite) {
        (true, true) => "this is finite, and what runs beside it is live",
        (true, false) => "this is a stream, and what runs beside it is live",
        (false, true) => "this is finite, and only a live source has a name",
        (false, false) => "this is a stream, and only a live source has a name",
    };
    let remedy = match (is_finite, &source.name) {
        (false, _) => "add --live if frames come from a camera".to_owned(),
        (true, Some(name)) => format!(
            "classify it in a run of its own, without a name, or write ./{name}={} for a file called so",
            source.spec
        ),
        (true, None) => "classify it in a run of its own".to_owned(),
    };
    Err(Error::usage(source.spec.to_string(), what).with_remedy(remedy))
}

/// Refuses what makes no sense for these sources.
fn check_live(args: &RunArgs, live: bool, count: Option<u64>) -> Result<()> {
    if args.live_stream && !live && count.is_some() {
        return Err(Error::usage(
            "--live",
            "these sources are finite: every frame but the newest would be dropped",
        )
        .with_remedy("leave it out, or name a stream such as `-`"));
    }
    let changes_only = args.changes_only.then_some("--changes-only");
    match args.live.given().or(args.notify.given()).or(changes_only) {
        Some(flag) if !live && !args.live_stream => Err(Error::usage(
            flag,
            "this is for live sources, and these are files or a stream",
        )
        .with_remedy("leave it out, or add --live for a stream such as `-`")),
        _ => Ok(()),
    }
}
