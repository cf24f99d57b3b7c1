//! Whom a client trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::pem::{bad, certificates, provider};
use super::roots::system_roots;
use crate::error::{Error, Result};

/// Whom a client trusts: the authorities in the PEM file `ca`, else those of the system.
///
/// # Errors
/// The file cannot be read, or the system trusts nobody.
pub(crate) fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                roots
                    .add(certificate)
                    .map_err(|e| bad(path, "is not a certificate of an authority", e))?;
            }
        }
        None => {
            roots.add_parsable_certificates(system_roots());
        }
    }
    if roots.is_empty() {
        return Err(
            Error::usage("TLS", "this system has no trusted authorities")
                .with_remedy("apt-get install ca-certificates, or name a file of them")
                .with_settings(&["tls_ca"]),
        );
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::engine("TLS", "cannot be set up").caused_by(e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}
