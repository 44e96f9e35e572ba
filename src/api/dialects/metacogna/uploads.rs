//! Texts that become documents as files do.

use crate::service::{DocumentService, ServiceError, UploadedFile};

/// A text as a file.
pub(super) async fn upload_text(
    documents: &DocumentService,
    text: String,
) -> Result<UploadedFile, ServiceError> {
    let mut upload = documents.begin_upload().await?;
    upload.write(text.into_bytes()).await?;
    upload.finish().await
}
