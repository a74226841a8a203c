use cellhost_sdk::prelude::*;

use crate::settings::Settings;

/// Begins a command to the instance at a port of the machine that it will run on.
///
/// `-e` makes an error of the instance an exit status.
pub(crate) fn tell(settings: &Settings, port: u16, words: &[&str]) -> Command {
    let port = port.to_string();
    let begin = ["redis-cli", "-e", "-p", port.as_str()];
    signed(settings, begin.iter().chain(words))
}

/// Begins a command of `redis-cli --cluster`, which speaks to many instances by itself.
pub(crate) fn arrange(settings: &Settings, words: &[&str]) -> Command {
    let begin = ["redis-cli", "--cluster"];
    // Slots may hold much data.
    signed(settings, begin.iter().chain(words)).deadline_seconds(3600)
}

fn signed<'a>(settings: &Settings, argv: impl Iterator<Item = &'a &'a str>) -> Command {
    Command::new(argv.copied())
        .environment_secret("REDISCLI_AUTH", &settings.password)
        .deadline_seconds(10)
}
