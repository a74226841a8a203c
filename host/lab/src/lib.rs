//! Real Debian machines with systemd and sshd on this one computer, for trying and testing.
//!
//! A [`Lab`] lives in a [`LabDirectory`]: [`Lab::up`] brings it up, [`Lab::open`] finds it again
//! and [`Lab::down`] removes it without a trace. Its machines are systemd-nspawn containers over a
//! cached [`Image`], in mount and network namespaces that only a sleeping process, the holder,
//! keeps alive. Machines can be killed, frozen and cut off, and their disks can be compared.
//!
//! The crate never prints: who calls hears of long work by [`Progress`]. It leaves nothing with a
//! global name on the computer, so labs in different directories never meet. It is not for
//! deploying anything, and nothing but the command line and tests may use it.

mod address;
mod cgroup;
mod command;
mod directory;
mod error;
mod fingerprint;
mod hexadecimal;
mod holder;
mod image;
mod inventory;
mod lab;
mod machine;
mod network;
mod prerequisites;
mod progress;
mod removal;
mod ssh;
mod state;
mod status;

pub use address::{CONTROLLER_ADDRESS, MOST_MACHINES, MachineNumber};
pub use directory::{LAB_DIRECTORY_VARIABLE, LAB_IMAGES_VARIABLE, LabDirectory};
pub use error::LabError;
pub use fingerprint::Fingerprint;
pub use image::{Image, ImageName};
pub use inventory::inventory;
pub use lab::{Lab, SSH_CONFIG_VARIABLE};
pub use prerequisites::check_prerequisites;
pub use progress::{Progress, Silent};
pub use status::{MachineState, MachineStatus};
