//! A network of the lab's own: its ports, addresses and firewall rules meet nobody else's.

use std::fs::File;

#[cfg(not(target_os = "linux"))]
use anyhow::Result;

/// A network namespace, there for as long as this is held or a process is in it.
#[derive(Debug)]
pub struct Netns(
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has any"))] File,
);

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::os::fd::AsFd as _;
    use std::process::Command;

    use anyhow::{Context as _, Result, anyhow};
    use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

    use super::Netns;

    impl Netns {
        /// A new one, with its loopback interface up.
        ///
        /// # Errors
        /// Without root.
        pub fn new() -> Result<Self> {
            let made = std::thread::spawn(|| {
                #[expect(deprecated, reason = "the thread has no file descriptors of its own to lose")]
                rustix::thread::unshare(UnshareFlags::NEWNET).context("making a network takes root")?;
                File::open("/proc/thread-self/ns/net").context("the new network has no name")
            });
            let file = made.join().map_err(|_| anyhow!("making a network failed"))??;
            let netns = Self(file);
            netns.raise_loopback()?;
            Ok(netns)
        }

        /// The one that a process is in.
        ///
        /// # Errors
        /// When there is no such process.
        pub fn of_process(pid: u32) -> Result<Self> {
            let file = File::open(format!("/proc/{pid}/ns/net"));
            file.map(Self).with_context(|| format!("there is no process {pid}"))
        }

        /// Does `work` on a thread inside. Sockets made and processes started there stay there.
        ///
        /// # Errors
        /// Without root. What `work` itself gives is passed on.
        pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
            std::thread::scope(|scope| {
                let thread = scope.spawn(|| {
                    move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network))
                        .context("entering a network takes root")?;
                    Ok(work())
                });
                thread.join().map_err(|_| anyhow!("the work inside a network failed"))?
            })
        }

        fn raise_loopback(&self) -> Result<()> {
            let words = ["link", "set", "lo", "up"];
            let programs = [("ip", &words[..]), ("busybox", &["ip", "link", "set", "lo", "up"])];
            for (program, arguments) in programs {
                let done = self.inside(|| Command::new(program).args(arguments).status())?;
                if done.is_ok_and(|status| status.success()) {
                    return Ok(());
                }
            }
            Err(anyhow!("neither `ip` nor `busybox ip` could raise the loopback interface"))
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Netns {
    /// Only Linux has any.
    ///
    /// # Errors
    /// Always.
    pub fn new() -> Result<Self> {
        anyhow::bail!("networks of one's own are Linux's")
    }

    /// Only Linux has any.
    ///
    /// # Errors
    /// Always.
    pub fn of_process(_pid: u32) -> Result<Self> {
        anyhow::bail!("networks of one's own are Linux's")
    }

    /// Does `work` where we are.
    ///
    /// # Errors
    /// Never.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T> {
        Ok(work())
    }
}
