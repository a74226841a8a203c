//! `cellhost:cell/cell`: what the module is deployed into.

use std::sync::Arc;

use wasmtime::component::Resource;

use crate::contract::cellhost::cell::cell::Host;
use crate::store::TurnState;
use crate::{Fault, Member};

/// How many outputs a turn may publish, and how long each may be.
const OUTPUTS: usize = 256;
const OUTPUT_BYTES: usize = 64 << 10;

impl Host for TurnState {
    async fn name(&mut self) -> wasmtime::Result<String> {
        Ok(self.context.cell.name.clone())
    }

    async fn members(&mut self) -> wasmtime::Result<Vec<Resource<Arc<Member>>>> {
        let cell = self.context.cell.clone();
        cell.members
            .iter()
            .map(|member| Ok(self.table.push(member.clone())?))
            .collect()
    }

    async fn leaving(&mut self) -> wasmtime::Result<Vec<Resource<Arc<Member>>>> {
        let cell = self.context.cell.clone();
        cell.leaving
            .iter()
            .map(|member| Ok(self.table.push(member.clone())?))
            .collect()
    }

    async fn settings(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<String> {
        self.table.get(&on)?;
        Ok(self.context.cell.settings.clone())
    }

    async fn output(&mut self, module: String, key: String) -> wasmtime::Result<Option<String>> {
        Ok(self.context.cell.outputs.get(&(module, key)).cloned())
    }

    async fn publish(&mut self, key: String, value: String) -> wasmtime::Result<()> {
        if self.published.len() >= OUTPUTS || key.len() + value.len() > OUTPUT_BYTES {
            let why = format!(
                "it published more than {OUTPUTS} outputs, or one over {OUTPUT_BYTES} bytes"
            );
            return Err(Fault::Failed(why).into());
        }
        self.published.push((key, value));
        Ok(())
    }
}
