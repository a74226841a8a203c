//! The bindings that wasmtime generates from `wit/`. Nothing generated leaves this crate.

#![allow(clippy::pedantic, reason = "generated")]

wasmtime::component::bindgen!({
    path: "../../wit",
    world: "module",
    imports: { default: async | trappable },
    exports: { default: async },
    with: { "cellhost:machine/types.machine": crate::context::Handle },
    require_store_data_send: true,
});
