//! What `wit-bindgen` makes of the contract. Nothing else in this crate is generated.

wit_bindgen::generate!({
    path: "../../wit",
    world: "described-module",
    generate_all,
    pub_export_macro: true,
    export_macro_name: "export_generated",
    default_bindings_module: "cellhost_sdk::bindings",
});
