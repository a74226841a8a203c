//! `cellhost:template/template`: text from templates.

use cellhost_effects::{TemplateError, masked};

use super::json_object;
use crate::contract::cellhost::template::template::{self as wit, Host};
use crate::store::TurnState;

impl Host for TurnState {
    async fn render(
        &mut self,
        name: String,
        variables: String,
    ) -> wasmtime::Result<Result<String, wit::Error>> {
        let variables = match json_object(&variables) {
            Ok(variables) => masked(variables),
            Err(reason) => return Ok(Err(wit::Error::Invalid(reason))),
        };
        let turn = self.context.turn.clone();
        Ok(turn
            .templates
            .render(&name, &variables)
            .map_err(|error| match &error {
                TemplateError::Unknown { .. } => wit::Error::UnknownTemplate(error.to_string()),
                TemplateError::Undefined { .. } => wit::Error::UndefinedVariable(error.to_string()),
                TemplateError::Invalid { .. } => wit::Error::Invalid(error.to_string()),
            }))
    }
}
