//! Which sources `run` is given, with the flags that hold for each, and whether they are
//! classified to their end, one after the other, or followed live, side by side.

use ocelli::model::manifest::Manifest;
use ocelli::pipeline::capture::{self, NamedSource, Names, Opened, SourceSpec};
use ocelli::{Error, Result};

use crate::cli::RunArgs;

/// What is to be classified.
pub(super) enum Material<'a> {
    /// Finite sources, as one.
    Finite(Opened),
    /// Live sources.
    Live(Vec<Followed<'a>>),
}

/// A live source.
pub(super) struct Followed<'a> {
    /// What it is called, if it is to be called anything.
    pub(super) name: Option<String>,
    pub(super) opened: Opened,
    /// The flags that hold for it.
    pub(super) args: &'a RunArgs,
}

/// Opens what is typed, or else what tables of the configuration name.
///
/// # Errors
/// One cannot be opened; live and finite sources are mixed; a flag makes no sense for them.
pub(super) fn open<'a>(args: &'a RunArgs, manifest: &Manifest) -> Result<Material<'a>> {
    let mut sources = args.sources.clone();
    if sources.is_empty() && !args.tables.is_empty() {
        let named = args.tables.iter().flat_map(|table| {
            let sources = table.sources.iter().cloned();
            sources.map(move |source| (source, table))
        });
        let (sources, each): (Vec<_>, Vec<_>) = named.unzip();
        return side_by_side(&sources, &each, manifest);
    }
    if !args.tables.is_empty() {
        log::warn!("the sources named here take the place of the configuration's [[source]]");
    }
    if sources.is_empty() && args.raw.is_some() {
        sources.push(SourceSpec::Stdin.into());
    }
    let several = sources.len() > 1;
    let is_live = |source: &NamedSource| args.live_stream || capture::is_live(&source.spec);
    if sources.iter().any(|s| s.name.is_some()) || (several && sources.iter().any(is_live)) {
        let each = vec![args; sources.len()];
        return side_by_side(&sources, &each, manifest);
    }
    let specs: Vec<SourceSpec> = sources.into_iter().map(|source| source.spec).collect();
    let mut opened = capture::open(&specs, &args.source_options(manifest))?;
    check_live(args, opened.live, opened.source.count())?;
    opened.live |= args.live_stream;
    if !opened.live {
        return Ok(Material::Finite(opened));
    }
    let name = None;
    Ok(Material::Live(vec![Followed { name, opened, args }]))
}

/// Opens live sources, each with its flags.
fn side_by_side<'a>(
    sources: &[NamedSource],
    each: &[&'a RunArgs],
    manifest: &Manifest,
) -> Result<Material<'a>> {
    let names = Names::of(sources)?;
    let several = sources.len() > 1;
    let mut followed = Vec::with_capacity(sources.len());
    for ((source, name), args) in sources.iter().zip(names.iter()).zip(each.iter().copied()) {
        let spec = std::slice::from_ref(&source.spec);
        let opened = capture::open(spec, &args.source_options(manifest))?;
        if !opened.live {
            check_stream(source, args, &opened, several)?;
        }
        let name = (several || source.name.is_some()).then(|| name.to_owned());
        followed.push(Followed { name, opened, args });
    }
    Ok(Material::Live(followed))
}

/// Refuses what cannot be followed: of finite sources, only a stream that is said to be live
/// can.
fn check_stream(
    source: &NamedSource,
    args: &RunArgs,
    opened: &Opened,
    several: bool,
) -> Result<()> {
    let is_finite = opened.source.count().is_some();
    if args.live_stream && !is_finite {
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
