use wasmi::{Config, Engine, Extern, ExternType, Func, Instance, Linker, Module, Store, Val};

use crate::PackError;

const SCHEMA: &str = "cellhost:module/description@0.1.0#schema";
const AFTERWARDS: &str = "cabi_post_cellhost:module/description@0.1.0#schema";
// A schema takes well under a million steps; this many is a guest that goes round in circles.
const FUEL: u64 = 20_000_000;

/// Asks a compiled guest, a core module, for the JSON schema of its settings; none where it
/// does not describe itself.
///
/// Nothing that the guest imports is there while it is asked: a guest that calls the host for
/// its schema is refused.
pub fn describe(core: &[u8]) -> Result<Option<String>, PackError> {
    let mut config = Config::default();
    config.consume_fuel(true);
    let engine = Engine::new(&config);
    let module = Module::new(&engine, core).map_err(refused)?;
    if module.get_export(SCHEMA).is_none() {
        return Ok(None);
    }
    let mut store = Store::new(&engine, ());
    store.set_fuel(FUEL).map_err(refused)?;
    let instance = start(&mut store, &module)?;
    let text = schema(&mut store, instance)?;
    Ok(Some(text))
}

fn start(store: &mut Store<()>, module: &Module) -> Result<Instance, PackError> {
    let mut linker = Linker::new(module.engine());
    for import in module.imports() {
        let ExternType::Func(kind) = import.ty() else {
            return Err(refused(format!("it imports `{}`", import.name())));
        };
        let name = format!("{}.{}", import.module(), import.name());
        let absent = Func::new(&mut *store, kind.clone(), move |_, _, _| {
            let message = format!("it calls `{name}` to describe itself");
            Err(wasmi::Error::new(message))
        });
        linker
            .define(import.module(), import.name(), absent)
            .map_err(refused)?;
    }
    let instance = linker
        .instantiate_and_start(&mut *store, module)
        .map_err(refused)?;
    if let Some(initialize) = instance.get_func(&*store, "_initialize") {
        initialize.call(store, &[], &mut []).map_err(refused)?;
    }
    Ok(instance)
}

/// Calls the export as the canonical ABI has it: the answer is the address of a pair of
/// address and length of the text.
fn schema(store: &mut Store<()>, instance: Instance) -> Result<String, PackError> {
    let function = instance
        .get_typed_func::<(), u32>(&*store, SCHEMA)
        .map_err(refused)?;
    let pair = function.call(&mut *store, ()).map_err(refused)?;
    let memory = instance
        .get_export(&*store, "memory")
        .and_then(Extern::into_memory)
        .ok_or_else(|| refused("it exports no memory"))?;
    let text = {
        let memory = memory.data(&*store);
        let address = word(memory, pair)?;
        let length = word(memory, pair.wrapping_add(4))?;
        let text = slice(memory, address, length)?;
        String::from_utf8(text.to_vec()).map_err(refused)?
    };
    if let Some(afterwards) = instance.get_func(&*store, AFTERWARDS) {
        let pair = Val::I32(pair.cast_signed());
        afterwards.call(store, &[pair], &mut []).map_err(refused)?;
    }
    Ok(text)
}

fn word(memory: &[u8], address: u32) -> Result<u32, PackError> {
    let bytes = slice(memory, address, 4)?;
    let bytes = bytes.try_into().map_err(refused)?;
    Ok(u32::from_le_bytes(bytes))
}

fn slice(memory: &[u8], address: u32, length: u32) -> Result<&[u8], PackError> {
    // The guest chose both numbers.
    let start = address as usize;
    let end = start.saturating_add(length as usize);
    memory
        .get(start..end)
        .ok_or_else(|| refused("its schema lies outside its memory"))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` hands over"
)]
fn refused(reason: impl ToString) -> PackError {
    PackError::Description {
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(body: &str) -> Vec<u8> {
        let text = format!(
            r#"(module
                (import "cellhost:cell/cell@0.1.0" "name" (func $name (param i32)))
                (memory (export "memory") 1)
                (data (i32.const 8) "\20\00\00\00\02\00\00\00")
                (data (i32.const 32) "{{}}")
                (func (export "{SCHEMA}") (result i32) {body}))"#
        );
        wat::parse_str(text).unwrap()
    }

    #[test]
    fn reads_the_schema_out_of_a_guest() {
        let schema = describe(&guest("i32.const 8")).unwrap();
        assert_eq!(schema.as_deref(), Some("{}"));
    }

    #[test]
    fn a_guest_without_a_description_has_none() {
        assert_eq!(describe(b"\0asm\x01\0\0\0").unwrap(), None);
    }

    #[test]
    fn refuses_a_guest_that_calls_the_host_to_describe_itself() {
        let error = describe(&guest("i32.const 0 call $name i32.const 8")).unwrap_err();
        assert!(error.to_string().contains("cell@0.1.0.name"), "{error}");
    }

    #[test]
    fn refuses_a_guest_that_never_ends() {
        let error = describe(&guest("(loop (br 0)) i32.const 8")).unwrap_err();
        assert!(error.to_string().contains("fuel"), "{error}");
    }

    #[test]
    fn refuses_a_text_outside_of_memory() {
        assert!(describe(&guest("i32.const 0x7fffffff")).is_err());
    }
}
