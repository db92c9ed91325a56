//! TOML, environment and flags, translated into one configuration.
//!
//! Later sources win: built-in default, the machine's own (time zone, proxies,
//! Docker's `config.json`), the
//! configuration file, `SENTINEL_*` variables, settings stored in the database, `LODEMAN_*`
//! variables, flags. So what an environment variable of ours or a flag says cannot be overridden at
//! run time, and what was carried over from Docker Sentinel can, as it could there.
//!
//! Every key stands in one table and has one parser, whatever source its value comes from. Loading
//! reports everything that is wrong at once. It reads no file itself: the text of the configuration
//! file is passed in, and files that hold secrets are read through a function that is passed in.

mod explain;
mod key;
mod load;
mod model;
mod problem;
mod registry;
mod sentinel;
mod source;

pub use explain::EffectiveKey;
pub use key::{KeyInfo, key_infos};
pub use load::{ReadSecret, Sources};
pub use model::{
    Config, DockerConfigFile, EngineConfig, EngineHost, LogConfig, LogFormat, LogLevel, MetricsConfig,
    Profile, SecurityConfig, ServerConfig,
};
pub use problem::{ConfigError, Origin, Problem};
pub use registry::{
    Mirror, ProxyAddress, RegistryConfig, RegistryCredential, RootCertificates, TokenService,
};
