//! A module that looks for files and networks by way of WASI, and says what it came to.

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    reason = "generated from the contract"
)]
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../wit", "wit"],
        world: "test:wanders/wanderer@0.1.0",
        generate_all,
    });

    #[cfg(target_family = "wasm")]
    export!(Wanderer with_types_in self);

    #[cfg(target_family = "wasm")]
    use super::Wanderer;
}

use bindings::cellhost::machine::types::Machine;
use bindings::exports::cellhost::module::lifecycle::{Condition, Failure, Guest, Problem};
use bindings::wasi::cli::environment;
use bindings::wasi::filesystem::preopens;
use bindings::wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Network,
};
use bindings::wasi::sockets::{
    instance_network, ip_name_lookup, tcp_create_socket, udp_create_socket,
};

struct Wanderer;

impl Guest for Wanderer {
    fn validate() -> Vec<Problem> {
        Vec::new()
    }

    fn outputs() -> Vec<(String, String)> {
        Vec::new()
    }

    fn order() -> Result<Vec<u32>, Failure> {
        Ok(Vec::new())
    }

    fn apply(_: &Machine) -> Result<(), Failure> {
        let network = instance_network::instance_network();
        let ways = [
            ("directories", nothing(preopens::get_directories().len())),
            ("variables", nothing(environment::get_environment().len())),
            ("arguments", nothing(environment::get_arguments().len())),
            ("names", outcome(resolves(&network))),
            ("connects", outcome(connects(&network))),
            ("listens", outcome(listens(&network))),
            ("sends", outcome(sends(&network))),
        ];
        let told = ways.map(|(way, came)| format!("{way}: {came}"));
        Err(Failure::Failed(told.join(", ")))
    }

    fn form() -> Result<(), Failure> {
        Ok(())
    }

    fn health(_: &Machine) -> Condition {
        Condition::Healthy
    }

    fn remove(_: &Machine, _: bool) -> Result<(), Failure> {
        Ok(())
    }
}

fn nothing(count: usize) -> String {
    match count {
        0 => "none".to_owned(),
        count => format!("reached {count}"),
    }
}

fn outcome(result: Result<(), ErrorCode>) -> String {
    match result {
        Ok(()) => "reached".to_owned(),
        Err(error) => error.name().to_owned(),
    }
}

fn resolves(network: &Network) -> Result<(), ErrorCode> {
    ip_name_lookup::resolve_addresses(network, "127.0.0.1").map(drop)
}

fn connects(network: &Network) -> Result<(), ErrorCode> {
    let socket = tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_connect(network, here(22))
}

fn listens(network: &Network) -> Result<(), ErrorCode> {
    let socket = tcp_create_socket::create_tcp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(network, here(0))
}

fn sends(network: &Network) -> Result<(), ErrorCode> {
    let socket = udp_create_socket::create_udp_socket(IpAddressFamily::Ipv4)?;
    socket.start_bind(network, here(0))
}

fn here(port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port,
        address: (127, 0, 0, 1),
    })
}
