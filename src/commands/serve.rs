//! `ocelli serve`: the HTTP service, alone or beside the loop over a live source.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::follow::{Following, Recorder, Reload, Service, Successor};
use super::{Finding, PipelineMaker, cores, inspect, open_model, stop_flag, verify};
use crate::audience::Audience;
use crate::cli::ServeArgs;
use crate::engine::Identity;
use crate::error::{Error, Result};
use crate::model::manifest::Manifest;
use crate::model::{Model, Wishes};
use crate::pipeline::PipelineOptions;
use crate::pipeline::capture::{self, Opened};
use crate::pipeline::preprocess;
use crate::pipeline::write::{Context, Recording};
use crate::serve::{
    Broadcaster, Desk, DeskOptions, House, Live, Made, Meter, Metrics, Presented, Pulse, Server,
    ServerOptions, Token, ViewOptions, stand_back,
};
use crate::tls;

/// How long a signal may go unnoticed while there is no live source.
const ATTENTION: Duration = Duration::from_millis(50);

/// Runs the command.
///
/// # Errors
/// The model, the engine, the source or the address cannot be used.
pub fn run(args: &ServeArgs) -> Result<Finding> {
    let stop = stop_flag()?;
    let options = server_options(args)?;
    let model = open_model(&args.model)?;
    let opened = open_source(args, &model.manifest)?;
    let makers = Makers::new(args, model, opened.is_some())?;
    let live = args.source.as_ref();
    let live = live.map(|name| Arc::new(Live::new(name.to_string_lossy().into_owned())));
    let metrics = Arc::new(Metrics::default());
    let desk = |name, window| {
        let options = DeskOptions {
            name,
            capacity: args.requests.queue,
            window,
            stands_back: live.is_some(),
        };
        Desk::new(options, metrics.clone())
    };
    let house = Arc::new(House::new(
        desk("requests", Duration::ZERO),
        args.requests
            .batch_window
            .map(|window| desk("batches", window)),
        live.clone(),
        metrics.clone(),
        args.top_k,
    ));
    let server = Arc::new(Server::start(options, house.clone())?);
    if !args.no_proof {
        verify::prove(&makers.requests.model, &makers.requests.engines)?;
    }
    makers.open(&house)?;
    match opened.zip(live) {
        Some((opened, live)) => follow(args, opened, live, makers, (house, server), &stop),
        None => idle(args, makers, (house, server), &stop),
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
        .remedy(
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
    let Some(name) = &args.source else {
        return match args.live.given().or(args.tell.given()) {
            Some(flag) => Err(Error::usage(flag, "this is for a live source")
                .remedy("name one with --source, or leave it out")),
            None => Ok(None),
        };
    };
    let cover = preprocess::cover(&manifest.preprocess, &args.decode.framing());
    let gray = manifest.input.color.channels() == 1;
    let mut opened = capture::open(
        std::slice::from_ref(name),
        &args.source_options(cover, gray),
    )?;
    if !opened.live && opened.source.count().is_some() {
        return Err(
            Error::usage("--source", "these are files, and a live source is expected")
                .remedy("classify files with `ocelli run`, or send them to /predict"),
        );
    }
    opened.live = true;
    Ok(Some(opened))
}

/// How pipelines are made: for requests, for batches of them, and for the live loop.
#[derive(Clone)]
struct Makers {
    requests: PipelineMaker,
    batches: PipelineMaker,
    live: PipelineMaker,
    workers: usize,
}

impl Makers {
    fn new(args: &ServeArgs, model: Arc<Model>, has_source: bool) -> Result<Self> {
        let workers = args.requests.workers;
        let workers = workers.unwrap_or(if has_source { 1 } else { cores() });
        let threads = |sharers: usize| {
            let share = (cores() / sharers).clamp(1, 4);
            args.requests.threads.unwrap_or(share)
        };
        let engine = args.engine.options();
        // A live loop keeps half of the cores to itself.
        let sharers = if has_source { 2 * workers } else { workers };
        let mut requests = PipelineMaker::new(model, &engine, threads(sharers), args.decode)?;
        requests.options.top_k = args.top_k;
        requests.options.smooth.enter = args.threshold;
        let mut batches = requests.clone();
        if requests.model.file.fixed_batch.is_none() {
            batches.options.batch = args.requests.batch;
        }
        let mut live = PipelineMaker {
            threads: threads(1),
            ..requests.clone()
        };
        live.options.smooth = args.live.steadiness(args.threshold);
        live.options.still = args.live.still();
        Ok(Self {
            requests,
            batches,
            live,
            workers,
        })
    }

    /// Puts everyone to work, and opens the house.
    fn open(&self, house: &House) -> Result<()> {
        let mut context = None;
        for _ in 0..self.workers {
            let maker = self.requests.clone();
            context = Some(house.desk.hire(move || make(&maker))?);
            if let Some(desk) = &house.batches {
                let maker = self.batches.clone();
                desk.hire(move || make(&maker))?;
            }
        }
        let Some(context) = context else {
            return Err(Error::usage("--workers", "there is none"));
        };
        let Identity {
            engine, provider, ..
        } = context.identity.clone();
        let model = context.model.clone();
        house.present(present(&self.requests.model, context)?);
        log::info!(
            "{model} is ready on {engine} ({provider}), {} at a time",
            self.workers
        );
        Ok(())
    }

    /// The same for the model as it is now in its file, proved. What `first` makes of it
    /// is made before anything else, and only when all of it is there does it take over.
    fn renewed<T>(
        &self,
        path: &Path,
        wishes: Wishes,
        house: &House,
        first: impl Fn(&Self) -> Result<T>,
    ) -> Result<T> {
        let requests = self.requests.renewed(path, wishes)?;
        let with = |old: &PipelineMaker| PipelineMaker {
            threads: old.threads,
            options: PipelineOptions {
                batch: requests.model.file.fixed_batch.unwrap_or(old.options.batch),
                ..old.options
            },
            ..requests.clone()
        };
        let makers = Self {
            batches: with(&self.batches),
            live: with(&self.live),
            workers: self.workers,
            requests,
        };
        let successor = first(&makers)?;
        if house.live.is_some() {
            stand_back();
        }
        let all = |maker| {
            (0..self.workers)
                .map(|_| make(maker))
                .collect::<Result<Vec<_>>>()
        };
        let made = all(&makers.requests)?;
        let batches = house
            .batches
            .as_ref()
            .map(|desk| Ok((desk, all(&makers.batches)?)));
        let batches = batches.transpose()?;
        if let Some((_, context)) = made.first() {
            house.present(present(&makers.requests.model, context.clone())?);
        }
        house.desk.renew(made);
        if let Some((desk, made)) = batches {
            desk.renew(made);
        }
        Ok(successor)
    }
}

/// A pipeline for a desk.
fn make(maker: &PipelineMaker) -> Result<Made> {
    let pipeline = maker.make_warm()?;
    let context = maker.context(pipeline.engine().identity());
    Ok((pipeline, context))
}

/// What the model says of itself, and what really runs it.
fn present(model: &Model, context: Context) -> Result<Presented> {
    Ok(Presented {
        context,
        sha256: model.sha256()?,
        document: inspect::document(model)?.to_string().into(),
    })
}

/// Follows the source until it ends or a signal comes.
fn follow(
    args: &ServeArgs,
    opened: Opened,
    live: Arc<Live>,
    makers: Makers,
    (house, server): (Arc<House>, Arc<Server>),
    stop: &AtomicBool,
) -> Result<Finding> {
    let pipeline = makers.live.make_warm()?;
    let context = makers.live.context(pipeline.engine().identity());
    let view = ViewOptions {
        fps: args.view.view_fps,
        side: args.view.view_size,
        framing: args.decode.framing(),
        max_pixels: args.decode.max_pixels,
    };
    let metrics = house.metrics.clone();
    let mut audience: Vec<Box<dyn Audience>> = vec![
        Box::new(Broadcaster::new(live, metrics.clone(), view)?),
        Box::new(Meter(metrics)),
        Box::new(Pulse(server)),
    ];
    if let Some(folder) = &args.live.record {
        let recording = Recording::create(folder, args.live.record_limit())?;
        audience.push(Box::new(Recorder(recording)));
    }
    audience.extend(args.tell.audience(&context)?);
    let maker = makers.live.clone();
    let reload = reload(args, makers, house, |makers| {
        Ok(Successor {
            pipeline: makers.live.make_warm()?,
            maker: makers.live.clone(),
        })
    })?;
    let following = Following {
        opened,
        every: args.live.every,
        options: args.live.options(None),
        maker,
        pipeline,
        audience,
        reload,
    };
    following.run(stop)
}

/// Waits for a signal.
fn idle(
    args: &ServeArgs,
    makers: Makers,
    (house, server): (Arc<House>, Arc<Server>),
    stop: &AtomicBool,
) -> Result<Finding> {
    let mut reload = reload(args, makers, house, |_| Ok(()))?;
    let mut service = Service::new();
    service.ready();
    while !stop.load(Ordering::Relaxed) {
        thread::sleep(ATTENTION);
        server.check()?;
        service.alive(0, None);
        if reload.attend(&service).is_some() {
            log::info!("the new model takes over");
        }
    }
    service.stopping();
    Ok(Finding::Good)
}

/// On SIGHUP, everything is made anew for the model as it is then.
fn reload<T: Send + 'static>(
    args: &ServeArgs,
    makers: Makers,
    house: Arc<House>,
    first: impl Fn(&Makers) -> Result<T> + Send + Sync + 'static,
) -> Result<Reload<T>> {
    let (path, facts) = (args.model.model.clone(), args.model.facts.wishes());
    Reload::new(move || makers.renewed(&path, facts.clone(), &house, &first))
}
