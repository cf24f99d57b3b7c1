//! Finding the engine, loading what its sessions share, and falling back where that is
//! allowed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
#[cfg(feature = "onnxruntime")]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "onnxruntime")]
use super::onnxruntime::{OnnxRuntime, Settings};
#[cfg(feature = "onnxruntime")]
use super::prepared::Prepared;
#[cfg(feature = "rten")]
use super::rten::Network;
use super::{Device, Engine, EngineChoice, EngineOptions};
#[cfg(feature = "onnxruntime")]
use super::{cache, library, prepared};
use crate::error::{Error, Result};
use crate::model::{Features, Model};

/// A loaded engine for one model, from which each worker gets its own session.
pub struct EngineMaker {
    model: Arc<Model>,
    backend: Backend,
    /// What was asked for, with the device that it means here.
    options: EngineOptions,
    /// Whether the CPU computes, because the device could not.
    fallen: AtomicBool,
}

enum Backend {
    #[cfg(feature = "onnxruntime")]
    OnnxRuntime {
        library: library::Library,
        /// Found or made by the first session that computes on the CPU.
        prepared: OnceLock<Option<Prepared>>,
    },
    #[cfg(feature = "rten")]
    Rten(Network),
}

impl EngineMaker {
    /// Finds the engine and loads what its sessions share.
    ///
    /// # Errors
    /// The engine asked for cannot be loaded, or cannot load the model; the features are
    /// asked for, and the network has none that can be told.
    pub fn new(model: Arc<Model>, options: &EngineOptions) -> Result<Self> {
        let found = Backend::find_beside_hashing(&model, options)?;
        Self::load(model, found, options.clone())
    }

    /// Every engine that can load the model, where `options` leave the choice; one that
    /// cannot is left out with a warning, unless its library was named.
    ///
    /// # Errors
    /// None can, or the one asked for cannot.
    pub fn all(model: &Arc<Model>, options: &EngineOptions) -> Result<Vec<Self>> {
        if options.choice != EngineChoice::Auto {
            return Ok(vec![Self::new(model.clone(), options)?]);
        }
        let mut all = Vec::new();
        for choice in Self::choices(options.choice) {
            let options = EngineOptions {
                choice,
                ..options.clone()
            };
            match Self::new(model.clone(), &options) {
                Ok(maker) => all.push(maker),
                Err(error) if choice == EngineChoice::OnnxRuntime && options.is_library_named() => {
                    return Err(error);
                }
                Err(error) => log::warn!("left out: {error:#}"),
            }
        }
        if all.is_empty() {
            return Err(Error::engine("engines", "none can load the model"));
        }
        Ok(all)
    }

    /// The engines that a choice stands for.
    pub fn choices(choice: EngineChoice) -> Vec<EngineChoice> {
        match choice {
            EngineChoice::Auto => vec![EngineChoice::OnnxRuntime, EngineChoice::Rten],
            choice => vec![choice],
        }
    }

    /// The same engine for another model; a process can start ONNX Runtime only once. Features are
    /// given if that has any.
    ///
    /// # Errors
    /// The engine cannot load the model.
    pub fn for_model(&self, model: Arc<Model>) -> Result<Self> {
        let options = EngineOptions {
            embedding: self.options.embedding && model.features().is_some(),
            ..self.options.clone()
        };
        Self::load(model, self.backend.again(), options)
    }

    fn load(model: Arc<Model>, found: Found, mut options: EngineOptions) -> Result<Self> {
        if options.embedding && model.features().is_none() {
            return Err(Error::model(
                model.place(),
                "the network has no features below its classes that can be told",
            )
            .with_expected("an output for them, or a Gemm, a MatMul or a 1x1 Conv at its end"));
        }
        let backend = found.load(&model, &mut options)?;
        let maker = Self {
            model,
            backend,
            options,
            fallen: AtomicBool::new(false),
        };
        #[cfg(feature = "rten")]
        if let (Backend::Rten(_), Some(device)) = (&maker.backend, maker.accelerator()) {
            let what = "the pure-Rust engine computes on the CPU only";
            maker.fall_back(Error::engine(device.to_string(), what))?;
        }
        Ok(maker)
    }

    /// The model that it was made for.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// The device, if it is another than the CPU.
    fn accelerator(&self) -> Option<Device> {
        Some(self.options.device).filter(|device| !matches!(device, Device::Auto | Device::Cpu))
    }

    /// The CPU computes instead of the device, which is said, unless that is an error.
    fn fall_back(&self, why: Error) -> Result<()> {
        if self.options.require {
            return Err(why
                .with_remedy("allow the CPU to compute instead")
                .with_settings(&["require"]));
        }
        if !self.fallen.swap(true, Ordering::Relaxed) {
            log::warn!("the CPU computes: {why:#}");
        }
        Ok(())
    }

    /// A session of its own that computes with `threads` threads.
    ///
    /// # Errors
    /// The engine cannot load the model.
    pub fn make(&self, threads: usize) -> Result<Box<dyn Engine>> {
        match &self.backend {
            #[cfg(feature = "onnxruntime")]
            Backend::OnnxRuntime { library, prepared } => {
                if let Some(engine) = self.accelerated(library, threads)? {
                    return Ok(engine);
                }
                let prepared = prepared.get_or_init(|| self.prepared(library));
                self.on_cpu(library, prepared.as_ref(), threads)
            }
            #[cfg(feature = "rten")]
            Backend::Rten(network) => Ok(Box::new(network.session(threads))),
        }
    }

    /// Keeps the network as ONNX Runtime optimises it for this machine, as the first session
    /// would, but now; the folder that it is kept in, or `None` where the engine has nothing to prepare.
    ///
    /// # Errors
    /// The cache cannot be written, or the model not loaded.
    pub fn prepare(&self) -> Result<Option<PathBuf>> {
        match &self.backend {
            #[cfg(feature = "onnxruntime")]
            Backend::OnnxRuntime { library, .. } => {
                // TensorRT prepares by building: minutes, once.
                if self.accelerated(library, 1)?.is_some()
                    && let Some(folder) = self.tensorrt_cache(library)?
                {
                    return Ok(Some(folder));
                }
                prepared::save(library, &self.model, self.features()).map(Some)
            }
            #[cfg(feature = "rten")]
            Backend::Rten(_) => Ok(None),
        }
    }
}

#[cfg(feature = "onnxruntime")]
impl EngineMaker {
    fn with(&self, threads: usize) -> Settings<'_> {
        Settings {
            threads,
            spin: self.options.spin,
            features: self.features(),
        }
    }

    fn features(&self) -> Option<&Features> {
        wanted_features(&self.model, &self.options)
    }

    /// The network that was optimised once, which may be now.
    fn prepared(&self, library: &library::Library) -> Option<Prepared> {
        if !self.options.use_cache {
            return None;
        }
        let (model, features) = (&self.model, self.features());
        Prepared::find(library, model, features)
            .or_else(|| Prepared::make(library, model, features))
    }

    /// A session on the CPU, of the prepared network where there is one.
    fn on_cpu(
        &self,
        library: &library::Library,
        prepared: Option<&Prepared>,
        threads: usize,
    ) -> Result<Box<dyn Engine>> {
        let session =
            |file: Option<&Path>| OnnxRuntime::new(library, &self.model, file, self.with(threads));
        let tried = prepared.and_then(|prepared| {
            let made = prepared.with_file(|file| session(Some(file)))?;
            let refused = |e| {
                log::warn!("the prepared network is broken, the original is loaded: {e:#}");
                prepared.reject();
            };
            made.map_err(refused).ok()
        });
        let engine = tried.map_or_else(|| session(None), Ok)?;
        Ok(Box::new(engine))
    }

    fn tensorrt_cache(&self, library: &library::Library) -> Result<Option<PathBuf>> {
        let EngineOptions {
            device, precision, ..
        } = self.options;
        match device {
            Device::TensorRt(_) if self.options.use_cache => {
                cache::tensorrt(&self.model, &library.version, device, precision)
            }
            _ => Ok(None),
        }
    }

    /// A session on the device, if it is another than the CPU and can compute.
    fn accelerated(
        &self,
        library: &library::Library,
        threads: usize,
    ) -> Result<Option<Box<dyn Engine>>> {
        let Some(device) = self.accelerator() else {
            return Ok(None);
        };
        if self.fallen.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let cache = self.tensorrt_cache(library)?;
        let Some(provider) = device.provider(self.options.precision, cache.as_deref()) else {
            return Ok(None);
        };
        let name = device.to_string();
        let made =
            OnnxRuntime::accelerated(library, &self.model, &name, provider, self.with(threads));
        let why = match made {
            Ok((engine, placement)) if placement.is_accelerated() => {
                if let Some(operators) = placement.fallen() {
                    log::warn!(
                        "{device} does not run all of it ({}): {operators} run on the CPU",
                        placement.name()
                    );
                }
                return Ok(Some(Box::new(engine)));
            }
            Ok(_) => Error::engine(name, "it runs no node of this network"),
            Err(error) => error,
        };
        self.fall_back(why)?;
        Ok(None)
    }
}

fn wanted_features<'a>(model: &'a Model, options: &EngineOptions) -> Option<&'a Features> {
    let is_wanted = options.embedding || model.manifest.distance_rule().is_some();
    model.features().filter(|_| is_wanted)
}

/// An engine that is there, before it has a model.
enum Found {
    #[cfg(feature = "onnxruntime")]
    OnnxRuntime(library::Library),
    #[cfg(feature = "rten")]
    Rten,
}

impl Backend {
    /// Looks for the engine that is asked for.
    fn find(options: &EngineOptions) -> Result<Found> {
        match options.choice {
            EngineChoice::Rten => rten(),
            EngineChoice::OnnxRuntime => onnxruntime(options.library.as_deref()),
            EngineChoice::Auto if options.is_library_named() || !cfg!(feature = "rten") => {
                onnxruntime(options.library.as_deref())
            }
            EngineChoice::Auto if cfg!(feature = "onnxruntime") => onnxruntime(None).or_else(|e| {
                log::warn!("the pure-Rust engine runs, which is slower: {e:#}");
                rten()
            }),
            EngineChoice::Auto => rten(),
        }
    }

    /// Looks for the engine; meanwhile the model is hashed, by which what is kept is found.
    #[cfg_attr(not(feature = "onnxruntime"), allow(unused_variables))]
    fn find_beside_hashing(model: &Model, options: &EngineOptions) -> Result<Found> {
        #[cfg(feature = "onnxruntime")]
        if options.use_cache && options.choice != EngineChoice::Rten && cache::networks().is_some()
        {
            return std::thread::scope(|scope| {
                // Who needs the hash asks again, and hears what is wrong.
                scope.spawn(|| model.sha256().ok());
                Self::find(options)
            });
        }
        Self::find(options)
    }

    /// The engine, for another model.
    fn again(&self) -> Found {
        match self {
            #[cfg(feature = "onnxruntime")]
            Self::OnnxRuntime { library, .. } => Found::OnnxRuntime(library.clone()),
            #[cfg(feature = "rten")]
            Self::Rten(_) => Found::Rten,
        }
    }
}

impl Found {
    #[cfg_attr(not(feature = "rten"), allow(unused_variables))]
    fn load(self, model: &Model, options: &mut EngineOptions) -> Result<Backend> {
        match self {
            #[cfg(feature = "onnxruntime")]
            Self::OnnxRuntime(library) => {
                options.device = options.device.resolve(&library.path);
                let prepared = OnceLock::new();
                Ok(Backend::OnnxRuntime { library, prepared })
            }
            #[cfg(feature = "rten")]
            Self::Rten => {
                let features = wanted_features(model, options);
                Network::load(model, features).map(Backend::Rten)
            }
        }
    }
}

#[cfg(feature = "onnxruntime")]
fn onnxruntime(named: Option<&Path>) -> Result<Found> {
    library::find(named).map(Found::OnnxRuntime)
}

#[cfg(not(feature = "onnxruntime"))]
fn onnxruntime(_: Option<&Path>) -> Result<Found> {
    Err(left_out("onnxruntime"))
}

#[cfg(feature = "rten")]
fn rten() -> Result<Found> {
    Ok(Found::Rten)
}

#[cfg(not(feature = "rten"))]
fn rten() -> Result<Found> {
    Err(left_out("rten"))
}

#[cfg(not(all(feature = "onnxruntime", feature = "rten")))]
fn left_out(engine: &str) -> Error {
    Error::engine(engine, "this build was made without it")
        .with_remedy(format!("build it with the feature `{engine}`"))
}

impl EngineOptions {
    /// Whether the caller, or a variable, names a library, so that it has to be used.
    pub fn is_library_named(&self) -> bool {
        #[cfg(feature = "onnxruntime")]
        return library::named(self.library.as_deref()).is_some();
        #[cfg(not(feature = "onnxruntime"))]
        return self.library.is_some();
    }
}
