//! A way to the broker that a test can cut and open again, without harm to other tests.

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub struct BrokerProxy {
    port: u16,
    target: String,
    open: Option<CancellationToken>,
}

impl BrokerProxy {
    /// A proxy to the host and port of `amqp_url`, cut off at first.
    pub async fn new(amqp_url: &str) -> Self {
        let target = amqp_url
            .rsplit('@')
            .next()
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let probe = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = probe.local_addr().unwrap().port();
        Self {
            port,
            target,
            open: None,
        }
    }

    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Lets connections through.
    pub async fn open(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.unwrap();
        let (open, target) = (CancellationToken::new(), self.target.clone());
        self.open = Some(open.clone());
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = open.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let (mut near, _) = accepted.unwrap();
                let (open, target) = (open.clone(), target.clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(target).await.unwrap();
                    tokio::select! {
                        () = open.cancelled() => {}
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                    }
                });
            }
        });
    }

    /// Cuts every connection and accepts none.
    pub fn cut(&mut self) {
        if let Some(open) = self.open.take() {
            open.cancel();
        }
    }
}
