//! From a host's name to its addresses, without the C library, and with a look at what came out.
//!
//! A registry that somebody configured or runs an image from may be anywhere, this machine included.
//! A host that such a registry *refers* us to may not be on this machine or its link (security rule
//! SR-2): the name is looked up once, every address is checked, and the connection goes to one of
//! those.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::endpoint::is_own_or_link_local;

/// The name of a referral leads to where referrals must not lead.
#[derive(Debug)]
pub(crate) struct RefusedAddress;

impl std::fmt::Display for RefusedAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it leads to an address of this machine or its link")
    }
}

impl std::error::Error for RefusedAddress {}

/// Resolves names through the servers of `/etc/resolv.conf` and through `/etc/hosts`, and through
/// nobody else's where there are none.
#[derive(Clone, Default)]
pub(crate) struct CheckedResolver {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    resolver: OnceLock<TokioResolver>,
    registries: RwLock<HashSet<String>>,
}

impl std::fmt::Debug for CheckedResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CheckedResolver")
    }
}

impl CheckedResolver {
    /// Takes note that `host` is a registry that is asked on its own account.
    pub(crate) fn trust(&self, host: &str) {
        let known = self.shared.registries.read().unwrap_or_else(PoisonError::into_inner).contains(host);
        if !known {
            let mut registries = self.shared.registries.write().unwrap_or_else(PoisonError::into_inner);
            registries.insert(host.to_owned());
        }
    }

    fn is_trusted(&self, name: &str) -> bool {
        // Referrals to `localhost` by that name were judged before this.
        name == "localhost"
            || self.shared.registries.read().unwrap_or_else(PoisonError::into_inner).contains(name)
    }
}

impl Shared {
    fn resolver(&self) -> Result<&TokioResolver, hickory_resolver::net::NetError> {
        if let Some(resolver) = self.resolver.get() {
            return Ok(resolver);
        }
        let mut builder = TokioResolver::builder_tokio()?;
        builder.options_mut().ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
        let resolver = builder.build()?;
        Ok(self.resolver.get_or_init(|| resolver))
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let own = self.clone();
        Box::pin(async move {
            let name = name.as_str();
            let found = own.shared.resolver()?.lookup_ip(name).await?;
            let addresses = permitted(found.iter().collect(), own.is_trusted(name))?;
            // The port is filled in by who asked.
            Ok(Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

/// All of `addresses`, or none when one of them is where a referral must not lead.
fn permitted(addresses: Vec<IpAddr>, trusted: bool) -> Result<Vec<IpAddr>, RefusedAddress> {
    if trusted || !addresses.iter().copied().any(is_own_or_link_local) {
        Ok(addresses)
    } else {
        Err(RefusedAddress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_address_among_good_ones_refuses_a_referral_but_not_a_registry() {
        let addresses =
            |texts: &[&str]| -> Vec<IpAddr> { texts.iter().map(|t| t.parse().unwrap()).collect() };
        for (texts, allowed) in [
            (&["93.184.216.34"][..], true),
            (&["10.0.0.7", "2001:db8::1"], true),
            (&["93.184.216.34", "127.0.0.1"], false),
            (&["169.254.169.254"], false),
            (&["fe80::1"], false),
            (&["::1"], false),
            (&["::ffff:127.0.0.1"], false),
            (&["::ffff:169.254.169.254"], false),
            (&["64:ff9b::7f00:1"], false),
            (&["2002:7f00:1::"], false),
            (&["0.0.0.0"], false),
            (&["::"], false),
            (&["224.0.0.1"], false),
        ] {
            assert_eq!(permitted(addresses(texts), false).is_ok(), allowed, "{texts:?}");
            assert!(permitted(addresses(texts), true).is_ok(), "{texts:?}");
        }
    }

    #[test]
    fn only_hosts_that_are_registries_are_trusted() {
        let resolver = CheckedResolver::default();
        resolver.trust("registry.home");
        assert!(resolver.is_trusted("registry.home") && resolver.clone().is_trusted("registry.home"));
        assert!(!resolver.is_trusted("home") && !resolver.is_trusted("cdn.registry.home"));
    }
}
