//! A process that is measured.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// A server as a process of its own, which ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    address: SocketAddr,
    /// Its settings.
    _folder: Option<TempDir>,
}

impl Process {
    /// Starts `command`, which listens at `address`.
    pub(crate) fn start(command: &mut Command, address: SocketAddr, folder: TempDir) -> io::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let program = command.get_program().display();
        let child = child.map_err(|error| io::Error::other(format!("{program} does not start: {error}")))?;
        Ok(Self { child, address, _folder: Some(folder) })
    }

    /// Starts this program as the upstream.
    pub(crate) fn upstream() -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("upstream").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("the upstream says nothing"))?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().map_err(io::Error::other)?;
        Ok(Self { child, address, _folder: None })
    }

    /// How it ended, where it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time that it and those it started have had of the processors.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut ticks = 0;
        for id in self.family() {
            let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
            // The name is in parentheses and may hold anything.
            let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
            let spent =
                fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
            ticks += spent.sum::<u64>();
        }
        Ok(Duration::from_secs(ticks) / u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100))
    }

    /// The memory that is resident for it and those it started, in bytes.
    pub(crate) fn resident(&self) -> io::Result<u64> {
        let mut bytes = 0;
        for id in self.family() {
            let status = fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            bytes += kib.unwrap_or(0) * 1024;
        }
        Ok(bytes)
    }

    fn family(&self) -> Vec<u32> {
        let mut family = vec![self.child.id()];
        let mut at = 0;
        while let Some(id) = family.get(at) {
            let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
            family.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
            at += 1;
        }
        family
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // nginx's first process must live long enough to end its worker.
        if let Some(id) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        }
        for _ in 0..100 {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lets this process, and those it starts, open as many files as the system allows.
pub(crate) fn open_many_files() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?;
    Ok(())
}
