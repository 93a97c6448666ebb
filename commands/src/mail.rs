//! Mail: queued with the append that asks for it, sent by SMTP at most once.

use std::time::Duration;

use domain::ids::UserId;
use domain::personal::Sealed;
use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row};
use store::append::AppendError;
use store::effects::failed;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::WriteSide;
use crate::error::CommandError;

/// Looks of an idle sender at the queue; a new mail wakes it at once where it was queued.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// A mail to be, sealed under its reader's key.
#[derive(Clone, Debug)]
pub struct NewMail {
    mail_id: Uuid,
    recipient: Sealed,
    title: String,
    body: Sealed,
}

impl NewMail {
    /// `None` where no mail server is configured: links are handed over by hand then.
    ///
    /// # Errors
    /// The database fails.
    pub async fn prepare(
        write: &WriteSide,
        user_id: UserId,
        recipient: Sealed,
        title: &str,
        text: &str,
        link: &SecretString,
    ) -> Result<Option<Self>, CommandError> {
        if write.config.mail.url.is_empty() {
            return Ok(None);
        }
        let body = format!("{text}\n\n{}\n", link.expose_secret());
        let mut connection = write.pool.acquire().await?;
        let [body] = write
            .vault
            .seal(&mut connection, user_id.0, [body.as_str()])
            .await?;
        Ok(Some(Self {
            mail_id: Uuid::now_v7(),
            recipient,
            title: title.to_owned(),
            body,
        }))
    }

    /// Queues it, in the transaction of what it tells.
    ///
    /// # Errors
    /// The database fails.
    pub async fn queue(&self, connection: &mut PgConnection) -> Result<(), AppendError> {
        sqlx::query(
            "INSERT INTO auth.mails (mail_id, subject, recipient, title, body, queued_at)
             VALUES ($1, $2, $3, $4, $5, clock_timestamp())",
        )
        .bind(self.mail_id)
        .bind(self.body.subject)
        .bind(&self.recipient.text)
        .bind(&self.title)
        .bind(&self.body.text)
        .execute(connection)
        .await
        .map(|_| ())
        .map_err(failed)
    }
}

/// Sends what is queued, until `stop`. Returns at once where no mail server is configured.
pub async fn run(write: WriteSide, stop: CancellationToken) {
    if write.config.mail.url.is_empty() {
        return;
    }
    let transport = match AsyncSmtpTransport::<Tokio1Executor>::from_url(&write.config.mail.url) {
        Ok(transport) => transport.timeout(Some(Duration::from_secs(20))).build(),
        Err(error) => {
            tracing::error!(%error, "mail.url cannot be used; expected smtps://user:password@host");
            return;
        }
    };
    loop {
        match send_next(&write, &transport).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "mail waits"),
        }
        if !platform::shutdown::pause(LOOK_EVERY, &stop).await {
            return;
        }
    }
}

/// Sends one mail. Answers whether there was one.
async fn send_next(
    write: &WriteSide,
    transport: &AsyncSmtpTransport<Tokio1Executor>,
) -> Result<bool, CommandError> {
    let mut connection = write.pool.acquire().await?;
    let waiting: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM auth.mails WHERE taken_at IS NULL)")
        .fetch_one(&mut *connection)
        .await?;
    // Before a mail is taken, so that a server that is away costs none.
    if !waiting
        || !transport
            .test_connection()
            .await
            .map_err(CommandError::internal)?
    {
        return Ok(false);
    }
    let taken = sqlx::query(
        "UPDATE auth.mails SET taken_at = clock_timestamp()
         WHERE mail_id = (SELECT mail_id FROM auth.mails WHERE taken_at IS NULL
                          ORDER BY queued_at LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING mail_id, subject, recipient, title, body",
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = taken else {
        return Ok(false);
    };
    let (mail_id, subject): (Uuid, Uuid) = (row.try_get("mail_id")?, row.try_get("subject")?);
    let sealed = |text| Sealed { subject, text };
    let (recipient, body) = (sealed(row.try_get("recipient")?), sealed(row.try_get("body")?));
    let [recipient, body] = write.vault.open_all(&mut connection, [&recipient, &body]).await?;
    let failure = match recipient.zip(body) {
        Some((recipient, body)) => send(write, transport, &recipient, row.try_get("title")?, body).await,
        None => Some("the reader was erased".to_owned()),
    };
    if let Some(failure) = &failure {
        tracing::error!(%mail_id, failure, "a mail was not sent");
    }
    // Whether it went out or not: the link in it is kept nowhere.
    sqlx::query("UPDATE auth.mails SET recipient = NULL, body = NULL, failure = $2 WHERE mail_id = $1")
        .bind(mail_id)
        .bind(failure)
        .execute(&mut *connection)
        .await?;
    Ok(true)
}

/// Why it could not be sent.
async fn send(
    write: &WriteSide,
    transport: &AsyncSmtpTransport<Tokio1Executor>,
    recipient: &str,
    title: String,
    body: String,
) -> Option<String> {
    let mailbox = |address: &str| address.parse::<Mailbox>().map_err(|error| error.to_string());
    let message = || -> Result<Message, String> {
        Message::builder()
            .from(mailbox(&write.config.mail.from)?)
            .to(mailbox(recipient).map_err(|_| "the address cannot be mailed to".to_owned())?)
            .subject(title)
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|error| error.to_string())
    };
    match message() {
        Ok(message) => transport.send(message).await.err().map(|error| error.to_string()),
        Err(reason) => Some(reason),
    }
}
