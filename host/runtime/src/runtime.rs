//! The engine, and how modules are loaded into it.

use std::path::Path;
use std::sync::Arc;

use cellhost_effects::Templates;
use cellhost_manifest::{digest, extract};
use wasmtime::component::{Component, Linker};
use wasmtime::{Cache, CacheConfig, Config, Enabled, Engine, PoolingAllocationConfig};

use crate::contract::ModulePre;
use crate::limits::Ticker;
use crate::module::Parts;
use crate::store::TurnState;
use crate::totals::{Pool, Totals};
use crate::{LoadError, Module, contract, inspect};

/// Loads modules. One for the whole process.
#[derive(Clone)]
pub struct Runtime {
    engine: Engine,
    linker: Arc<Linker<TurnState>>,
    ticker: Arc<Ticker>,
    pool: Arc<Pool>,
}

/// Whether guests that only compute are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    Ticks,
    Stands,
}

impl Runtime {
    /// Sets up the engine. Compiled modules are kept below `cache`, where one is given, by the
    /// hash of their bytes and the engine's settings.
    pub fn new(cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::with(cache, Clock::Ticks)
    }

    /// The same with a clock that stands: a turn gives way only where it waits for something, so
    /// that what happens does not depend on how fast this computer is. Nothing ends a guest that
    /// only computes; this is for guests that one has written oneself. Turns take what they need from
    /// places that stand ready, since on such a clock there are very many of them and short ones.
    pub fn without_clock(cache: Option<&Path>) -> Result<Self, LoadError> {
        Self::with(cache, Clock::Stands)
    }

    fn with(cache: Option<&Path>, clock: Clock) -> Result<Self, LoadError> {
        let failed = |error: wasmtime::Error| LoadError::Engine {
            reason: format!("{error:#}"),
        };
        let mut config = Config::new();
        config.epoch_interruption(true);
        config.memory_reservation(64 << 20);
        config.memory_guard_size(1 << 20);
        config.max_wasm_stack(1 << 20);
        config.async_stack_size(2 << 20);
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
        if clock == Clock::Stands {
            config.allocation_strategy(places());
        }
        if let Some(cache) = cache {
            private(cache).map_err(|error| LoadError::Engine {
                reason: error.to_string(),
            })?;
            let mut settings = CacheConfig::new();
            settings.with_directory(cache);
            config.cache(Some(Cache::new(settings).map_err(failed)?));
        }
        let engine = Engine::new(&config).map_err(failed)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(failed)?;
        contract::Module::add_to_linker::<_, wasmtime::component::HasSelf<_>>(
            &mut linker,
            |state| state,
        )
        .map_err(failed)?;
        let ticker = match clock {
            Clock::Ticks => Ticker::start(&engine).map_err(|error| LoadError::Engine {
                reason: error.to_string(),
            })?,
            Clock::Stands => Ticker::idle(),
        };
        Ok(Self {
            engine,
            linker: Arc::new(linker),
            ticker: Arc::new(ticker),
            pool: Pool::new(Totals::default()),
        })
    }

    /// The same with other limits for all turns together, of the modules that it loads from now on.
    #[must_use]
    pub fn within(self, totals: Totals) -> Self {
        let pool = Pool::new(totals);
        Self { pool, ..self }
    }

    /// Loads a module. `label` says where the bytes came from, for errors. Takes as long as
    /// compiling does, unless the cache has it.
    pub fn load(&self, bytes: &[u8], label: &str) -> Result<Module, LoadError> {
        let embedded = extract(bytes).map_err(|source| LoadError::NotAModule {
            label: label.to_owned(),
            source: Box::new(source),
        })?;
        let manifest = &embedded.manifest;
        let (module, version) = (manifest.name.clone(), manifest.version.clone());
        let component =
            Component::new(&self.engine, bytes).map_err(|error| LoadError::Compile {
                module: module.clone(),
                version: version.clone(),
                reason: format!("{error:#}"),
            })?;
        let imports = inspect::imports(&component, &self.engine);
        inspect::check(&imports, manifest)?;
        let unfit = |error: wasmtime::Error| LoadError::Unfit {
            module: module.clone(),
            version: version.clone(),
            reason: format!("{error:#}"),
        };
        let pre = self.linker.instantiate_pre(&component).map_err(unfit)?;
        let pre = ModulePre::new(pre).map_err(unfit)?;
        let templates =
            Templates::parse(&embedded.templates).map_err(|source| LoadError::Template {
                module: module.clone(),
                version: version.clone(),
                source,
            })?;
        let digest = digest(bytes);
        Ok(Module::new(Parts {
            engine: self.engine.clone(),
            ticker: self.ticker.clone(),
            pre,
            embedded,
            templates,
            imports,
            digest,
            pool: self.pool.clone(),
        }))
    }

    /// Lists what a component imports, sorted, whether or not this host offers it.
    pub fn imports(&self, bytes: &[u8]) -> Result<Vec<crate::Import>, LoadError> {
        let component = Component::new(&self.engine, bytes).map_err(|error| LoadError::Engine {
            reason: format!("{error:#}"),
        })?;
        Ok(inspect::imports(&component, &self.engine))
    }
}

/// The places of turns where no clock ticks: what one used is wiped for the next, not given back.
fn places() -> PoolingAllocationConfig {
    let mut places = PoolingAllocationConfig::new();
    places
        .max_memory_size(32 << 20)
        .linear_memory_keep_resident(2 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    places
}

/// Makes a directory that only its owner can enter: compiled code is loaded from it.
fn private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    fs_err::create_dir_all(directory)?;
    let metadata = fs_err::metadata(directory)?;
    let own = fs_err::metadata("/proc/self")?.uid();
    if metadata.uid() != own {
        let message = format!("`{}` belongs to another user", directory.display());
        return Err(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            message,
        ));
    }
    fs_err::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}
