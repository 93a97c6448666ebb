//! Scalars and conversions that several types share.

use async_graphql::{ID, InputValueError, InputValueResult, Scalar, ScalarType, SimpleObject, Value};
use uuid::Uuid;

/// A scalar, since GraphQL's own Int has 32 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Int64(pub(super) i64);

/// Whole numbers beyond 32 bits: bytes, milliseconds, minor units.
#[Scalar]
impl ScalarType for Int64 {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) => number
                .as_i64()
                .map(Self)
                .ok_or_else(|| InputValueError::custom("a whole number is expected")),
            Value::Null
            | Value::String(_)
            | Value::Boolean(_)
            | Value::Binary(_)
            | Value::Enum(_)
            | Value::List(_)
            | Value::Object(_) => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.0.into())
    }
}

/// An amount in a currency's minor units.
#[derive(SimpleObject)]
pub(super) struct Money {
    pub(super) amount_minor: Int64,
    pub(super) currency: String,
}

/// A count as GraphQL's Int holds it.
pub(super) fn int(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

/// Sizes and times of the domain, which are never negative.
pub(super) fn int64(number: u64) -> Int64 {
    Int64(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn id(id: Uuid) -> ID {
    ID(id.to_string())
}

/// An id as clients send it; what is no id of ours is simply unknown.
pub(super) fn parsed_id(id: &ID) -> Option<Uuid> {
    id.parse().ok()
}
