//! What an app hands over to be remembered, in the words of its wire: the kinds of content, how
//! much it matters, and how far its processing has come.

/// What kind of content a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    Conversation,
    Event,
    Document,
    /// An event that another service delivered.
    Webhook,
}

impl ResourceKind {
    pub const ALL: [Self; 4] = [Self::Conversation, Self::Event, Self::Document, Self::Webhook];

    /// A lower-case word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Event => "event",
            Self::Document => "document",
            Self::Webhook => "webhook",
        }
    }

    /// The inverse of [`ResourceKind::as_str`].
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How much a resource matters, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ImportanceLevel {
    Low,
    #[default]
    Medium,
    High,
    /// Never forgotten by itself, and not held against its age.
    Critical,
}

impl ImportanceLevel {
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// A lower-case word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The inverse of [`ImportanceLevel::as_str`].
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == word)
    }
}

/// How far the processing of a resource has come. It only moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceState {
    Queued,
    Extracting,
    Writing,
    Completed,
    Failed,
}

impl ResourceState {
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Extracting, Self::Writing, Self::Completed, Self::Failed];

    /// A lower-case word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Extracting => "extracting",
            Self::Writing => "writing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The inverse of [`ResourceState::as_str`].
    #[must_use]
    pub fn find(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// An entity that whoever reports an event names beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestedEntity {
    pub name: String,
    pub entity_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_again() {
        for kind in ResourceKind::ALL {
            assert_eq!(ResourceKind::find(kind.as_str()), Some(kind));
        }
        for level in ImportanceLevel::ALL {
            assert_eq!(ImportanceLevel::find(level.as_str()), Some(level));
        }
        for state in ResourceState::ALL {
            assert_eq!(ResourceState::find(state.as_str()), Some(state));
        }
        assert_eq!(ImportanceLevel::find("urgent"), None);
    }

    #[test]
    fn levels_are_ordered_by_how_much_they_matter() {
        assert!(ImportanceLevel::ALL.is_sorted());
        assert_eq!(ImportanceLevel::default(), ImportanceLevel::Medium);
    }
}
