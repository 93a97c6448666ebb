//! Notes what was refused to whom.

use std::sync::Arc;

use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute, NextSubscribe};
use async_graphql::{PathSegment, Response, ServerError, Value, async_trait};
use futures::StreamExt;
use futures::stream::BoxStream;
use platform::Principal;
use store::origins::{Denial, SentFrom};

use crate::session::Reader;

/// Codes that say that the asker may not.
const DENIED: [&str; 2] = ["FORBIDDEN", "PERMISSION_DENIED"];

pub(super) struct Denials;

impl ExtensionFactory for Denials {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait::async_trait]
impl Extension for Denials {
    // Who asks is not known any earlier.
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let asker = Asker::of(context);
        let response = next.run(context, operation).await;
        if let Some(asker) = asker {
            asker.note(&response.errors).await;
        }
        response
    }

    fn subscribe<'s>(
        &self,
        context: &ExtensionContext<'_>,
        stream: BoxStream<'s, Response>,
        next: NextSubscribe<'_>,
    ) -> BoxStream<'s, Response> {
        let asker = Asker::of(context).map(Arc::new);
        next.run(context, stream)
            .then(move |response| {
                let asker = asker.clone();
                async move {
                    if let Some(asker) = asker {
                        asker.note(&response.errors).await;
                    }
                    response
                }
            })
            .boxed()
    }
}

/// Who asks, and from where.
struct Asker {
    reader: Arc<Reader>,
    principal: Principal,
    from: SentFrom,
}

impl Asker {
    fn of(context: &ExtensionContext<'_>) -> Option<Self> {
        Some(Self {
            reader: Arc::clone(context.data_opt::<Arc<Reader>>()?),
            principal: *context.data_opt::<Principal>()?,
            from: context.data_opt::<SentFrom>().cloned().unwrap_or_default(),
        })
    }

    async fn note(&self, errors: &[ServerError]) {
        for error in errors {
            let Some(code) = text(error, "code").filter(|code| DENIED.contains(code)) else {
                continue;
            };
            let Some(PathSegment::Field(field)) = error.path.first() else {
                continue;
            };
            let denial = Denial {
                principal: &self.principal,
                action: field,
                code,
                permission: text(error, "permission"),
                from: &self.from,
                at: self.reader.now(),
            };
            self.reader.note_denial(&denial).await;
        }
    }
}

fn text<'e>(error: &'e ServerError, name: &str) -> Option<&'e str> {
    match error.extensions.as_ref()?.get(name)? {
        Value::String(text) => Some(text),
        Value::Null
        | Value::Number(_)
        | Value::Boolean(_)
        | Value::Binary(_)
        | Value::Enum(_)
        | Value::List(_)
        | Value::Object(_) => None,
    }
}
