//! The nodes of a cluster, and which of them are down. A node that fails is left out for a while and then tried again.

use super::Url;
use super::proxy::routes;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a node is left out at first. Each time it fails again the pause doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Shared by all lanes.
#[derive(Debug)]
pub struct Nodes {
    urls: Vec<Url>,
    /// Their names in messages, with the proxies before them.
    routes: Vec<String>,
    states: Mutex<Vec<NodeState>>,
    /// Whether one of them refuses compressed bodies.
    refuses_gzip: AtomicBool,
}

#[derive(Clone, Copy, Debug, Default)]
struct NodeState {
    down_until: Option<Instant>,
    failures: u32,
}

impl Nodes {
    /// Takes at least one node.
    pub fn new(urls: Vec<Url>) -> Nodes {
        let states = Mutex::new(vec![NodeState::default(); urls.len()]);
        Nodes { routes: routes(&urls), urls, states, refuses_gzip: AtomicBool::new(false) }
    }

    /// Whether one of them refuses compressed bodies.
    pub(crate) fn refuses_gzip(&self) -> bool {
        self.refuses_gzip.load(Ordering::Relaxed)
    }

    /// Records that a node refuses compressed bodies.
    pub(super) fn record_no_gzip(&self) {
        self.refuses_gzip.store(true, Ordering::Relaxed);
    }

    pub(crate) fn len(&self) -> usize {
        self.urls.len()
    }

    /// The name of a node in messages.
    pub fn name(&self, node: usize) -> String {
        self.urls[node].as_str().trim_end_matches('/').to_owned()
    }

    /// The same, with the proxy before it.
    pub(super) fn route(&self, node: usize) -> String {
        self.routes[node].clone()
    }

    /// The address of a path on a node, below the path of the node itself.
    pub fn url(&self, node: usize, path: &str) -> String {
        format!("{}{}", self.name(node), path.trim_end_matches('?'))
    }

    /// All nodes in the order to try them: `first`, then the others that are up, then those that are left out, the one that
    /// comes back first before the others.
    pub fn in_order(&self, first: usize) -> Vec<usize> {
        let (states, now) = (self.states(), Instant::now());
        let mut order: Vec<usize> = (0..self.len()).map(|step| (first + step) % self.len()).collect();
        order.sort_by_key(|node| states[*node].down_until.filter(|until| *until > now));
        order
    }

    /// Leaves a node out for a while.
    pub fn mark_down(&self, node: usize) {
        let state = &mut self.states()[node];
        let pause = FIRST_PAUSE.saturating_mul(1 << state.failures.min(5)).min(MAX_PAUSE);
        *state = NodeState { down_until: Some(Instant::now() + pause), failures: state.failures + 1 };
    }

    /// Ends the pause of a node.
    pub fn mark_up(&self, node: usize) {
        self.states()[node] = NodeState::default();
    }

    fn states(&self) -> MutexGuard<'_, Vec<NodeState>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Nodes {
        let urls = ["http://a:9200", "https://b/es/", "http://[::1]:9200/"].map(|url| url.parse().expect("a URL"));
        Nodes::new(urls.to_vec())
    }

    #[test]
    fn a_node_that_failed_comes_last_until_it_responds() {
        let nodes = nodes();
        assert_eq!(nodes.in_order(1), [1, 2, 0]);
        nodes.mark_down(1);
        assert_eq!(nodes.in_order(1), [2, 0, 1]);
        nodes.mark_down(2);
        nodes.mark_down(0);
        assert_eq!(nodes.in_order(0), [1, 2, 0]);
        nodes.mark_up(0);
        assert_eq!(nodes.in_order(1)[0], 0);
    }

    #[test]
    fn paths_are_below_the_path_of_the_node() {
        let nodes = nodes();
        assert_eq!(nodes.url(0, "/t%2Fx/_bulk?refresh=true").as_str(), "http://a:9200/t%2Fx/_bulk?refresh=true");
        assert_eq!(nodes.url(1, "/_bulk").as_str(), "https://b/es/_bulk");
        assert_eq!(nodes.url(2, "/").as_str(), "http://[::1]:9200/");
        assert_eq!(
            [nodes.name(0), nodes.name(1), nodes.name(2)],
            ["http://a:9200", "https://b/es", "http://[::1]:9200"]
        );
    }
}
