//! RabbitMQ: the topology, publishing with confirms, consuming with reconnects.
//!
//! Delivery is at least once in both directions. A publisher gets an error unless the broker has confirmed;
//! it may publish the same message id again. A consumer acknowledges after its work is stored and must bear
//! repetition.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, BasicRejectOptions,
    ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::shutdown::pause;

/// Work for workers; name without the installation's prefix.
pub const JOBS_QUEUE: &str = "jobs.transcription.v1";
/// What workers report.
pub const REPORTS_QUEUE: &str = "jobs.reports.v1";
/// Work that was delivered too often.
pub const DEAD_QUEUE: &str = "jobs.dead.v1";
/// Redeliveries before a message goes to [`DEAD_QUEUE`]; with the first delivery that makes four.
pub const REDELIVERIES_MAX: i32 = 3;

const EXCHANGE: &str = "stentor.v1";
const DEAD_EXCHANGE: &str = "stentor.dead.v1";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(5);
const RECONNECT_MIN: Duration = Duration::from_millis(200);
const RECONNECT_MAX: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("RabbitMQ does not answer within {0:?}; is it running, and is AMQP_URL right?")]
    Timeout(Duration),
    #[error("RabbitMQ: {0}")]
    Amqp(#[from] lapin::Error),
    #[error("RabbitMQ took the message for no queue: {0}")]
    Unroutable(String),
    #[error("RabbitMQ refused the message")]
    Refused,
    #[error("a message cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    Jobs,
    Reports,
}

impl Route {
    fn queue(self) -> &'static str {
        match self {
            Self::Jobs => JOBS_QUEUE,
            Self::Reports => REPORTS_QUEUE,
        }
    }
}

/// Address of the broker, and the prefix that keeps several installations on it apart.
#[derive(Clone, Debug)]
pub struct Broker {
    url: Arc<str>,
    prefix: Arc<str>,
}

struct Open {
    connection: Connection,
    channel: Channel,
}

impl Broker {
    pub fn new(url: &str, prefix: &str) -> Self {
        Self {
            url: url.into(),
            prefix: prefix.into(),
        }
    }

    fn name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    async fn open(&self) -> Result<Open, BrokerError> {
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, async {
            let connection = Connection::connect(&self.url, ConnectionProperties::default()).await?;
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            self.declare(&channel).await?;
            Ok(Open { connection, channel })
        });
        opened.await.map_err(|_| BrokerError::Timeout(CONNECT_TIMEOUT))?
    }

    /// Whether the broker answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        let open = self.open().await?;
        open.connection.close(200, "bye".into()).await?;
        Ok(())
    }

    /// Deletes the whole topology with everything in it: for an installation that is taken down. What is not
    /// there is no error.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn remove(&self) -> Result<(), BrokerError> {
        let connection = Connection::connect(&self.url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        for queue in [JOBS_QUEUE, REPORTS_QUEUE, DEAD_QUEUE] {
            channel
                .queue_delete(self.name(queue).into(), QueueDeleteOptions::default())
                .await?;
        }
        for exchange in [EXCHANGE, DEAD_EXCHANGE] {
            channel
                .exchange_delete(self.name(exchange).into(), ExchangeDeleteOptions::default())
                .await?;
        }
        connection.close(200, "bye".into()).await?;
        Ok(())
    }

    /// Messages that wait in `queue`, without those that a consumer holds.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn waiting(&self, queue: &str) -> Result<u32, BrokerError> {
        let open = self.open().await?;
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let name = self.name(queue).into();
        let waiting = open
            .channel
            .queue_declare(name, options, FieldTable::default())
            .await?
            .message_count();
        open.connection.close(200, "bye".into()).await?;
        Ok(waiting)
    }

    /// The whole topology. Declaring it again changes nothing; another shape needs new names.
    async fn declare(&self, channel: &Channel) -> Result<(), BrokerError> {
        for exchange in [EXCHANGE, DEAD_EXCHANGE] {
            let options = ExchangeDeclareOptions {
                durable: true,
                ..ExchangeDeclareOptions::default()
            };
            let name = self.name(exchange).into();
            channel
                .exchange_declare(name, ExchangeKind::Direct, options, FieldTable::default())
                .await?;
        }
        let mut jobs = quorum();
        jobs.insert("x-delivery-limit".into(), AMQPValue::LongInt(REDELIVERIES_MAX));
        jobs.insert("x-dead-letter-exchange".into(), text(&self.name(DEAD_EXCHANGE)));
        jobs.insert("x-dead-letter-routing-key".into(), text(DEAD_QUEUE));
        let mut reports = quorum();
        // One consumer at a time: reports of a job are handled in their order.
        reports.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        let queues = [
            (JOBS_QUEUE, EXCHANGE, jobs),
            (REPORTS_QUEUE, EXCHANGE, reports),
            (DEAD_QUEUE, DEAD_EXCHANGE, quorum()),
        ];
        for (queue, exchange, arguments) in queues {
            let options = QueueDeclareOptions {
                durable: true,
                ..QueueDeclareOptions::default()
            };
            channel
                .queue_declare(self.name(queue).into(), options, arguments)
                .await?;
            let (name, exchange) = (self.name(queue).into(), self.name(exchange).into());
            channel
                .queue_bind(
                    name,
                    exchange,
                    queue.into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                )
                .await?;
        }
        Ok(())
    }
}

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

/// Publishes durable messages, each confirmed by the broker. Clones share one channel, which is opened when it
/// is needed and anew after any failure.
#[derive(Clone)]
pub struct Publisher {
    broker: Broker,
    open: Arc<Mutex<Option<Open>>>,
}

impl Publisher {
    pub fn new(broker: Broker) -> Self {
        Self {
            broker,
            open: Arc::default(),
        }
    }

    /// Publishes one message and waits for the confirm. `message_id` is what consumers may deduplicate by.
    ///
    /// # Errors
    /// The broker did not take the message, or did not say so in time: publish it again.
    pub async fn publish<M: Serialize + Sync>(
        &self,
        route: Route,
        message_id: &str,
        message: &M,
    ) -> Result<(), BrokerError> {
        let body = serde_json::to_vec(message)?;
        let mut open = self.open.lock().await;
        if open
            .as_ref()
            .is_none_or(|open| !open.channel.status().connected())
        {
            *open = Some(self.broker.open().await?);
        }
        let Some(Open { channel, .. }) = open.as_ref() else {
            return Err(BrokerError::Refused);
        };
        // A confirm in flight when the connection breaks never resolves: hence the timeout.
        let confirmed = tokio::time::timeout(CONFIRM_TIMEOUT, async {
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_content_type("application/json".into())
                .with_message_id(message_id.into());
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let exchange = self.broker.name(EXCHANGE).into();
            let confirm = channel
                .basic_publish(exchange, route.queue().into(), options, &body, properties)
                .await?;
            confirm.await
        });
        let result = match confirmed.await {
            Err(_) => Err(BrokerError::Timeout(CONFIRM_TIMEOUT)),
            Ok(Err(error)) => Err(error.into()),
            // Mandatory and unroutable comes back inside an acknowledgement.
            Ok(Ok(Confirmation::Ack(Some(returned)))) => {
                Err(BrokerError::Unroutable(returned.reply_text.to_string()))
            }
            Ok(Ok(Confirmation::Ack(None))) => return Ok(()),
            Ok(Ok(Confirmation::Nack(_) | Confirmation::NotRequested)) => Err(BrokerError::Refused),
        };
        *open = None;
        result
    }
}

/// What becomes of a message after its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its work is stored.
    Done,
    /// Deliver it again; the broker counts.
    Requeue,
    /// It can never be handled.
    Park,
}

/// A message as it was delivered.
#[derive(Clone, Debug)]
pub struct Incoming<M> {
    pub message: M,
    /// Counts deliveries of this message, from 1.
    pub delivery: u32,
}

/// Consumes `queue` until `stop`: one message after the other, reconnecting for ever. A message that is no `M`
/// is parked. `ready` runs each time the consumer has been set up.
pub async fn consume<M, H>(
    broker: &Broker,
    queue: &str,
    stop: &CancellationToken,
    ready: impl Fn() + Send + Sync,
    mut handler: H,
) where
    M: DeserializeOwned,
    H: AsyncFnMut(Incoming<M>) -> Outcome,
{
    let mut wait = RECONNECT_MIN;
    while !stop.is_cancelled() {
        match consume_once(broker, queue, stop, &ready, &mut handler, &mut wait).await {
            Ok(()) if stop.is_cancelled() => return,
            Ok(()) => tracing::warn!(queue, "the broker ended the consumer"),
            Err(error) => tracing::warn!(queue, %error, "the broker is away; trying again"),
        }
        if !pause(wait, stop).await {
            return;
        }
        wait = (wait * 2).min(RECONNECT_MAX);
    }
}

async fn consume_once<M, H>(
    broker: &Broker,
    queue: &str,
    stop: &CancellationToken,
    ready: &(impl Fn() + Send + Sync),
    handler: &mut H,
    wait: &mut Duration,
) -> Result<(), BrokerError>
where
    M: DeserializeOwned,
    H: AsyncFnMut(Incoming<M>) -> Outcome,
{
    let Open { connection, channel } = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        open = broker.open() => open?,
    };
    channel.basic_qos(1, BasicQosOptions::default()).await?;
    let name = broker.name(queue).into();
    let mut deliveries = channel
        .basic_consume(
            name,
            String::new().into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    ready();
    *wait = RECONNECT_MIN;
    loop {
        let delivery = tokio::select! {
            () = stop.cancelled() => break,
            delivery = deliveries.next() => delivery,
        };
        let Some(delivery) = delivery else {
            return Ok(());
        };
        let delivery = delivery?;
        let outcome = match serde_json::from_slice(&delivery.data) {
            Ok(message) => {
                handler(Incoming {
                    message,
                    delivery: deliveries_of(&delivery),
                })
                .await
            }
            Err(error) => {
                tracing::error!(queue, %error, "a message cannot be read; parked");
                Outcome::Park
            }
        };
        if outcome == Outcome::Requeue && stop.is_cancelled() {
            // Rejected now it would come straight back to us; the closing connection gives it to another.
            break;
        }
        settle(&delivery, outcome).await?;
    }
    connection.close(200, "bye".into()).await?;
    Ok(())
}

async fn settle(delivery: &Delivery, outcome: Outcome) -> Result<(), BrokerError> {
    match outcome {
        Outcome::Done => delivery.ack(BasicAckOptions::default()).await?,
        Outcome::Requeue => delivery.reject(BasicRejectOptions { requeue: true }).await?,
        Outcome::Park => delivery.reject(BasicRejectOptions { requeue: false }).await?,
    };
    Ok(())
}

/// `x-delivery-count` counts from the second delivery on.
fn deliveries_of(delivery: &Delivery) -> u32 {
    let headers = delivery.properties.headers().as_ref();
    let count = headers.and_then(|headers| headers.inner().get("x-delivery-count"));
    let redeliveries = match count {
        Some(AMQPValue::LongLongInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::LongInt(count)) => u32::try_from(*count).unwrap_or(0),
        Some(AMQPValue::LongUInt(count)) => *count,
        Some(AMQPValue::ShortShortUInt(count)) => (*count).into(),
        _ => u32::from(delivery.redelivered),
    };
    redeliveries.saturating_add(1)
}
