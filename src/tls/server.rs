//! What a server shows of itself.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::pem::{bad, certificates, provider};
use crate::error::{Error, Result};

/// What a server shows: the chain in `certificate` and its `key`, both PEM.
///
/// # Errors
/// A file cannot be read, or the key is another certificate's.
pub fn server(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>> {
    let chain = certificates(certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|e| bad(key, "is not a private key in PEM", e))?;
    let config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::engine("TLS", "cannot be set up").caused_by(e))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|e| bad(certificate, "cannot be used with this key", e))?;
    Ok(Arc::new(config))
}
