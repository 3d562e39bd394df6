//! The trusted certificate authorities: those that come with the package, or those that the user names.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio_rustls::rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::error::{Error, Result};

/// The TLS configuration. `ca_file` overrides `SSL_CERT_FILE` and `SSL_CERT_DIR`; each of these overrides the
/// authorities that come with the package.
pub(crate) fn tls_config(
    ca_file: Option<&Path>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Arc<ClientConfig>> {
    let path = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let mut roots = RootCertStore::empty();
    match (ca_file, path("SSL_CERT_FILE"), path("SSL_CERT_DIR")) {
        (Some(file), _, _) => add_file(&mut roots, "ca_file", file)?,
        (None, None, None) => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        (None, file, folder) => {
            if let Some(file) = file {
                add_file(&mut roots, "SSL_CERT_FILE", &file)?;
            }
            if let Some(folder) = folder {
                add_folder(&mut roots, &folder)?;
            }
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add_file(roots: &mut RootCertStore, name: &str, file: &Path) -> Result<()> {
    let bad = |reason: String| Error::Certificates { name: name.to_owned(), path: file.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| bad(error.to_string()))?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(|error| bad(error.to_string()))?;
    if roots.add_parsable_certificates(certificates).0 == 0 {
        return Err(bad("it holds no certificate; expected PEM, `-----BEGIN CERTIFICATE-----`".to_owned()));
    }
    Ok(())
}

/// Adds the certificates in a folder. Other files are ignored, as OpenSSL does.
fn add_folder(roots: &mut RootCertStore, folder: &Path) -> Result<()> {
    let bad = |reason: String| Error::Certificates { name: "SSL_CERT_DIR".to_owned(), path: folder.to_owned(), reason };
    for entry in folder.read_dir().map_err(|error| bad(error.to_string()))? {
        let file = entry.map_err(|error| bad(error.to_string()))?.path();
        if let Ok(certificates) = CertificateDer::pem_file_iter(file) {
            roots.add_parsable_certificates(certificates.filter_map(Result::ok));
        }
    }
    if roots.is_empty() { Err(bad("none of its files holds a certificate in PEM".to_owned())) } else { Ok(()) }
}
