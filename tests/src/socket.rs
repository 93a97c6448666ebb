//! A GraphQL socket as stock clients open it.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;

/// Longest wait for a word of the server.
const WORD_MAX: Duration = Duration::from_secs(20);

pub struct Socket {
    stream: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Socket {
    /// A socket that has been let in.
    pub async fn open(url: &str, token: &str) -> Self {
        let url = format!("{}/graphql", url.replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        let protocol = "graphql-transport-ws".parse().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let (stream, _) = tokio_tungstenite::connect_async(request).await.unwrap();
        let mut socket = Self { stream };
        let init =
            json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}});
        socket.stream.send(Message::text(init.to_string())).await.unwrap();
        assert_eq!(socket.hear().await.unwrap()["type"], "connection_ack");
        socket
    }

    /// The next message, or the code with which the server closed.
    pub async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            let heard = tokio::time::timeout(WORD_MAX, self.stream.next()).await;
            match heard.unwrap().unwrap().unwrap() {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return Err(frame.unwrap().code.into()),
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_) => {}
            }
        }
    }
}
