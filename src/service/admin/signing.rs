//! The keys that sign tokens, and the encrypted secrets as a whole.

use super::{AdminService, change};
use crate::control::Directory;
use crate::control::signing_keys::FormerTokens;
use crate::service::ServiceError;
use crate::types::Timestamp;

/// A key as it is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKeyView {
    pub id: String,
    pub created_at: Timestamp,
    /// `None` for the one that signs.
    pub retired_at: Option<Timestamp>,
}

impl AdminService {
    /// The key that signs, then former ones whose tokens may still be good. Empty before the
    /// first token was signed.
    #[must_use]
    pub fn signing_keys(&self) -> Vec<SigningKeyView> {
        let ring = self.directory().try_signing();
        let keys = ring.iter().flat_map(|ring| ring.keys());
        keys.map(|key| SigningKeyView {
            id: key.id().to_owned(),
            created_at: key.created_at(),
            retired_at: key.retired_at(),
        })
        .collect()
    }

    /// Deletes every encrypted secret, for when the key file is lost for good: signed tokens end,
    /// and webhook secrets must be given again. Answers how many there were.
    ///
    /// # Errors
    /// When the directory cannot write.
    pub async fn forget_secrets(&self) -> Result<usize, ServiceError> {
        change(&self.registry, Directory::forget_sealed).await
    }

    /// Has tokens signed by a new key from here on. With `end_former`, tokens that former keys
    /// signed end at once; without, they are good until they expire.
    ///
    /// # Errors
    /// When the key file cannot be used, or the directory cannot write.
    pub async fn rotate_signing_key(
        &self,
        end_former: bool,
    ) -> Result<Vec<SigningKeyView>, ServiceError> {
        let former = if end_former { FormerTokens::End } else { FormerTokens::Keep };
        change(&self.registry, move |directory| directory.rotate_signing_key(former).map(drop))
            .await?;
        Ok(self.signing_keys())
    }
}
