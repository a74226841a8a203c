//! One file for each WIT interface that modules can import. Each translates what the guest says
//! into an effect and the outcome back, and nothing else.

mod cell;
mod exec;
mod facts;
mod files;
mod log;
mod machine;
mod net;
mod state;
mod template;

/// Reads the JSON object that a guest passes as a template's variables.
fn json_object(text: &str) -> Result<serde_json::Value, String> {
    match serde_json::from_str(text) {
        Ok(value @ serde_json::Value::Object(_)) => Ok(value),
        Ok(_) => Err("the variables are no JSON object".to_owned()),
        Err(error) => Err(format!("the variables are no JSON: {error}")),
    }
}
