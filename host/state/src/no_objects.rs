//! In a program without stores there are no objects either.

use cellhost_plan::State;

use crate::StoreError;

pub(crate) enum Objects {}

#[expect(dead_code, reason = "nobody says anything where there is no store")]
pub(crate) enum Trouble {
    Passing(String),
    Lasting(String),
}

#[expect(
    clippy::unused_async,
    reason = "they are what the others are, for nobody to call"
)]
impl Objects {
    pub(crate) fn open(state: &State, _: &str) -> Result<Self, StoreError> {
        let url = state.url();
        Err(StoreError::NotBuilt { url })
    }

    pub(crate) async fn create(&self, _: &str, _: &[u8]) -> Result<bool, Trouble> {
        match *self {}
    }

    pub(crate) async fn read(&self, _: &str) -> Result<Option<Vec<u8>>, Trouble> {
        match *self {}
    }

    pub(crate) async fn has(&self, _: &str) -> Result<bool, Trouble> {
        match *self {}
    }

    pub(crate) async fn files(&self, _: &str) -> Result<Vec<String>, Trouble> {
        match *self {}
    }

    pub(crate) async fn folders(&self, _: &str) -> Result<Vec<String>, Trouble> {
        match *self {}
    }

    pub(crate) async fn remove(&self, _: &str) -> Result<(), Trouble> {
        match *self {}
    }
}
