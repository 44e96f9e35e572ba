//! Files on their way from a form to the service: each is spooled as it arrives, so that none is ever
//! held in memory.

use actix_web::web::Bytes;

use super::multipart::FileSink;
use crate::service::{DocumentService, ServiceError, Upload, UploadedFile};

/// Receives the files of a form, one after the other.
pub(in crate::api) struct UploadSink<'a> {
    documents: &'a DocumentService,
    current: Option<Upload>,
    files: Vec<UploadedFile>,
}

impl<'a> UploadSink<'a> {
    pub(in crate::api) fn new(documents: &'a DocumentService) -> Self {
        Self { documents, current: None, files: Vec::new() }
    }

    /// The wanted files, in the order they came in.
    pub(in crate::api) fn into_files(self) -> Vec<UploadedFile> {
        self.files
    }
}

impl FileSink for UploadSink<'_> {
    async fn begin(&mut self, _part: &str, _file_name: &str) -> Result<(), ServiceError> {
        self.current = Some(self.documents.begin_upload().await?);
        Ok(())
    }

    async fn write(&mut self, piece: Bytes) -> Result<(), ServiceError> {
        match &mut self.current {
            Some(upload) => upload.write(piece).await,
            None => Ok(()),
        }
    }

    async fn finish(&mut self) -> Result<(), ServiceError> {
        if let Some(upload) = self.current.take() {
            self.files.push(upload.finish().await?);
        }
        Ok(())
    }
}
