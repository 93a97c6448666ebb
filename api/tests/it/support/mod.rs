//! The read API on a free port, over a database of its own.

#[path = "../../../../projections/tests/it/support/mod.rs"]
#[expect(dead_code, reason = "the projections' own tests use the rest")]
pub mod log;

use std::net::TcpListener;

use self::log::{ADMIN, Story, TestLog};
use actix_web::{App, HttpServer};
use api::{ReadParts, ReadSide};
use chrono::TimeDelta;
use domain::ids::{JobId, UserId};
use domain::user::{Home, Role};
use futures::{SinkExt, StreamExt};
use platform::config::Storage;
use platform::objects::Objects;
use platform::tokens::{self, LinkGrant, LinkKind, Signer, Verifier};
use platform::{Access, Clock, Principal};
use serde_json::{Value, json};
use store::wake::Wake;
use tempfile::TempDir;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::Message;

pub struct TestApi {
    pub log: TestLog,
    pub clock: Clock,
    pub wake: Wake,
    pub objects: Objects,
    signer: Signer,
    address: String,
    _folder: TempDir,
}

pub fn admin() -> Principal {
    Principal {
        user_id: UserId(ADMIN),
        role: Role::PlatformAdmin,
        home: Home::Platform,
        access: Access::PASSWORD,
    }
}

pub fn reseller(story: &Story) -> Principal {
    Principal {
        user_id: story.reseller_user,
        role: Role::ResellerOwner,
        home: Home::Reseller(story.reseller_id),
        access: Access::PASSWORD,
    }
}

pub fn customer(story: &Story) -> Principal {
    Principal {
        user_id: story.user_id,
        role: Role::CustomerAdmin,
        home: story.home(),
        access: Access::PASSWORD,
    }
}

impl TestApi {
    pub async fn start() -> Self {
        let log = TestLog::create().await;
        let folder = tempfile::tempdir().unwrap();
        tokens::generate(folder.path()).unwrap();
        let storage = Storage {
            path: folder.path().join("objects"),
            s3_bucket: None,
        };
        let (clock, wake, objects) = (Clock::default(), Wake::local(), Objects::open(&storage).unwrap());
        let read = ReadSide::new(ReadParts {
            pool: log.read.clone(),
            clock: clock.clone(),
            verifier: Verifier::open(folder.path()).unwrap(),
            objects: objects.clone(),
            wake: wake.clone(),
            own_proxies: Vec::new(),
            installed_models: vec!["small".to_owned(), "large-v3".to_owned()],
            introspection: true,
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = HttpServer::new(move || {
            let read = read.clone();
            App::new().configure(move |app| read.configure(app))
        });
        actix_web::rt::spawn(
            server
                .workers(1)
                .disable_signals()
                .listen(listener)
                .unwrap()
                .run(),
        );
        let signer = Signer::open(folder.path(), TimeDelta::minutes(15)).unwrap();
        Self {
            log,
            clock,
            wake,
            objects,
            signer,
            address,
            _folder: folder,
        }
    }

    pub fn token(&self, principal: &Principal) -> String {
        self.signer.access(principal, self.clock.now()).unwrap().0
    }

    /// A token that is ours, for a worker and not for a person.
    pub fn worker_link(&self) -> String {
        let grant = LinkGrant {
            job_id: JobId(uuid::Uuid::now_v7()),
            attempt: 1,
            kind: LinkKind::Audio,
        };
        self.signer
            .link(grant, self.clock.now() + TimeDelta::minutes(5))
            .unwrap()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The answer to a query with its variables.
    pub async fn ask(&self, principal: &Principal, query: &str, variables: Value) -> Value {
        let body = json!({"query": query, "variables": variables});
        let asked = reqwest::Client::new()
            .post(self.url("/graphql"))
            .bearer_auth(self.token(principal))
            .json(&body);
        asked.send().await.unwrap().json().await.unwrap()
    }

    pub async fn socket(&self) -> Socket {
        let mut request = format!("ws://{}/graphql", self.address)
            .into_client_request()
            .unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", "graphql-transport-ws".parse().unwrap());
        Socket {
            stream: tokio_tungstenite::connect_async(request).await.unwrap().0,
        }
    }

    /// A socket that has been let in.
    pub async fn admitted(&self, principal: &Principal) -> Socket {
        let mut socket = self.socket().await;
        socket.init(&self.token(principal)).await;
        assert_eq!(socket.hear().await.unwrap()["type"], "connection_ack");
        socket
    }
}

/// The first error's code.
pub fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or_else(|| panic!("no code in {answer}"))
}

type Stream = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

pub struct Socket {
    stream: Stream,
}

impl Socket {
    pub async fn say(&mut self, message: Value) {
        self.stream
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    pub async fn init(&mut self, token: &str) {
        self.say(json!({"type": "connection_init", "payload": {"authorization": format!("Bearer {token}")}}))
            .await;
    }

    pub async fn follow(&mut self, job_id: impl ToString, after: i64) {
        let query = "subscription ($job: ID!, $after: Int) { jobUpdates(jobId: $job, afterSequence: $after) {
            sequence kind status percent segments { text } } }";
        let variables = json!({"job": job_id.to_string(), "after": after});
        self.say(
            json!({"type": "subscribe", "id": "1", "payload": {"query": query, "variables": variables}}),
        )
        .await;
    }

    /// The next message, or the code with which the server closed.
    pub async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            let heard = tokio::time::timeout(std::time::Duration::from_secs(20), self.stream.next());
            match heard
                .await
                .expect("the server says nothing")
                .expect("closed without a frame")
                .unwrap()
            {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => return Err(frame.unwrap().code.into()),
                Message::Ping(_) | Message::Pong(_) => {}
                other @ (Message::Binary(_) | Message::Frame(_)) => panic!("{other:?}"),
            }
        }
    }

    /// The next update of the followed job.
    pub async fn update(&mut self) -> Value {
        let heard = self.hear().await.unwrap();
        assert_eq!(heard["type"], "next", "{heard}");
        assert!(heard["payload"]["errors"].is_null(), "{heard}");
        heard["payload"]["data"]["jobUpdates"].clone()
    }
}
