//! A command as it arrives: JSON body, idempotency key, and the digest that binds the two.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use chrono::{DateTime, Utc};
use domain::ids::UserId;
use domain::text::{self, NOTE_CHARS_MAX};
use futures::StreamExt;
use platform::{Access, Principal, client_address};
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::origins::SentFrom;
use store::unit_of_work::{Actor, Cause, Owner, Who};

use crate::WriteSide;
use crate::error::{CommandError, Problem};
use crate::identity::caller::ensure_let_in;
use crate::identity::sessions::{Device, USER_AGENT_CHARS_MAX};

const BODY_BYTES_MAX: usize = 64 * 1024;
const KEY_CHARS_MAX: usize = 200;
pub const KEY_HEADER: &str = "Idempotency-Key";
/// The field that any command may have.
pub const COMMENT: &str = "comment";

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, CommandError>>>>;

/// A JSON body alone.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = CommandError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let read = async { parse(&collect(payload, BODY_BYTES_MAX).await?) };
            unless_shut_out(&request, read.await).await.map(Self)
        })
    }
}

/// A JSON body that may be left out.
pub struct OptionalBody<T>(pub Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for OptionalBody<T> {
    type Error = CommandError;
    type Future = Extracting<Self>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let payload = payload.take();
        Box::pin(async move {
            let body = collect(payload, BODY_BYTES_MAX).await?;
            if body.is_empty() {
                Ok(Self(None))
            } else {
                parse(&body).map(|body| Self(Some(body)))
            }
        })
    }
}

/// The key under which a command is carried out once.
pub struct Key {
    text: String,
    /// Method and path: the same key means nothing elsewhere.
    target: String,
    request: HttpRequest,
}

impl Key {
    pub fn of(request: &HttpRequest) -> Result<Self, CommandError> {
        let key = request
            .headers()
            .get(KEY_HEADER)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        if key.is_empty() || key.len() > KEY_CHARS_MAX {
            let detail = format!(
                "the header {KEY_HEADER} is needed, with 1 to {KEY_CHARS_MAX} characters: send a new UUID per \
                 command, and the same one when you repeat it"
            );
            return Err(Problem::new(StatusCode::BAD_REQUEST, "IDEMPOTENCY_KEY_MISSING", detail).into());
        }
        Ok(Self {
            text: key.to_owned(),
            target: format!("{} {}", request.method(), request.path()),
            request: request.clone(),
        })
    }

    /// The cause of a command whose payload is told by `payload`.
    pub fn cause(&self, payload: &[u8], actor: UserId, owner: Owner, at: DateTime<Utc>) -> Cause {
        // The key makes the digest one that nobody can find by guessing what a body said of a person.
        let fingerprint = Sha256::new()
            .chain_update(&self.text)
            .chain_update([0])
            .chain_update(&self.target)
            .chain_update([0])
            .chain_update(payload);
        Cause {
            command_id: store::command_id(actor, &self.text),
            fingerprint: fingerprint.finalize().to_vec(),
            actor: Some(self.actor(actor)),
            owner,
            at,
            happened_at: None,
            comment: None,
        }
    }
}

impl Key {
    /// The actor with the way by which it came in, which the caller's extractor has left with the request.
    fn actor(&self, actor: UserId) -> Actor {
        let principal = self.request.extensions().get::<Principal>().copied();
        let who = match principal.map(|principal| principal.access) {
            Some(Access::Impersonated { by, .. }) => Who::Impersonated {
                user: actor.0,
                by: by.0,
            },
            Some(Access::Key { key_id, .. }) => Who::ApiKey(key_id.0),
            Some(Access::Person { .. }) | None => Who::User(actor.0),
        };
        Actor::from_where(who, sent_from(&self.request))
    }
}

/// A JSON command with its key. Any may carry a comment, which its events keep.
pub struct Command<T> {
    pub input: T,
    comment: Option<String>,
    key: Key,
    body: Bytes,
}

impl<T> Command<T> {
    pub fn cause(&self, actor: UserId, owner: Owner, at: DateTime<Utc>) -> Cause {
        Cause {
            comment: self.comment.clone(),
            ..self.key.cause(&self.body, actor, owner, at)
        }
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Command<T> {
    type Error = CommandError;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, key, payload) = (request.clone(), Key::of(request), payload.take());
        Box::pin(async move {
            let read = async {
                let key = key?;
                let body = collect(payload, BODY_BYTES_MAX).await?;
                let (input, comment) = commented(&body)?;
                Ok(Self {
                    input,
                    comment,
                    key,
                    body,
                })
            };
            unless_shut_out(&request, read.await).await
        })
    }
}

/// What was read, or why not, for whoever may be there at all.
async fn unless_shut_out<T>(request: &HttpRequest, read: Result<T, CommandError>) -> Result<T, CommandError> {
    if read.is_err() {
        ensure_let_in(request).await?;
    }
    read
}

/// Reads a body of at most `bytes_max`.
pub async fn collect(mut payload: Payload, bytes_max: usize) -> Result<Bytes, CommandError> {
    let mut body = BytesMut::new();
    while let Some(piece) = payload.next().await {
        let piece =
            piece.map_err(|error| Problem::invalid(format!("the body could not be read: {error}")))?;
        if body.len() + piece.len() > bytes_max {
            let detail = format!("the body is larger than {bytes_max} bytes: send less at a time");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", detail).into());
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, CommandError> {
    serde_json::from_slice(body).map_err(|error| misshapen(&error))
}

fn misshapen(error: &serde_json::Error) -> CommandError {
    let detail = format!("the JSON body does not fit: {error}; /api/openapi.json tells its shape");
    Problem::invalid(detail).into()
}

/// A command and the comment that stands beside its fields.
fn commented<T: DeserializeOwned>(body: &[u8]) -> Result<(T, Option<String>), CommandError> {
    let mut fields = match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) if fields.contains_key(COMMENT) => fields,
        // Read from the bytes, so that what is wrong is told with its place.
        Ok(_) | Err(_) => return Ok((parse(body)?, None)),
    };
    let comment = match fields.remove(COMMENT) {
        None | Some(Value::Null) => None,
        Some(comment) => {
            let text = comment
                .as_str()
                .and_then(|text| text::checked(text, NOTE_CHARS_MAX));
            let detail = || format!("comment is text of 1 to {NOTE_CHARS_MAX} characters, or left out");
            Some(text.ok_or_else(|| Problem::invalid(detail()))?)
        }
    };
    let input = serde_json::from_value(Value::Object(fields)).map_err(|error| misshapen(&error))?;
    Ok((input, comment))
}

/// Where a request comes from, for lists of sessions.
pub fn device(request: &HttpRequest) -> Device {
    let user_agent = request.headers().get(header::USER_AGENT);
    Device {
        address: client(request),
        user_agent: user_agent
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
    }
}

/// Where a request comes from, for the audit log.
pub fn sent_from(request: &HttpRequest) -> SentFrom {
    let user_agent = device(request).user_agent;
    SentFrom {
        address: client_address_of(request).map(|address| address.to_string()),
        user_agent: user_agent.map(|agent| agent.chars().take(USER_AGENT_CHARS_MAX).collect()),
    }
}

/// Where the client is, past our own proxies.
pub fn client_address_of(request: &HttpRequest) -> Option<IpAddr> {
    let own_proxies = request
        .app_data::<Data<WriteSide>>()
        .map(|write| write.config.http.own_proxies.as_slice());
    let forwarded_for = request.headers().get("X-Forwarded-For");
    client_address(
        request.peer_addr().map(|peer| peer.ip()),
        forwarded_for.and_then(|value| value.to_str().ok()),
        own_proxies.unwrap_or_default(),
    )
}

/// The client's address, for rate limits.
pub fn client(request: &HttpRequest) -> String {
    client_address_of(request).map_or_else(|| "unknown".to_owned(), |address| address.to_string())
}

/// The announced size of a body, where the client announced it.
pub fn content_length(request: &HttpRequest) -> Option<u64> {
    request
        .headers()
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
