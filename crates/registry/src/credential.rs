//! What is shown to a registry to be let in.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use secrecy::{ExposeSecret, SecretString};

/// A credential for one registry.
#[derive(Clone)]
pub struct RegistryCredential {
    /// The registry it belongs to, and the only one it may be sent to; `docker.io` for Docker Hub.
    pub registry: String,
    /// Who we are there; empty with an identity token.
    pub username: String,
    /// What proves it.
    pub secret: RegistrySecret,
}

/// What proves an account.
#[derive(Clone)]
pub enum RegistrySecret {
    /// A password or an access token in its place.
    Password(SecretString),
    /// A refresh token that a token service exchanges, as `docker login` stores it for some registries.
    IdentityToken(SecretString),
}

impl RegistryCredential {
    /// The value of the `X-Registry-Auth` header with which the engine pulls, as the Docker Engine
    /// API describes it: JSON in URL-safe base64. It reveals the secret to who reads it.
    #[must_use]
    pub fn engine_header(&self) -> SecretString {
        // The engine knows Docker Hub under the name that its first protocol gave it.
        let server = match self.registry.as_str() {
            lodeman_domain::image::DOCKER_HUB => "https://index.docker.io/v1/",
            other => other,
        };
        let json = match &self.secret {
            RegistrySecret::Password(password) => serde_json::json!({
                "username": self.username,
                "password": password.expose_secret(),
                "serveraddress": server,
            }),
            RegistrySecret::IdentityToken(token) => serde_json::json!({
                "identitytoken": token.expose_secret(),
                "serveraddress": server,
            }),
        };
        SecretString::from(URL_SAFE.encode(json.to_string()))
    }
}

impl fmt::Debug for RegistryCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryCredential({})", self.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_gets_the_credential_in_its_own_form() {
        let credential = RegistryCredential {
            registry: "docker.io".into(),
            username: "ann".into(),
            secret: RegistrySecret::Password(SecretString::from("s3cret?>")),
        };
        let json = URL_SAFE.decode(credential.engine_header().expose_secret()).unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&json).unwrap(),
            serde_json::json!({
                "username": "ann", "password": "s3cret?>", "serveraddress": "https://index.docker.io/v1/",
            })
        );
    }

    #[test]
    fn debug_output_has_no_secret() {
        let credential = RegistryCredential {
            registry: "ghcr.io".into(),
            username: "ann".into(),
            secret: RegistrySecret::IdentityToken(SecretString::from("s3cret")),
        };
        assert_eq!(format!("{credential:?}"), "RegistryCredential(ghcr.io)");
    }
}
