//! A job's links: the recording comes into a temporary file, the transcript goes out.

use std::io::Write;
use std::time::Duration;

use platform::shutdown::pause;
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest silence of the server in mid-transfer.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// Waits before a link is tried again; after the last one the job goes back to the broker.
const WAITS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The job has ended or was handed to another worker.
    #[error("the job has ended")]
    JobEnded,
    #[error("the server refuses the job's link ({0}); submit the job again")]
    Refused(StatusCode),
    #[error("the recording is larger than the {0} bytes that this worker fetches; split it")]
    TooLarge(u64),
    #[error("the server is not reached: {0}")]
    Away(reqwest::Error),
    #[error("the server answers {0}")]
    Failing(StatusCode),
    #[error("the recording cannot be kept in a temporary file: {0}")]
    Disk(#[from] std::io::Error),
}

/// The link is secret: it stays out of errors and logs.
impl From<reqwest::Error> for LinkError {
    fn from(error: reqwest::Error) -> Self {
        Self::Away(error.without_url())
    }
}

impl LinkError {
    /// Whether another try at the same link may succeed.
    fn is_transient(&self) -> bool {
        matches!(self, Self::Away(_) | Self::Failing(_))
    }
}

pub struct Links {
    client: Client,
    audio_bytes_max: u64,
}

impl Links {
    pub fn new(audio_bytes_max: u64) -> reqwest::Result<Self> {
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(Policy::none())
            .user_agent(concat!("stentor-worker/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self {
            client,
            audio_bytes_max,
        })
    }

    /// Fetches the recording; it is gone when the file is dropped.
    pub async fn fetch(&self, url: &str, stop: &CancellationToken) -> Result<NamedTempFile, LinkError> {
        persist(stop, async || {
            let mut response = accepted(self.client.get(url).send().await?)?;
            let mut file = NamedTempFile::new()?;
            let mut bytes: u64 = 0;
            while let Some(chunk) = response.chunk().await? {
                bytes = bytes.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
                if bytes > self.audio_bytes_max {
                    return Err(LinkError::TooLarge(self.audio_bytes_max));
                }
                file.write_all(&chunk)?;
            }
            file.flush()?;
            Ok(file)
        })
        .await
    }

    /// Stores the transcript.
    pub async fn store(&self, url: &str, json: &[u8], stop: &CancellationToken) -> Result<(), LinkError> {
        persist(stop, async || {
            let request = self
                .client
                .put(url)
                .header("content-type", "application/json")
                .body(json.to_vec());
            accepted(request.send().await?)?;
            Ok(())
        })
        .await
    }
}

/// Tries until it succeeds, fails for good, or the waits are used up.
async fn persist<T>(
    stop: &CancellationToken,
    mut attempt: impl AsyncFnMut() -> Result<T, LinkError>,
) -> Result<T, LinkError> {
    for wait in WAITS {
        match attempt().await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "trying the link again");
                if !pause(wait, stop).await {
                    return Err(error);
                }
            }
            settled => return settled,
        }
    }
    attempt().await
}

fn accepted(response: Response) -> Result<Response, LinkError> {
    match response.status() {
        status if status.is_success() => Ok(response),
        StatusCode::GONE => Err(LinkError::JobEnded),
        status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
            Err(LinkError::Failing(status))
        }
        status if status.is_server_error() => Err(LinkError::Failing(status)),
        status => Err(LinkError::Refused(status)),
    }
}
