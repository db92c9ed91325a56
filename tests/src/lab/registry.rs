//! A registry of our own.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::{Daemon, Netns, wait};
use crate::http::{Client, Target};
use crate::push::Pusher;

/// How long a registry may take to answer.
const START: Duration = Duration::from_secs(20);

/// A `docker-registry` on a port of the loopback interface, which engines trust without TLS.
#[derive(Debug)]
pub struct RegistryProcess {
    port: u16,
    netns: Option<Arc<Netns>>,
}

impl RegistryProcess {
    /// Starts one whose all is in `folder`, at this port, or at any.
    ///
    /// # Errors
    /// When there is no `docker-registry`, or it does not come up; with the end of its log.
    pub fn start(folder: &Path, netns: Option<Arc<Netns>>, port: Option<u16>) -> Result<Self> {
        let port = match port {
            Some(port) => port,
            None => free_port(netns.as_deref())?,
        };
        let settings = format!(
            "version: 0.1\nlog:\n  level: warn\n  accesslog: {{disabled: true}}\nstorage:\n  filesystem: \
             {{rootdirectory: \"{}\"}}\n  cache: {{blobdescriptor: inmemory}}\n  delete: {{enabled: true}}\n\
             http:\n  addr: 127.0.0.1:{port}\n",
            folder.join("registry").display()
        );
        let file = folder.join("registry.yml");
        std::fs::write(&file, settings)?;
        let daemon = Daemon::named(folder, "registry");
        daemon.spawn(Command::new("docker-registry").arg("serve").arg(&file), netns.as_deref())?;
        std::fs::write(folder.join("registry.port"), port.to_string())?;
        let registry = Self { port, netns };
        let client = registry.client();
        let up = wait(START, || {
            if daemon.pid().is_none() {
                bail!("docker-registry ended");
            }
            Ok(client.get("/v2/").is_ok_and(|answer| answer.status == 200).then_some(()))
        });
        up.with_context(|| format!("the registry does not come up; its log ends\n{}", daemon.log_tail(15)))?;
        Ok(registry)
    }

    /// The one in `folder`, if it runs and answers.
    #[must_use]
    pub fn running(folder: &Path, netns: Option<Arc<Netns>>) -> Option<Self> {
        Daemon::named(folder, "registry").pid()?;
        let port = std::fs::read_to_string(folder.join("registry.port")).ok()?.trim().parse().ok()?;
        let registry = Self { port, netns };
        registry.client().get("/v2/").ok()?;
        Some(registry)
    }

    /// Its host and port, as references name it.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A connection to it.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Target::Loopback { port: self.port, netns: self.netns.clone() })
    }

    /// What pushes to it.
    #[must_use]
    pub fn pusher(&self) -> Pusher {
        Pusher::new(self.client())
    }
}

/// A port of the loopback interface that nobody listens on.
///
/// # Errors
/// When there is none.
pub fn free_port(netns: Option<&Netns>) -> Result<u16> {
    let find = || Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port());
    match netns {
        Some(netns) => netns.inside(find)?,
        None => find(),
    }
}
