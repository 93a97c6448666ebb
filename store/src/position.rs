//! Where an event stands in the log.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A place in the log's total order: transaction id, then position. Opaque outside: clients pass it back as
/// the text they were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub xid: i64,
    pub position: i64,
}

impl Position {
    /// Before the first event.
    pub const START: Self = Self { xid: 0, position: 0 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.xid, self.position)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no log position: pass one back as a command or a query gave it")]
pub struct InvalidPosition(String);

impl FromStr for Position {
    type Err = InvalidPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = |part: &str| part.parse::<i64>().ok().filter(|number| *number >= 0);
        text.split_once('-')
            .and_then(|(xid, position)| {
                Some(Self {
                    xid: parse(xid)?,
                    position: parse(position)?,
                })
            })
            .ok_or_else(|| InvalidPosition(text.chars().take(64).collect()))
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Position {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text() {
        let position = Position {
            xid: 731,
            position: 12,
        };
        assert_eq!(position.to_string().parse(), Ok(position));
    }

    #[test]
    fn a_later_transaction_comes_later_whatever_its_position() {
        assert!(
            Position { xid: 10, position: 1 }
                > Position {
                    xid: 9,
                    position: 500
                }
        );
    }

    #[test]
    fn foreign_text_is_refused() {
        for text in ["", "1", "a-b", "-1-2", "1-", "9999999999999999999-1"] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }
}
