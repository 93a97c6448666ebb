//! GraphQL over a WebSocket (sub-protocol graphql-transport-ws).
//!
//! The token comes in `connection_init`, as `{"authorization": "Bearer …"}`. A socket does not outlive it: it is
//! closed with 4403, and the client connects again with a new one.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::http::header::SEC_WEBSOCKET_PROTOCOL;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use actix_ws::{AggregatedMessage, CloseCode, CloseReason};
use async_graphql::Data;
use async_graphql::http::{WebSocket, WebSocketProtocols, WsMessage};
use chrono::{DateTime, Utc};
use futures::{Stream, StreamExt};
use platform::tokens::{TokenError, Verified};
use serde::Deserialize;
use serde_json::Value;
use store::origins::SentFrom;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::ReadSide;
use crate::session::Reader;

const PROTOCOL: &str = "graphql-transport-ws";
/// How the library begins the message that ends an operation.
const COMPLETE: &str = r#"{"type":"complete""#;
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Operations that one socket may run at one time.
const OPERATIONS_MAX: usize = 32;
/// Longest wait for a client to take a message.
const SEND_MAX: Duration = Duration::from_secs(30);
/// Messages that a client may send ahead of our reading.
const MESSAGES_WAITING_MAX: usize = 64;
/// A client that has said nothing by then is sent away.
const INIT_MAX: Duration = Duration::from_secs(10);
/// How often the token's end is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Ticks between two pings, which keep proxies from closing a quiet socket.
const PING_TICKS: u32 = 20;
/// Ticks without a word or a pong after which the peer counts as gone.
const SILENT_TICKS_MAX: u32 = 60;

const BAD_REQUEST: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
const FORBIDDEN: u16 = 4403;
const PROTOCOL_NOT_ACCEPTABLE: u16 = 4406;
const INIT_TIMEOUT: u16 = 4408;
const SUBSCRIBER_EXISTS: u16 = 4409;
const TOO_MANY_REQUESTS: u16 = 4429;

/// Answers the upgrade and serves the socket until it closes.
pub(crate) fn open(
    request: &HttpRequest,
    payload: Payload,
    read: ReadSide,
) -> actix_web::Result<HttpResponse> {
    let offered = request
        .headers()
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == PROTOCOL);
    let (address, from) = (read.reader.address_of(request), read.reader.sent_from(request));
    let (response, session, messages) = actix_ws::handle_with_protocols(request, payload, &[PROTOCOL])?;
    let messages = messages
        .max_frame_size(MESSAGE_BYTES_MAX)
        .aggregate_continuations()
        .max_continuation_size(MESSAGE_BYTES_MAX);
    actix_web::rt::spawn(async move {
        let mut socket = Socket {
            session,
            admission: Arc::default(),
            operations: HashSet::new(),
            ticks: 0,
            silent: 0,
            opened: Instant::now(),
            address,
            from,
        };
        let ended = if offered {
            socket.serve(messages, &read).await
        } else {
            Some((PROTOCOL_NOT_ACCEPTABLE, format!("this server speaks {PROTOCOL}")))
        };
        let reason = ended.map(|(code, text)| CloseReason {
            code: CloseCode::Other(code),
            description: Some(text),
        });
        // The peer may have gone first.
        let _ = socket.session.close(reason).await;
    });
    Ok(response)
}

/// What `connection_init` came to.
#[derive(Default)]
struct Admission {
    verified: OnceLock<Verified>,
    refused: AtomicBool,
}

struct Socket {
    session: actix_ws::Session,
    admission: Arc<Admission>,
    /// Ids of the operations that run.
    operations: HashSet<String>,
    ticks: u32,
    silent: u32,
    opened: Instant,
    address: Option<IpAddr>,
    from: SentFrom,
}

/// What a message is about, in either direction.
#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
}

/// Why the socket closes; `None` where the peer has closed it.
type Ended = Option<(u16, String)>;

impl Socket {
    async fn serve(
        &mut self,
        messages: impl Stream<Item = Result<AggregatedMessage, actix_ws::ProtocolError>>,
        read: &ReadSide,
    ) -> Ended {
        let (incoming, received) = mpsc::channel::<Vec<u8>>(MESSAGES_WAITING_MAX);
        let (admission, reader) = (Arc::clone(&self.admission), Arc::clone(&read.reader));
        let (address, from) = (self.address, self.from.clone());
        let admit =
            move |payload: Value| async move { admit(&admission, &reader, &payload, (address, from)).await };
        let answers = WebSocket::new(
            read.schema.clone(),
            ReceiverStream::new(received),
            WebSocketProtocols::GraphQLWS,
        )
        .on_connection_init(admit);
        let (mut answers, mut messages) = (Box::pin(answers), Box::pin(messages));
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut revocations = read.reader.watch_revocations();
        loop {
            tokio::select! {
                Ok(()) = revocations.changed() => if let Some(ended) = self.revoked(&read.reader) {
                    return ended;
                },
                message = messages.next() => match self.hear(message, &incoming).await {
                    Heard::GoOn => {}
                    Heard::End(ended) => return ended,
                },
                answer = answers.next() => match answer {
                    Some(WsMessage::Text(text)) => if !self.answer(text).await { return None },
                    Some(WsMessage::Close(code, reason)) => return Some((self.close_code(code), reason)),
                    None => return Some((CloseCode::Normal.into(), String::new())),
                },
                _ = ticks.tick() => if let Some(ended) = self.tick(read.reader.now()).await { return ended },
            }
        }
    }

    async fn hear(
        &mut self,
        message: Option<Result<AggregatedMessage, actix_ws::ProtocolError>>,
        incoming: &mpsc::Sender<Vec<u8>>,
    ) -> Heard {
        self.silent = 0;
        let text = match message {
            Some(Ok(AggregatedMessage::Text(text))) => text,
            Some(Ok(AggregatedMessage::Ping(payload))) => {
                return if self.session.pong(&payload).await.is_ok() {
                    Heard::GoOn
                } else {
                    Heard::End(None)
                };
            }
            Some(Ok(AggregatedMessage::Pong(_))) => return Heard::GoOn,
            Some(Ok(AggregatedMessage::Binary(_))) => {
                return Heard::End(Some((BAD_REQUEST, "messages are JSON text".to_owned())));
            }
            Some(Err(error)) => return Heard::End(Some((BAD_REQUEST, error.to_string()))),
            Some(Ok(AggregatedMessage::Close(_))) | None => return Heard::End(None),
        };
        if let Err(ended) = self.begin(&text) {
            return Heard::End(Some(ended));
        }
        match incoming.try_send(text.as_bytes().to_vec()) {
            Ok(()) => Heard::GoOn,
            Err(_) => Heard::End(Some((
                TOO_MANY_REQUESTS,
                "too many messages at once: send fewer".to_owned(),
            ))),
        }
    }

    /// Counts the operations that a client starts and ends.
    fn begin(&mut self, message: &str) -> Result<(), (u16, String)> {
        // What cannot be read is the library's to refuse.
        let Ok(Envelope { kind, id: Some(id) }) = serde_json::from_str(message) else {
            return Ok(());
        };
        match kind.as_str() {
            "subscribe" if self.operations.contains(&id) => {
                Err((SUBSCRIBER_EXISTS, format!("Subscriber for {id} already exists")))
            }
            "subscribe" if self.operations.len() >= OPERATIONS_MAX => Err((
                TOO_MANY_REQUESTS,
                format!("a socket runs at most {OPERATIONS_MAX} operations: complete one"),
            )),
            "subscribe" => {
                self.operations.insert(id);
                Ok(())
            }
            "complete" => {
                self.operations.remove(&id);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether the client is still there to take the message.
    async fn answer(&mut self, message: String) -> bool {
        if message.starts_with(COMPLETE)
            && let Ok(Envelope { id: Some(id), .. }) = serde_json::from_str(&message)
        {
            self.operations.remove(&id);
        }
        matches!(timeout(SEND_MAX, self.session.text(message)).await, Ok(Ok(())))
    }

    /// `Some` where what let the socket in has been taken away.
    fn revoked(&self, reader: &Reader) -> Option<Ended> {
        let verified = self.admission.verified.get()?;
        let ended = (FORBIDDEN, TokenError::Revoked.to_string());
        reader.is_revoked(verified).then_some(Some(ended))
    }

    /// `Some` where the socket has to close.
    async fn tick(&mut self, now: DateTime<Utc>) -> Option<Ended> {
        match self.admission.verified.get() {
            Some(verified) if now >= verified.expires_at => {
                return Some(Some((
                    FORBIDDEN,
                    "the token has expired: connect again with a new one".to_owned(),
                )));
            }
            None if self.opened.elapsed() > INIT_MAX => {
                return Some(Some((INIT_TIMEOUT, "send connection_init first".to_owned())));
            }
            Some(_) | None => {}
        }
        self.silent += 1;
        self.ticks += 1;
        if self.silent > SILENT_TICKS_MAX {
            return Some(None);
        }
        if self.ticks.is_multiple_of(PING_TICKS) && self.session.ping(b"").await.is_err() {
            return Some(None);
        }
        None
    }

    /// The library closes with codes of its own; the sub-protocol has better ones.
    fn close_code(&self, code: u16) -> u16 {
        match code {
            _ if self.admission.refused.load(Ordering::Relaxed) => FORBIDDEN,
            1002 => BAD_REQUEST,
            1011 => UNAUTHORIZED,
            other => other,
        }
    }
}

enum Heard {
    GoOn,
    End(Ended),
}

async fn admit(
    admission: &Admission,
    reader: &Reader,
    payload: &Value,
    (address, from): (Option<IpAddr>, SentFrom),
) -> async_graphql::Result<Data> {
    let authorization = payload
        .get("authorization")
        .or_else(|| payload.get("Authorization"))
        .and_then(Value::as_str);
    match reader.authenticate(authorization, address).await {
        Ok(verified) => {
            // The library calls this once per socket.
            let _ = admission.verified.set(verified);
            let mut data = Data::default();
            data.insert(verified.principal);
            data.insert(from);
            Ok(data)
        }
        Err(error) => {
            admission.refused.store(true, Ordering::Relaxed);
            Err(error.to_string().into())
        }
    }
}
