//! A server of a few paths: GET gives what was set, PUT is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub enum Answer {
    Ok(Vec<u8>),
    Status(u16),
}

#[derive(Clone)]
pub struct Server {
    port: u16,
    /// What the next requests of a path get; the last answer stays.
    answers: Arc<Mutex<HashMap<String, Vec<Answer>>>>,
    stored: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl Server {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = Self {
            port,
            answers: Arc::default(),
            stored: Arc::default(),
        };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                // A client that hangs up early is none of the test's business.
                tokio::spawn(async move { server.answer(stream).await.ok() });
            }
        });
        server
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn serve(&self, path: &str, answers: Vec<Answer>) {
        self.answers.lock().unwrap().insert(path.to_owned(), answers);
    }

    pub fn stored(&self, path: &str) -> Option<Vec<u8>> {
        self.stored.lock().unwrap().get(path).cloned()
    }

    async fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut request = String::new();
        stream.read_line(&mut request).await?;
        let mut length = 0;
        loop {
            let mut header = String::new();
            stream.read_line(&mut header).await?;
            match header.trim().split_once(':') {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.trim().parse().unwrap();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let mut words = request.split_whitespace();
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, body) = match (method, self.next(path)) {
            ("PUT", _) => {
                self.stored.lock().unwrap().insert(path.to_owned(), body);
                (204, Vec::new())
            }
            (_, Some(Answer::Ok(body))) => (200, body),
            (_, Some(Answer::Status(status))) => (status, Vec::new()),
            (_, None) => (404, Vec::new()),
        };
        let length = if status == 204 {
            String::new()
        } else {
            format!("content-length: {}\r\n", body.len())
        };
        let head = format!("HTTP/1.1 {status} x\r\n{length}connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await?;
        stream.shutdown().await
    }

    fn next(&self, path: &str) -> Option<Answer> {
        let mut answers = self.answers.lock().unwrap();
        let waiting = answers.get_mut(path)?;
        if waiting.len() > 1 {
            Some(waiting.remove(0))
        } else {
            waiting.first().cloned()
        }
    }
}
