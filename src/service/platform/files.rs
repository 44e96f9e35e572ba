//! Files and links to them.

use crate::actors::tenant::data::DocumentLimits;
use crate::actors::tenant::platform::files::{
    AddFile, DeleteFile, OpenLink, change_file, change_link, create_link, delete_link, find_file,
    find_link, list_files, list_links,
};
use crate::control::keys::draw_link_secret;
use crate::service::platform::PlatformService;
use crate::service::{
    File, FileFilter, FileLink, FileLinkFilter, Kept, NewFile, NewFileLink, OpenedFile, Page,
    RecordPage, Scope, ServiceError, UploadedFile,
};
use crate::types::{Allowance, Deadline, ErrorKind, RecordId, TenantId, Timestamp};

impl PlatformService {
    /// Takes a file. Durable on return, with its bytes.
    ///
    /// # Errors
    /// [`ErrorKind::QuotaExceeded`] when the plan has no room for it, which counts documents and
    /// files together. When the tenant cannot serve.
    pub async fn add_file(
        &self,
        scope: Scope,
        new: NewFile,
        file: UploadedFile,
    ) -> Result<Kept<File>, ServiceError> {
        let limits = DocumentLimits {
            documents_max: scope.allowance.documents_max,
            bytes_max: scope.allowance.document_bytes_max,
        };
        self.memory.call(scope, AddFile { new, received: file.into_spooled(), limits }).await
    }

    /// A file, if there is one of this id.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn file(&self, scope: Scope, id: RecordId) -> Result<Option<File>, ServiceError> {
        self.memory.call(scope, find_file(id)).await
    }

    /// Gives a file another title, or none; `None` leaves it as it is. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn change_file(
        &self,
        scope: Scope,
        id: RecordId,
        title: Option<Option<String>>,
    ) -> Result<Kept<File>, ServiceError> {
        self.memory.call(scope, change_file(id, title)).await
    }

    /// Removes a file with its bytes and all links to it; answers what it was. Durable on return,
    /// and nothing of it is left, unless another file or a document has the same bytes.
    ///
    /// # Errors
    /// When the tenant cannot serve; some of its links may be gone then.
    pub async fn delete_file(
        &self,
        scope: Scope,
        id: RecordId,
    ) -> Result<Option<File>, ServiceError> {
        self.memory.call(scope, DeleteFile { id }).await
    }

    /// A page of the files that pass a filter.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn files(
        &self,
        scope: Scope,
        filter: FileFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<File>>, ServiceError> {
        self.memory.call(scope, list_files(filter, page)).await
    }

    /// Makes a link to a file, with a secret of 256 bits. Durable on return.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when the system has no randomness. When the tenant cannot serve.
    pub async fn create_link(
        &self,
        scope: Scope,
        new: NewFileLink,
    ) -> Result<Kept<FileLink>, ServiceError> {
        let secret = draw_link_secret();
        let secret =
            secret.map_err(|error| ServiceError::new(ErrorKind::Internal, error.to_string()))?;
        self.memory.call(scope, create_link(new, secret)).await
    }

    /// A link; with a file that was addressed, one to this file only.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn link(
        &self,
        scope: Scope,
        id: RecordId,
        within: Option<RecordId>,
    ) -> Result<Kept<FileLink>, ServiceError> {
        self.memory.call(scope, find_link(id, within)).await
    }

    /// Gives a link another end, or none; `None` leaves it as it is. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn change_link(
        &self,
        scope: Scope,
        id: RecordId,
        within: Option<RecordId>,
        expires_at: Option<Option<Timestamp>>,
    ) -> Result<Kept<FileLink>, ServiceError> {
        self.memory.call(scope, change_link(id, within, expires_at)).await
    }

    /// Removes a link; answers what it was. Durable on return.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn delete_link(
        &self,
        scope: Scope,
        id: RecordId,
        within: Option<RecordId>,
    ) -> Result<Kept<FileLink>, ServiceError> {
        self.memory.call(scope, delete_link(id, within)).await
    }

    /// A page of the links that pass a filter.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn links(
        &self,
        scope: Scope,
        filter: FileLinkFilter,
        page: RecordPage,
    ) -> Result<Kept<Page<FileLink>>, ServiceError> {
        self.memory.call(scope, list_links(filter, page)).await
    }

    /// Opens the file that a link is to, for whoever knows its secret. `None` for an unknown tenant
    /// or link, an expired link and a wrong secret alike.
    ///
    /// # Errors
    /// When the tenant cannot serve.
    pub async fn open_link(
        &self,
        tenant: TenantId,
        deadline: Deadline,
        link: RecordId,
        secret: &str,
    ) -> Result<Option<OpenedFile>, ServiceError> {
        // Nothing of it is counted.
        let scope = Scope { tenant, deadline, allowance: Allowance::default() };
        let command = OpenLink { link, secret: secret.to_owned() };
        match self.memory.call(scope, command).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            opened => opened,
        }
    }
}
