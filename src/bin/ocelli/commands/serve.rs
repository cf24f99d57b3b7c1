//! `ocelli serve`: the HTTP service, alone or beside the loop over a live source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use ocelli::memory::Loading;
use ocelli::model::manifest::Manifest;
use ocelli::notify::End;
use ocelli::pipeline::capture::{self, Opened};
use ocelli::serve::{
    AppState, Broadcaster, Deployment, DeploymentOptions, Live, Meter, PreviewOptions, Server,
    ServerCheck, ServerOptions, Token,
};
use ocelli::session::{LoopStats, NewModel, Observer, Session};
use ocelli::swap::Swap;
use ocelli::{Error, PipelineOptions, Result, tls};

use super::{Finding, hangup_flag, open_model, stop_flag};
use crate::cli::ServeArgs;
use crate::live;
use crate::service_manager::ServiceManager;

/// How long a signal may go unnoticed while there is no live source.
const ATTENTION: Duration = Duration::from_millis(50);

pub(crate) fn run(args: &ServeArgs) -> Result<Finding> {
    let loading = Loading::begin();
    let listening = server_options(args)?;
    let model = open_model(&args.model)?;
    let (stop, hangup) = (stop_flag()?, hangup_flag()?);
    let opened = open_source(args, &model.manifest)?;
    let options = deployment_options(args);
    let deployment = Deployment::new(model, &args.engine.options(), &options, opened.is_some())?;
    let live = args.source.as_ref();
    let live = live.map(|source| Arc::new(Live::new(source.to_string())));
    let app = Arc::new(Deployment::app(&options, live.clone()));
    let server = Arc::new(Server::start(listening, app.clone())?);
    if !args.no_proof {
        deployment.prove()?;
    }
    deployment.start(&app)?;
    drop(loading);
    match opened.zip(live) {
        Some((opened, live)) => {
            let signals = (&*stop, hangup);
            follow(args, opened, live, deployment, (app, server), signals)
        }
        None => idle(args, deployment, (app, server), (&stop, hangup)),
    }
}

fn deployment_options(args: &ServeArgs) -> DeploymentOptions {
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
        live_smooth: args.live.smooth(args.unknown),
        motion_gate: args.live.motion_gate(),
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

fn open_source(args: &ServeArgs, manifest: &Manifest) -> Result<Option<Opened>> {
    let Some(source) = &args.source else {
        return match args.live.given().or(args.notify.given()) {
            Some(flag) => Err(Error::usage(flag, "this is for a live source")
                .with_remedy("name one with --source, or leave it out")),
            None => Ok(None),
        };
    };
    let mut opened = capture::open(std::slice::from_ref(source), &args.source_options(manifest))?;
    if !opened.live && opened.source.count().is_some() {
        return Err(
            Error::usage("--source", "these are files, and a live source is expected")
                .with_remedy("classify files with `ocelli run`, or send them to /predict"),
        );
    }
    opened.live = true;
    Ok(Some(opened))
}

/// Follows the source until it ends or a signal comes.
fn follow(
    args: &ServeArgs,
    opened: Opened,
    live: Arc<Live>,
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
        framing: args.decode.framing(),
        max_pixels: args.decode.max_pixels,
    };
    let flags = (&args.live, &args.notify);
    let mut source = live::source(flags, opened, (None, true), &context, &End::default())?;
    let page = Broadcaster::new(live, app.metrics(), preview)?;
    let told: [Box<dyn Observer>; 2] = [Box::new(page), Box::new(Meter(app.metrics()))];
    source.observers.splice(0..0, told);
    let swap = swap(args, hangup, deployment, app, |renewed| {
        Ok(NewModel {
            pipeline: renewed.live().make_warm()?,
            maker: renewed.live().clone(),
        })
    });
    let session = Session {
        sources: vec![source],
        options: args.live.options(None),
        maker,
        pipeline,
        observers: vec![
            Box::new(ServerCheck(server)),
            Box::new(ServiceManager::ready()),
        ],
        swap,
    };
    session.run(stop)?;
    Ok(Finding::Good)
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
