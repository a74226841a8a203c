//! Bringing a lab up: holder, cables, disks and the first boot.

use super::{Lab, lock};
use crate::{
    Image, ImageName, LabDirectory, LabError, MachineNumber, MachineState, Progress,
    cgroup::ControlGroup,
    check_prerequisites,
    holder::Holder,
    machine, network,
    prerequisites::raise_inotify_limit,
    ssh,
    state::{MachineRecord, State, now},
};

impl Lab {
    /// Brings up a lab with at least `count` machines, and returns when every sshd answers.
    ///
    /// A lab that runs already gets the missing machines; those that were killed are started
    /// again. Machines that are frozen or cut off are left as they are.
    pub fn up(
        directory: &LabDirectory,
        count: u16,
        image: ImageName,
        progress: &dyn Progress,
    ) -> Result<Self, LabError> {
        let wanted = MachineNumber::first(count)?;
        check_prerequisites()?;
        raise_inotify_limit()?;
        let image = Image::ensure(image, progress)?;
        claim(directory)?;
        let _lock = lock(directory)?;
        let mut lab = Self::begin(directory, &image, progress)?;
        let known = lab.machines();
        let further: Vec<_> = wanted.into_iter().filter(|n| !known.contains(n)).collect();
        if !further.is_empty() {
            lab.add(&known, &further, progress)?;
        }
        lab.start_all(progress)?;
        Ok(lab)
    }

    /// Finds the holder, or starts one.
    fn begin(
        directory: &LabDirectory,
        image: &Image,
        progress: &dyn Progress,
    ) -> Result<Self, LabError> {
        let group = ControlGroup::of_lab(directory.path())?;
        let state = State::load(directory)?.unwrap_or_else(|| State::new(image.clone()));
        if state.image.name() != image.name() {
            let (running, wanted) = (state.image.name().to_string(), image.name().to_string());
            let path = directory.path().to_path_buf();
            return Err(LabError::OtherImage {
                path,
                running,
                wanted,
            });
        }
        let found = Holder::find(&group);
        let holder = if let Some(holder) = found {
            holder
        } else {
            // What an earlier holder left behind belongs to a lab that no longer works.
            group.kill()?;
            group.create()?;
            Holder::start(&group)?
        };
        let directory = directory.clone();
        let mut lab = Self {
            directory,
            group,
            holder,
            state,
        };
        if found.is_none() {
            lab.lay_out(progress)?;
        }
        Ok(lab)
    }

    /// Lays the bridge in a new holder, and brings back machines whose holder was lost.
    fn lay_out(&mut self, progress: &dyn Progress) -> Result<(), LabError> {
        network::lay_bridge(self.holder)?;
        let machines = self.machines();
        if machines.is_empty() {
            ssh::make_key(&self.directory.key(), "cellhost lab")?;
            return self.state.save(&self.directory);
        }
        progress.step("bringing back the machines of a lab that went down");
        network::lay_cables(self.holder, &machines)?;
        for machine in machines {
            machine::mount_disk(self.holder, &self.directory, machine, &self.state.image)?;
        }
        self.state.cut_pairs.clear();
        self.state
            .machines
            .iter_mut()
            .for_each(|record| record.cut = false);
        self.state.save(&self.directory)
    }

    /// Gives the lab further machines, switched off.
    fn add(
        &mut self,
        known: &[MachineNumber],
        further: &[MachineNumber],
        progress: &dyn Progress,
    ) -> Result<(), LabError> {
        progress.step(&format!("making {}", names(further)));
        let all: Vec<_> = known.iter().chain(further).copied().collect();
        network::lay_cables(self.holder, further)?;
        let (holder, directory, image) = (self.holder, &self.directory, &self.state.image);
        for machine in further {
            if machine::mount_disk(holder, directory, *machine, image)? {
                machine::give_identity(holder, directory, *machine, &all)?;
            }
        }
        for machine in known {
            machine::append_hosts(holder, directory, *machine, further)?;
        }
        ssh::write_configuration(directory, &all)?;
        let records = further.iter().map(|number| MachineRecord {
            number: *number,
            booted_at: now(),
            cut: false,
        });
        self.state.machines.extend(records);
        self.state.save(&self.directory)
    }

    /// Switches on every machine that is off, and waits for those that can answer.
    fn start_all(&mut self, progress: &dyn Progress) -> Result<(), LabError> {
        let off: Vec<_> = self
            .machines()
            .into_iter()
            .filter(|machine| self.machine_state(*machine) == MachineState::Killed)
            .collect();
        if off.is_empty() {
            return Ok(());
        }
        progress.step(&format!("booting {}", names(&off)));
        self.switch_on(&off)?;
        self.wait_for_boot(&off)
    }

    /// Boots machines that are off and waits until sshd answers on each that is not cut off.
    pub(super) fn switch_on(&mut self, machines: &[MachineNumber]) -> Result<(), LabError> {
        for machine in machines {
            let group = self.group_of(*machine);
            machine::boot(
                self.holder,
                &self.directory,
                &group,
                *machine,
                &self.state.image,
            )?;
            if let Some(record) = self.state.machine_mut(*machine) {
                record.booted_at = now();
            }
        }
        self.state.save(&self.directory)?;
        self.wait_for_sshd(machines)
    }
}

/// Makes the directory, and refuses one that holds something else than a lab.
fn claim(directory: &LabDirectory) -> Result<(), LabError> {
    let path = directory.path();
    fs_err::create_dir_all(path)?;
    if !directory.lock().exists() && fs_err::read_dir(path)?.next().is_some() {
        let reason = "it holds files that are not those of a lab";
        return Err(LabError::UnfitDirectory {
            path: path.to_path_buf(),
            reason,
        });
    }
    Ok(())
}

/// Names one machine, or says how many there are.
fn names(machines: &[MachineNumber]) -> String {
    match machines {
        [only] => only.to_string(),
        many => format!("{} machines", many.len()),
    }
}
