//! The platform's templates of permissions in all their versions. One stream, [`TEMPLATES_ID`].
//!
//! A reseller is assigned a version, and keeps it: a new version changes nobody until it is assigned.

pub mod founding;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::es::aggregate;
use crate::permission::{Permission, Template};
use crate::refusal::{Facts, Refusal, RefusalKind};
use crate::text::{self, NAME_CHARS_MAX};

pub const TEMPLATES_ID: &str = "platform";
/// Most templates, and versions of each.
pub const TEMPLATES_MAX: usize = 50;
pub const VERSIONS_MAX: usize = 200;
const CODE_BYTES_MAX: usize = 24;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PermissionTemplates {
    templates: BTreeMap<String, Listed>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Listed {
    /// The oldest first.
    versions: Vec<Template>,
    retired: bool,
}

#[derive(Clone, Debug)]
pub enum PermissionTemplatesCommand {
    /// A new template, or the next version of one that is known; a retired one is offered again.
    Publish {
        code: String,
        name: String,
        permissions: BTreeSet<Permission>,
    },
    /// Offers it no longer. Who has it keeps it.
    Retire { code: String },
}

/// Facts about templates. A variant is never renamed, removed or given a new meaning.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, strum::AsRefStr)]
pub enum PermissionTemplatesEvent {
    PermissionTemplatePublished(Template),
    PermissionTemplateRetired { code: String },
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum PermissionTemplatesError {
    #[error(
        "there is no permission template {code:?} on offer: {}",
        text::choice(offered)
    )]
    TemplateNotFound { code: String, offered: Vec<String> },
    #[error(
        "a template's code has 1 to {CODE_BYTES_MAX} lower-case letters, digits or hyphens, for example basic"
    )]
    InvalidTemplateCode,
    #[error("a name has 1 to {NAME_CHARS_MAX} characters: shorten it or type one in")]
    InvalidName,
    #[error("there are at most {TEMPLATES_MAX} templates: publish a version of one that there is")]
    TooManyTemplates,
    #[error("a template has at most {VERSIONS_MAX} versions: publish another template")]
    TooManyVersions,
}

impl Refusal for PermissionTemplatesError {
    fn code(&self) -> &'static str {
        self.into()
    }

    fn kind(&self) -> RefusalKind {
        match self {
            Self::TemplateNotFound { .. } => RefusalKind::NotFound,
            Self::TooManyTemplates | Self::TooManyVersions => RefusalKind::Conflict,
            Self::InvalidTemplateCode | Self::InvalidName => RefusalKind::Invalid,
        }
    }

    fn facts(&self) -> Facts {
        match self {
            Self::TemplateNotFound { offered, .. } => Facts {
                allowed: offered.clone(),
                ..Facts::default()
            },
            Self::InvalidTemplateCode
            | Self::InvalidName
            | Self::TooManyTemplates
            | Self::TooManyVersions => Facts::default(),
        }
    }
}

aggregate!(
    PermissionTemplates,
    "permission_templates",
    PermissionTemplatesCommand,
    PermissionTemplatesEvent,
    PermissionTemplatesError
);

impl PermissionTemplatesEvent {
    fn version(&self) -> &'static str {
        match self {
            Self::PermissionTemplatePublished(_) | Self::PermissionTemplateRetired { .. } => "1",
        }
    }
}

impl PermissionTemplates {
    /// The last version of a template on offer.
    ///
    /// # Errors
    /// No such template is on offer; the error names those that are.
    pub fn offered(&self, code: &str) -> Result<&Template, PermissionTemplatesError> {
        let listed = self.templates.get(code).filter(|listed| !listed.retired);
        listed
            .and_then(|listed| listed.versions.last())
            .ok_or_else(|| self.not_found(code))
    }

    fn not_found(&self, code: &str) -> PermissionTemplatesError {
        let offered = self.templates.iter().filter(|(_, listed)| !listed.retired);
        PermissionTemplatesError::TemplateNotFound {
            // What somebody sent comes back no longer than a code is.
            code: code.chars().take(CODE_BYTES_MAX).collect(),
            offered: offered.map(|(code, _)| code.clone()).collect(),
        }
    }

    fn decide(
        &self,
        command: PermissionTemplatesCommand,
    ) -> Result<Vec<PermissionTemplatesEvent>, PermissionTemplatesError> {
        match command {
            PermissionTemplatesCommand::Publish {
                code,
                name,
                permissions,
            } => self.publish(code, &name, permissions),
            PermissionTemplatesCommand::Retire { code } => {
                self.offered(&code)?;
                Ok(vec![PermissionTemplatesEvent::PermissionTemplateRetired { code }])
            }
        }
    }

    fn publish(
        &self,
        code: String,
        name: &str,
        permissions: BTreeSet<Permission>,
    ) -> Result<Vec<PermissionTemplatesEvent>, PermissionTemplatesError> {
        if !text::is_code(&code, CODE_BYTES_MAX) {
            return Err(PermissionTemplatesError::InvalidTemplateCode);
        }
        let name = text::checked(name, NAME_CHARS_MAX).ok_or(PermissionTemplatesError::InvalidName)?;
        let known = self.templates.get(&code);
        let last = known.and_then(|listed| listed.versions.last());
        if known.is_none() && self.templates.len() >= TEMPLATES_MAX {
            return Err(PermissionTemplatesError::TooManyTemplates);
        }
        if known.is_some_and(|listed| listed.versions.len() >= VERSIONS_MAX) {
            return Err(PermissionTemplatesError::TooManyVersions);
        }
        let is_same = last.is_some_and(|last| last.name == name && last.permissions == permissions);
        if is_same && known.is_some_and(|listed| !listed.retired) {
            return Ok(Vec::new());
        }
        let version = last.map_or(1, |last| last.version + 1);
        Ok(vec![PermissionTemplatesEvent::PermissionTemplatePublished(
            Template {
                code,
                version,
                name,
                permissions,
            },
        )])
    }

    fn evolve(&mut self, event: PermissionTemplatesEvent) {
        match event {
            PermissionTemplatesEvent::PermissionTemplatePublished(template) => {
                let listed = self.templates.entry(template.code.clone()).or_default();
                listed.versions.push(template);
                listed.retired = false;
            }
            PermissionTemplatesEvent::PermissionTemplateRetired { code } => {
                if let Some(listed) = self.templates.get_mut(&code) {
                    listed.retired = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
