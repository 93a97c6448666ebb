//! Wires a pure `decide`/`evolve` pair into cqrs-es, once for all aggregates.

use cqrs_es::Aggregate;

use crate::refusal::Refusal;

/// An aggregate without services whose errors are refusals of the business.
pub trait Decider:
    Aggregate<Services = (), Error: Refusal + Send + Sync + 'static, Command: Send, Event: StoredEvent>
    + Clone
    + 'static
{
}

impl<A> Decider for A where
    A: Aggregate<Services = (), Error: Refusal + Send + Sync + 'static, Command: Send, Event: StoredEvent>
        + Clone
        + 'static
{
}

/// An event that knows what its row calls it, without allocating.
pub trait StoredEvent: serde::de::DeserializeOwned {
    /// Name and version.
    fn stored_as(&self) -> (&str, &'static str);
}

macro_rules! aggregate {
    ($state:ty, $name:literal, $command:ty, $event:ty, $error:ty) => {
        impl cqrs_es::Aggregate for $state {
            const TYPE: &'static str = $name;
            type Command = $command;
            type Event = $event;
            type Error = $error;
            type Services = ();

            async fn handle(
                &mut self,
                command: $command,
                (): &(),
                sink: &cqrs_es::event_sink::EventSink<Self>,
            ) -> Result<(), $error> {
                for event in self.decide(command)? {
                    sink.write(event, self).await;
                }
                Ok(())
            }

            fn apply(&mut self, event: $event) {
                self.evolve(event);
            }
        }

        impl crate::es::StoredEvent for $event {
            fn stored_as(&self) -> (&str, &'static str) {
                (self.as_ref(), self.version())
            }
        }

        impl cqrs_es::DomainEvent for $event {
            fn event_type(&self) -> String {
                self.as_ref().to_owned()
            }

            fn event_version(&self) -> String {
                self.version().to_owned()
            }
        }
    };
}
pub(crate) use aggregate;
