//! A way to the database that can be cut, or left standing without passing a byte: a half-open connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Nothing is passed on, and nobody is told.
    frozen: bool,
    /// Connections of an older time are cut.
    time: u64,
}

pub struct Proxy {
    port: u16,
    state: watch::Sender<State>,
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
        let states = state.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let states = states.clone();
                tokio::spawn(async move {
                    let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await else {
                        return;
                    };
                    let time = states.borrow().time;
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        () = pass(near_in, far_out, states.clone(), time) => {}
                        () = pass(far_in, near_out, states, time) => {}
                    }
                });
            }
        });
        Ok(Self { port, state })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn freeze(&self) {
        self.state.send_modify(|state| state.frozen = true);
    }

    /// Cuts every connection; new ones are let through.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.frozen = false;
            state.time += 1;
        });
    }
}

/// Passes bytes one way until the connection ends or is cut.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut states: watch::Receiver<State>,
    time: u64,
) {
    let mut bytes = vec![0; 16 * 1024];
    loop {
        // A frozen way takes nothing from either side.
        if states
            .wait_for(|state| !state.frozen || state.time != time)
            .await
            .is_err()
        {
            return;
        }
        let cut = states.wait_for(|state| state.time != time || state.frozen);
        let count = tokio::select! {
            seen = cut => match seen.map(|state| state.time == time) {
                Ok(true) => continue,
                Ok(false) | Err(_) => return,
            },
            read = from.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            },
        };
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
