//! `ocelli serve`: the HTTP service, alone or beside the loop over live sources.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ocelli::memory::Loading;
use ocelli::model::manifest::Manifest;
use ocelli::pipeline::capture::{NamedSource, Names};
use ocelli::serve::{
    AppState, Broadcaster, Deployment, DeploymentOptions, Live, LiveSources, Meter, PreviewOptions,
    RingMeter, Server, ServerCheck, ServerOptions, Token,
};
use ocelli::session::{LoopStats, NewModel, Observer, Session};
use ocelli::swap::Swap;
use ocelli::{Error, PipelineOptions, Result, tls};

use super::sources::{Followed, Given, side_by_side};
use super::{Finding, hangup_flag, open_model, stop_flag};
use crate::cli::ServeArgs;
use crate::live::{self, Rings};
use crate::service_manager::ServiceManager;
use crate::watching;

/// How long a signal may go unnoticed while there is no live source.
const ATTENTION: Duration = Duration::from_millis(50);

pub(crate) fn run(args: &ServeArgs) -> Result<Finding> {
    let loading = Loading::begin();
    let listening = server_options(args)?;
    let model = open_model(&args.model)?;
    let (stop, hangup) = (stop_flag()?, hangup_flag()?);
    let given = Given::of(args);
    let followed = open_sources(args, &given, &model.manifest)?;
    let engine = watching::engine(args.engine.options(), &model, &followed);
    let options = DeploymentOptions {
        live_embedding: engine.embedding,
        ..deployment_options(args, &followed)
    };
    let deployment = Deployment::new(model, &engine, &options)?;
    let live = live_sources(&given, &followed)?;
    let app = Arc::new(Deployment::app(&options, live.clone()));
    let server = Arc::new(Server::start(listening, app.clone())?);
    if !args.no_proof {
        deployment.prove()?;
    }
    deployment.start(&app)?;
    drop(loading);
    let signals = (&*stop, hangup);
    match followed.is_empty() {
        true => idle(args, deployment, (app, server), signals),
        false => follow(args, (followed, live), deployment, (app, server), signals),
    }
}

fn deployment_options(args: &ServeArgs, followed: &[Followed]) -> DeploymentOptions {
    let mut pipeline = PipelineOptions {
        top_k: args.top_k,
        ..args.decode.options()
    };
    (pipeline.smooth.enter, pipeline.smooth.farthest) =
        (args.unknown.threshold, args.unknown.farthest);
    DeploymentOptions {
        workers: args.requests.workers,
        threads: args.requests.threads,
        queue: args.requests.queue,
        batch_window: args.requests.batch_window,
        batch: args.requests.batch,
        pipeline,
        live: followed.iter().map(|s| s.flags.per_source()).collect(),
        ..DeploymentOptions::default()
    }
}

fn server_options(args: &ServeArgs) -> Result<ServerOptions> {
    let access = &args.access;
    let token = access.token_file.as_deref().map(Token::read).transpose()?;
    if !args.listen.ip().is_loopback() && token.is_none() && !access.no_auth {
        return Err(Error::usage(
            format!("--listen {}", args.listen),
            "others can reach this address, and nothing keeps them out",
        )
        .with_remedy(
            "add --token-file FILE (openssl rand -hex 32 > FILE), or --no-auth to let everyone in",
        ));
    }
    let pair = access.tls_cert.as_deref().zip(access.tls_key.as_deref());
    if !args.listen.ip().is_loopback() && token.is_some() && pair.is_none() {
        log::warn!(
            "the token crosses the network unencrypted: add --tls-cert and --tls-key, or a proxy that has them"
        );
    }
    Ok(ServerOptions {
        listen: args.listen,
        max_body: args.requests.max_body,
        patience: args.requests.timeout,
        max_connections: args.requests.max_connections,
        local_only: token.is_none() && !access.no_auth,
        token,
        tls: pair.map(|(c, k)| tls::server(c, k)).transpose()?,
        origins: access.cors_origin.clone(),
    })
}

/// Opens the live sources: all but files, which have an end.
fn open_sources<'a>(
    args: &ServeArgs,
    given: &Given<'a>,
    manifest: &Manifest,
) -> Result<Vec<Followed<'a>>> {
    if given.sources.is_empty() {
        return match args.live.given().or(args.notify.given()) {
            Some(flag) => Err(Error::usage(flag, "this is for a live source")
                .with_remedy("name one with --source, or leave it out")),
            None => Ok(Vec::new()),
        };
    }
    side_by_side(given, manifest, |source, _, opened, several| {
        if opened.source.count().is_none() {
            return Ok(());
        }
        let place = match several {
            true => format!("--source {}", source.shown()),
            false => "--source".to_owned(),
        };
        Err(
            Error::usage(place, "these are files, and a live source is expected")
                .with_remedy("classify files with `ocelli run`, or send them to /predict"),
        )
    })
}

/// The sources as clients see them: each has a name, even where records have none.
fn live_sources(given: &Given, followed: &[Followed]) -> Result<LiveSources> {
    let names = Names::of(&given.sources)?;
    let sources = names.iter().zip(&given.sources).zip(followed);
    let live = |((name, source), followed): ((&str, &NamedSource), &Followed)| {
        let framing = followed.flags.decode.framing();
        let is_named = followed.name.is_some();
        Live::new(name.to_owned(), is_named, source.shown(), framing)
    };
    Ok(sources.map(live).collect())
}

/// Follows the sources until they end or a signal comes.
fn follow(
    args: &ServeArgs,
    (followed, live): (Vec<Followed>, LiveSources),
    deployment: Deployment,
    (app, server): (Arc<AppState>, Arc<Server>),
    (stop, hangup): (&AtomicBool, Arc<AtomicBool>),
) -> Result<Finding> {
    let maker = deployment.live().clone();
    let pipeline = maker.make_warm()?;
    let context = maker.context(pipeline.engine().identity());
    let preview = PreviewOptions {
        fps: args.preview.view_fps,
        side: args.preview.view_size,
        max_pixels: args.decode.max_pixels,
    };
    let pages = Broadcaster::for_each(&live, &preview)?;
    let (common, rings) = (args.notify.common()?, Rings::default());
    let is_alone = followed.len() == 1;
    let sources = followed.into_iter().zip(live.iter()).zip(pages);
    let sources = sources.map(|((source, live), page)| {
        let keeps = source.flags.live.keep.keep.is_some();
        let (desk, shared) = (live.desk(), (&common, &rings));
        let mut source = live::source(source, is_alone, desk, &context, shared)?;
        let meter = Meter::new(&app.metrics(), live.name());
        let told: [Box<dyn Observer>; 2] = [Box::new(page), Box::new(meter)];
        source.observers.splice(0..0, told);
        if let Some(counts) = rings.newest().filter(|_| keeps) {
            let meter = RingMeter::new(&app.metrics(), live.name(), counts);
            source.observers.push(Box::new(meter));
        }
        Ok(source)
    });
    let sources = sources.collect::<Result<_>>()?;
    let swap = swap(args, hangup, deployment, app, |renewed| {
        Ok(NewModel {
            pipeline: renewed.live().make_warm()?,
            maker: renewed.live().clone(),
        })
    });
    let session = Session {
        sources,
        options: args.live.options(None),
        maker,
        pipeline,
        observers: vec![
            Box::new(ServerCheck(server)),
            Box::new(ServiceManager::ready()),
        ],
        swap,
    };
    Ok(live::finding(&session.run(stop)?))
}

/// Waits for a signal.
fn idle(
    args: &ServeArgs,
    deployment: Deployment,
    (app, server): (Arc<AppState>, Arc<Server>),
    (stop, hangup): (&AtomicBool, Arc<AtomicBool>),
) -> Result<Finding> {
    let mut swap = swap(args, hangup, deployment, app, |_| Ok(()));
    let mut manager = ServiceManager::ready();
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(ATTENTION);
        server.check()?;
        manager.on_stats(&LoopStats::default())?;
        if swap.poll(|event| manager.on_swap(event)).is_some() {
            log::info!("the new model takes over");
        }
    }
    Ok(Finding::Good)
}

/// On request, everything is made anew for the model as it is then.
fn swap<T: Send + 'static>(
    args: &ServeArgs,
    hangup: Arc<AtomicBool>,
    deployment: Deployment,
    app: Arc<AppState>,
    first: impl Fn(&Deployment) -> Result<T> + Send + Sync + 'static,
) -> Swap<T> {
    let (path, overrides) = (args.model.model.clone(), args.model.facts.overrides());
    live::swap_on_hangup(hangup, move || {
        deployment.renew(&path, overrides.clone(), &app, &first)
    })
}
