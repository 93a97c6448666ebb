//! A way to the database that can be cut, or left standing without passing a byte: half-open connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Connections are numbered in the order in which they come.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Of the next connection.
    next: u64,
    /// Earlier ones are cut.
    cut_before: u64,
    /// On earlier ones nothing is passed on, and nobody is told.
    frozen_before: u64,
    /// On earlier ones no answer is passed on, and nobody is told.
    mute_before: u64,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

impl State {
    fn is_cut(&self, number: u64) -> bool {
        number < self.cut_before
    }

    fn is_still(&self, number: u64, way: Way) -> bool {
        number < self.frozen_before || (way == Way::ToClient && number < self.mute_before)
    }
}

pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
    sent: Arc<AtomicU64>,
}

impl Proxy {
    /// A way to a port of this machine.
    ///
    /// # Errors
    /// There is no free port.
    pub async fn start(target: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let state = watch::Sender::new(State::default());
        let sent = Arc::new(AtomicU64::default());
        let (accepting, counting) = (state.clone(), Arc::clone(&sent));
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let mut number = 0;
                accepting.send_modify(|state| {
                    number = state.next;
                    state.next += 1;
                });
                let (states, counting) = (accepting.subscribe(), Arc::clone(&counting));
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else {
                        return;
                    };
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        () = pass(near_in, far_out, states.clone(), number, Way::ToServer, &counting) => {}
                        () = pass(far_in, near_out, states, number, Way::ToClient, &counting) => {}
                    }
                });
            }
        });
        Ok(Self { port, state, sent })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections there have been.
    pub fn connections(&self) -> u64 {
        self.state.borrow().next
    }

    /// How many times the clients have sent something.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// No connection passes a byte, and neither does a new one.
    pub fn freeze(&self) {
        self.state.send_modify(|state| state.frozen_before = u64::MAX);
    }

    /// The connections of now bring no answer any more; new ones are whole. As where a firewall has forgotten them.
    pub fn mute(&self) {
        self.state.send_modify(|state| state.mute_before = state.next);
    }

    /// Cuts every connection; new ones are let through.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.cut_before = state.next;
            state.frozen_before = 0;
        });
    }
}

/// Passes bytes one way until the connection ends or is cut.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut states: watch::Receiver<State>,
    number: u64,
    way: Way,
    sent: &AtomicU64,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        // A way that stands still takes nothing from either side.
        let moves = states.wait_for(|state| state.is_cut(number) || !state.is_still(number, way));
        if moves.await.map_or(true, |state| state.is_cut(number)) {
            return;
        }
        let stops = states.wait_for(|state| state.is_cut(number) || state.is_still(number, way));
        let count = tokio::select! {
            // What is to be passed on and what stops it may come at the same moment: nothing is passed on then.
            biased;
            seen = stops => match seen.map(|state| state.is_cut(number)) {
                Ok(false) => continue,
                Ok(true) | Err(_) => return,
            },
            read = from.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            },
        };
        if way == Way::ToServer {
            sent.fetch_add(1, Ordering::Relaxed);
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
