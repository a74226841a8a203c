//! Asks a freshly built component about its settings. Part of building a module, never of a run.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use cellhost_effects::{
    Effect, EffectError, Effects, Hook, Outcome, Rights, Templates, Turn,
};
use cellhost_manifest::Manifest;

use crate::module::fault;
use crate::store::store;
use crate::{CellView, Context, Level, Limits, LoadError, Runtime, Voice};

/// Returns the JSON schema that a component gives for its settings, or none where it does not
/// export `cellhost:module/description`.
pub async fn describe(
    runtime: &Runtime,
    bytes: &[u8],
    manifest: &Manifest,
) -> Result<Option<String>, LoadError> {
    let unfit = |error: wasmtime::Error| LoadError::Unfit {
        module: manifest.name.to_string(),
        version: manifest.version.clone(),
        reason: fault(&error).to_string(),
    };
    let component = runtime.component(bytes)?;
    let mut store = store(&runtime.engine, nothing(manifest));
    let instance =
        runtime.linker().instantiate_async(&mut store, &component).await.map_err(unfit)?;
    let interface = "cellhost:module/description@0.1.0";
    let Some(interface) = instance.get_export_index(&mut store, None, interface) else {
        return Ok(None);
    };
    let Some(schema) = instance.get_export_index(&mut store, Some(&interface), "schema") else {
        return Ok(None);
    };
    let schema =
        instance.get_typed_func::<(), (String,)>(&mut store, schema).map_err(unfit)?;
    let (text,) = schema.call_async(&mut store, ()).await.map_err(unfit)?;
    Ok(Some(text))
}

fn nothing(manifest: &Manifest) -> Context {
    let rights = Rights {
        asks: manifest.asks.clone(),
        machines: BTreeSet::new(),
        secrets: BTreeSet::new(),
    };
    let turn = Turn {
        module: cellhost_plan::InstanceName::from(manifest.id()),
        version: manifest.version.clone(),
        hook: Hook::Validate,
        machine: None,
        rights: Arc::new(rights),
        templates: Arc::new(Templates::none()),
    };
    Context {
        turn: Arc::new(turn),
        cell: Arc::new(CellView::default()),
        effects: Arc::new(Nothing),
        voice: Arc::new(Nothing),
        limits: Limits::default(),
        seed: 0,
    }
}

/// No machines, and nobody listens.
struct Nothing;

#[async_trait]
impl Effects for Nothing {
    async fn perform(&self, _: Effect) -> Result<Outcome, EffectError> {
        Err(EffectError::other("there are no machines while a module is described"))
    }
}

impl Voice for Nothing {
    fn said(&self, _: &Turn, _: Level, _: String) {}
    fn doing(&self, _: &Turn, _: String) {}
}
