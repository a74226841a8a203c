//! The wires of a lab: a bridge on the controller's side and a cable to each machine.

use std::{
    fmt::Write as _,
    io::Read as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use crate::{
    LabError, MachineNumber,
    address::{CONTROLLER_ADDRESS, PREFIX},
    command,
    holder::Holder,
};

/// A hardware address that nobody has: what is sent there is lost without a word.
const NOWHERE: &str = "02:00:00:00:00:00";

const BANNER_PATIENCE: Duration = Duration::from_millis(1500);

/// Lays the bridge that joins the machines and the controller.
pub(crate) fn lay_bridge(holder: Holder) -> Result<(), LabError> {
    let batch = format!(
        "link set lo up\nlink add bridge type bridge\n\
         address add {CONTROLLER_ADDRESS}/{PREFIX} dev bridge\nlink set bridge up\n"
    );
    batch_ip(holder, None, &batch)
}

/// Lays a cable from the bridge to each machine given, and sets its address.
pub(crate) fn lay_cables(holder: Holder, machines: &[MachineNumber]) -> Result<(), LabError> {
    let mut batch = String::new();
    for machine in machines {
        let (port, mac) = (machine.port(), machine.hardware_address());
        // Writing to a string does not fail.
        let _ = write!(
            batch,
            "netns add {machine}\n\
             link add {port} type veth peer name eth0 address {mac} netns {machine}\n\
             link set {port} master bridge up\n"
        );
    }
    batch_ip(holder, None, &batch)?;
    for machine in machines {
        let address = machine.address();
        let batch =
            format!("link set lo up\naddress add {address}/{PREFIX} dev eth0\nlink set eth0 up\n");
        batch_ip(holder, Some(*machine), &batch)?;
    }
    Ok(())
}

/// Pulls or plugs the cable between a machine and the bridge.
pub(crate) fn connect(
    holder: Holder,
    machine: MachineNumber,
    connected: bool,
) -> Result<(), LabError> {
    let state = if connected { "up" } else { "down" };
    batch_ip(
        holder,
        None,
        &format!("link set {} {state}\n", machine.port()),
    )
}

/// Makes two machines unable to send to each other, or able again.
pub(crate) fn connect_pair(
    holder: Holder,
    pair: (MachineNumber, MachineNumber),
    connected: bool,
) -> Result<(), LabError> {
    for (from, to) in [pair, (pair.1, pair.0)] {
        let address = to.address();
        let batch = if connected {
            format!("neighbour del {address} dev eth0\n")
        } else {
            format!("neighbour replace {address} lladdr {NOWHERE} dev eth0 nud permanent\n")
        };
        batch_ip(holder, Some(from), &batch)?;
    }
    Ok(())
}

/// Tells for each machine whether its sshd greets, asking all at once.
pub(crate) fn sshd_answers(
    holder: Holder,
    machines: &[MachineNumber],
) -> Result<Vec<bool>, LabError> {
    thread::scope(|scope| {
        let threads: Vec<_> = machines
            .iter()
            .map(|machine| scope.spawn(|| greets(holder, machine.address())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or(Ok(false)))
            .collect()
    })
}

/// Connects from a thread of its own, as entering a network concerns the whole thread.
fn greets(holder: Holder, address: Ipv4Addr) -> Result<bool, LabError> {
    enter_network(holder)?;
    let peer = SocketAddr::from((address, 22));
    let Ok(mut stream) = TcpStream::connect_timeout(&peer, BANNER_PATIENCE) else {
        return Ok(false);
    };
    stream.set_read_timeout(Some(BANNER_PATIENCE))?;
    let mut banner = [0; 4];
    Ok(stream.read_exact(&mut banner).is_ok() && banner == *b"SSH-")
}

#[cfg(target_os = "linux")]
fn enter_network(holder: Holder) -> Result<(), LabError> {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    use std::os::fd::AsFd as _;

    let namespace = fs_err::File::open(holder.network())?;
    move_into_link_name_space(namespace.file().as_fd(), Some(LinkNameSpaceType::Network)).map_err(
        |source| LabError::Enter {
            source: source.into(),
        },
    )
}

#[cfg(not(target_os = "linux"))]
fn enter_network(_holder: Holder) -> Result<(), LabError> {
    Err(LabError::NotLinux {
        system: std::env::consts::OS,
    })
}

fn batch_ip(holder: Holder, machine: Option<MachineNumber>, batch: &str) -> Result<(), LabError> {
    let mut command = holder.enter();
    command.arg("ip");
    if let Some(machine) = machine {
        command.arg("-netns").arg(machine.to_string());
    }
    command.args(["-batch", "-"]);
    command::run_with_input(&mut command, batch).map(drop)
}
