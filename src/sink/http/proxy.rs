//! Names the proxy between us and a node, for messages: what cannot be reached may be the proxy. reqwest finds it in the same
//! way, by the variables that curl reads too.

use super::{Url, redact_address};
use hyper_util::client::proxy::matcher::Matcher;

/// The proxies before nodes, in their order: `HTTP_PROXY=http://proxy:3128/`; `None` where there is none.
pub(super) fn before(nodes: &[Url]) -> Vec<Option<String>> {
    let matcher = Matcher::from_system();
    let name = |node: &Url| {
        let proxy = matcher.intercept(&node.as_str().parse().ok()?)?;
        let of_scheme =
            if node.scheme() == "https" { ["HTTPS_PROXY", "https_proxy"] } else { ["HTTP_PROXY", "http_proxy"] };
        let mut names = of_scheme.into_iter().chain(["ALL_PROXY", "all_proxy"]);
        let variable = names.find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let address = redact_address(&proxy.uri().to_string());
        let address = address.trim_end_matches('/');
        Some(variable.map_or_else(|| address.to_owned(), |variable| format!("{variable}={address}")))
    };
    nodes.iter().map(name).collect()
}
