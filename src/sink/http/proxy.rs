//! The proxy through which an address is reached, for messages. reqwest takes it from the same variables, and does not tell.

use super::{Url, redact_address};
use hyper_util::client::proxy::matcher::Matcher;

/// What stands between a node's name and the proxy before it.
pub(super) const THROUGH: &str = " through the proxy ";

/// The names of a node in messages: its address, and the proxy if there is one.
pub(super) fn routes(nodes: &[Url]) -> Vec<String> {
    let matcher = Matcher::from_system();
    nodes.iter().map(|node| route(node, &matcher)).collect()
}

fn route(node: &Url, matcher: &Matcher) -> String {
    let name = node.as_str().trim_end_matches('/').to_owned();
    let uri: Option<http::Uri> = node.as_str().parse().ok();
    let Some(proxy) = uri.and_then(|uri| matcher.intercept(&uri)) else { return name };
    let variables = match node.scheme() {
        "https" => ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"],
        _ => ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"],
    };
    let set = variables.iter().find_map(|variable| {
        let value = std::env::var(variable).ok().filter(|value| !value.is_empty())?;
        Some(format!("{variable}={}", redact_address(&value)))
    });
    // A system may have settings of its own.
    let shown = set.unwrap_or_else(|| redact_address(&proxy.uri().to_string()));
    format!("{name}{THROUGH}{shown}")
}

/// The host of a node whose name in a message has a proxy.
pub(in crate::sink) fn host_behind_proxy(message: &str) -> Option<String> {
    let (before, _) = message.split_once(THROUGH)?;
    let address = before.rsplit(' ').next()?;
    let url: Url = address.parse().ok()?;
    Some(url.host_str()?.trim_matches(['[', ']']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_behind_a_proxy_is_found_in_a_message() {
        let host = |message: &str| host_behind_proxy(message);
        assert_eq!(
            host("http://es.example:9200/x through the proxy HTTP_PROXY=p:1: refused").as_deref(),
            Some("es.example")
        );
        assert_eq!(host("HTTP 503 from https://[::1]:9200 through the proxy p").as_deref(), Some("::1"));
        assert_eq!(host("http://es.example:9200: refused"), None);
    }
}
