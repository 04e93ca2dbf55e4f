//! Cloud IDs of Elastic Cloud: `NAME:` and, in base64, `HOST[:PORT]$ELASTICSEARCH[:PORT]$KIBANA[:PORT]`. The cluster is at
//! `https://ELASTICSEARCH.HOST:PORT`, as in Elasticsearch's own clients and in Beats.

use crate::sink::http::Url;
use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Some are written without padding.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The address of the cluster.
///
/// # Errors
/// When it is no Cloud ID.
pub(super) fn url(id: &str) -> Result<Url> {
    read(id).context("not a Cloud ID, which is written `NAME:BASE64`")
}

fn read(id: &str) -> Result<Url> {
    let code = id.rsplit_once(':').map_or(id, |(_, code)| code);
    let parts = String::from_utf8(ENGINE.decode(code.trim()).context("not base64")?)?;
    let parts: Vec<&str> = parts.split('$').collect();
    let [host, cluster, ..] = parts[..] else { anyhow::bail!("it names no cluster") };
    let (host, port) = host.split_once(':').unwrap_or((host, "443"));
    let (cluster, port) = cluster.split_once(':').unwrap_or((cluster, port));
    ensure!(!host.is_empty() && !cluster.is_empty(), "it names no cluster");
    let port: u16 = port.parse().context("its port is not a number")?;
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    ensure!(is_name(host) && is_name(cluster), "its host is no name");
    Ok(format!("https://{cluster}.{host}:{port}").parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_id_names_a_host() {
        let id = |parts: &str| format!("my-deployment:{}", ENGINE.encode(parts));
        for (id, found) in [
            (
                "staging:dXMtZWFzdC0xLmF3cy5mb3VuZC5pbyRjZWM2ZjI2MWE3NGJmMjRjZTMzYmI4ODExYjg0Mjk0ZiRjNmMyY2E2ZDA0MjI0OWFmMGNjN2Q3YTllOTYyNTc0Mw==",
                "https://cec6f261a74bf24ce33bb8811b84294f.us-east-1.aws.found.io/",
            ),
            (&id("us-east-1.aws.found.io$abc$def"), "https://abc.us-east-1.aws.found.io/"),
            (&id("host.io:9243$abc$def").replace('=', ""), "https://abc.host.io:9243/"),
            (&id("host.io$abc:9244$def:9245"), "https://abc.host.io:9244/"),
            (&id("host.io:9243$abc"), "https://abc.host.io:9243/"),
            (&ENGINE.encode("host.io$abc$"), "https://abc.host.io/"),
        ] {
            assert_eq!(url(id).expect(id).as_str(), found, "{id}");
        }
        for wrong in ["", "name:", "name:!!", &id("host.io"), &id("$abc$"), &id("h/x$abc"), &id("h:x$abc")] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }
}
