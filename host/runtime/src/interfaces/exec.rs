//! `cellhost:exec/exec`: running programs.

use std::sync::Arc;
use std::time::Duration;

use cellhost_effects::{
    Act, Answer, Command, Doubt, EffectError, Found, Input, Outcome, Sign, Text,
};
use cellhost_plan::SecretName;
use futures_util::future::join_all;
use wasmtime::component::Resource;

use crate::Member;
use crate::contract::cellhost::exec::exec::{self as wit, Host};
use crate::store::TurnState;

/// How many looks of one `probe-all` are under way at once.
const CHECKS: usize = 4096;

impl Host for TurnState {
    async fn probe(
        &mut self,
        on: Resource<Arc<Member>>,
        command: wit::Command,
        assumed: Option<wit::Answer>,
    ) -> wasmtime::Result<Result<wit::Answer, wit::Error>> {
        let act = match probe(command, assumed) {
            Ok(act) => act,
            Err(error) => return Ok(Err(error)),
        };
        Ok(answered(self.perform(&on, act).await?))
    }

    async fn probe_all(
        &mut self,
        checks: Vec<wit::Check>,
    ) -> wasmtime::Result<Vec<Result<wit::Answer, wit::Error>>> {
        if checks.len() > CHECKS {
            let many = || wit::Error::Other(format!("more than {CHECKS} checks at once"));
            return Ok(checks.iter().map(|_| Err(many())).collect());
        }
        let mut looks = Vec::with_capacity(checks.len());
        for check in checks {
            let member = self.table.get(&check.on)?.clone();
            looks.push(match probe(check.command, check.assumed) {
                Ok(act) => Ok(self.effect(&member, act)?),
                Err(error) => Err(error),
            });
        }
        let effects = self.context.effects.clone();
        let effects = &effects;
        let answers = join_all(looks.into_iter().map(|look| async move {
            match look {
                Ok(effect) => answered(effects.perform(effect).await),
                Err(error) => Err(error),
            }
        }));
        Ok(self.await_machines(answers).await)
    }

    async fn wait(
        &mut self,
        on: Resource<Arc<Member>>,
        command: wit::Command,
        until: wit::Sign,
        patience: u32,
    ) -> wasmtime::Result<Result<wit::Answer, wit::Error>> {
        let command = match self::command(command) {
            Ok(command) => command,
            Err(error) => return Ok(Err(error)),
        };
        let sign = Sign {
            status: until.status,
            contains: until.contains,
        };
        let patience = Duration::from_millis(u64::from(patience));
        Ok(answered(
            self.perform(
                &on,
                Act::Wait {
                    command,
                    sign,
                    patience,
                },
            )
            .await?,
        ))
    }

    async fn run(
        &mut self,
        on: Resource<Arc<Member>>,
        command: wit::Command,
        when_in_doubt: wit::Doubt,
    ) -> wasmtime::Result<Result<wit::Ran, wit::Error>> {
        let doubt = match when_in_doubt {
            wit::Doubt::Again => Ok(Doubt::Again),
            wit::Doubt::Ask => Ok(Doubt::Ask),
            wit::Doubt::Verify(command) => self::command(command).map(Doubt::Verify),
        };
        let act = match self::command(command).and_then(|command| Ok((command, doubt?))) {
            Ok((command, doubt)) => Act::Run { command, doubt },
            Err(error) => return Ok(Err(error)),
        };
        Ok(match self.perform(&on, act).await? {
            Ok(Outcome {
                found: Found::Ran(Some(answer)),
                ..
            }) => Ok(wit::Ran::Done(told(answer))),
            Ok(Outcome {
                found: Found::Ran(None),
                ..
            }) => Ok(wit::Ran::Skipped),
            Ok(_) => Err(wit::Error::Other("no answer to the command".to_owned())),
            Err(error) => Err(refused(error)),
        })
    }
}

fn probe(command: wit::Command, assumed: Option<wit::Answer>) -> Result<Act, wit::Error> {
    let assumed = assumed.map(|answer| Answer {
        status: answer.status,
        output: answer.output,
        errors: answer.errors,
    });
    Ok(Act::Probe {
        command: self::command(command)?,
        assumed,
    })
}

fn command(command: wit::Command) -> Result<Command, wit::Error> {
    let mut environment = Vec::with_capacity(command.environment.len());
    for (name, text) in command.environment {
        environment.push(match text {
            wit::Text::Plain(value) => (name, Text::Plain(value)),
            wit::Text::Secret(secret) => (name, Text::Secret(self::secret(&secret)?)),
        });
    }
    Ok(Command {
        argv: command.argv,
        input: match command.input {
            wit::Input::Nothing => Input::Nothing,
            wit::Input::Bytes(bytes) => Input::Bytes(bytes),
            wit::Input::Secret(secret) => Input::Secret(self::secret(&secret)?),
        },
        environment,
        user: command.user,
        deadline: Duration::from_millis(u64::from(command.deadline)),
    })
}

fn secret(name: &str) -> Result<SecretName, wit::Error> {
    SecretName::new(name).map_err(|_| {
        wit::Error::Denied(format!("`{}` is no name of a secret", name.escape_debug()))
    })
}

fn answered(result: Result<Outcome, EffectError>) -> Result<wit::Answer, wit::Error> {
    match result {
        Ok(Outcome {
            found: Found::Answer(answer),
            ..
        }) => Ok(told(answer)),
        Ok(_) => Err(wit::Error::Other("no answer to the command".to_owned())),
        Err(error) => Err(refused(error)),
    }
}

fn told(answer: Answer) -> wit::Answer {
    wit::Answer {
        status: answer.status,
        output: answer.output,
        errors: answer.errors,
    }
}

fn refused(error: EffectError) -> wit::Error {
    match error {
        EffectError::Denied { rule } => wit::Error::Denied(rule),
        EffectError::Deadline { reason } => wit::Error::Deadline(reason),
        EffectError::Unreachable { reason, .. } => wit::Error::Unreachable(reason),
        other => wit::Error::Other(other.to_string()),
    }
}
