//! `cellhost:machine/types`: what the plan says about a machine.

use std::sync::Arc;

use wasmtime::component::Resource;

use crate::Member;
use crate::contract::cellhost::machine::types::{Host, HostMachine};
use crate::store::TurnState;

impl Host for TurnState {}

impl HostMachine for TurnState {
    async fn name(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<String> {
        Ok(self.table.get(&on)?.name.to_string())
    }

    async fn address(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<String> {
        Ok(self.table.get(&on)?.address.clone())
    }

    async fn roles(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<Vec<String>> {
        Ok(self.table.get(&on)?.roles.clone())
    }

    async fn tags(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.table.get(&on)?.tags.clone())
    }

    async fn variables(
        &mut self,
        on: Resource<Arc<Member>>,
    ) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.table.get(&on)?.variables.clone())
    }

    async fn zone(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&on)?.zone.clone())
    }

    async fn ordinal(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<u32> {
        Ok(self.table.get(&on)?.ordinal)
    }

    async fn drop(&mut self, on: Resource<Arc<Member>>) -> wasmtime::Result<()> {
        self.table.delete(on)?;
        Ok(())
    }
}
