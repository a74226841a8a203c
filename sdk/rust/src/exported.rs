use std::marker::PhantomData;

use schemars::generate::SchemaSettings;

use crate::bindings::exports::cellhost::module::description::Guest as Description;
use crate::bindings::exports::cellhost::module::lifecycle::{Failure as Given, Guest as Lifecycle};
use crate::{Cell, Condition, Machine, Module, Problem};

/// A module as the contract wants it. [`export!`](crate::export) makes one.
pub struct Exported<M>(PhantomData<M>);

impl<M: Module + 'static> Lifecycle for Exported<M> {
    fn validate() -> Vec<Problem> {
        match Cell::about_all() {
            Ok(cell) => M::validate(&cell),
            Err(failure) => vec![Problem::of_all(failure.message())],
        }
    }

    fn outputs() -> Vec<(String, String)> {
        // Settings that cannot be read are what `validate` complains about.
        Cell::about_all().map_or_else(|_| Vec::new(), |cell| M::outputs(&cell))
    }

    fn order() -> Result<Vec<u32>, Given> {
        Ok(M::order(&Cell::about_all()?)?)
    }

    fn apply(on: &Machine) -> Result<(), Given> {
        Ok(M::apply(&Cell::about(on)?, on)?)
    }

    fn form() -> Result<(), Given> {
        Ok(M::form(&Cell::about_all()?)?)
    }

    fn health(on: &Machine) -> Condition {
        Cell::about(on)
            .and_then(|cell| M::health(&cell, on))
            .unwrap_or_else(|failure| Condition::down(failure.message()))
    }

    fn remove(on: &Machine, purge: bool) -> Result<(), Given> {
        Ok(M::remove(&Cell::about(on)?, on, purge)?)
    }
}

impl<M: Module + 'static> Description for Exported<M> {
    fn schema() -> String {
        // The generator keeps its keys sorted, so the same settings give the same bytes.
        let generator = SchemaSettings::draft2020_12().into_generator();
        generator
            .into_root_schema_for::<M::Settings>()
            .as_value()
            .to_string()
    }
}

/// Makes a type that implements [`Module`](crate::Module) the module of this component.
///
/// Off WebAssembly it only checks that the type is a module.
#[macro_export]
macro_rules! export {
    ($module:ty) => {
        const _: () = {
            type ExportedModule = $crate::Exported<$module>;

            #[cfg(target_family = "wasm")]
            #[allow(unsafe_code, reason = "generated from the contract")]
            const _: () = {
                $crate::bindings::export_generated!(ExportedModule with_types_in $crate::bindings);
            };

            #[cfg(not(target_family = "wasm"))]
            const _: fn() -> String =
                <ExportedModule as $crate::bindings::exports::cellhost::module::description::Guest>::schema;
        };
    };
}
