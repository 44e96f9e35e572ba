//! Files and links to them.

use std::fs;
use std::path::PathBuf;

use futures_util::future::FutureExt;

use super::{change, look};
use crate::actors::tenant::data::{
    DocumentLimits, File, FileFilter, FileLink, FileLinkFilter, Kept, NewFile, NewFileLink, Page,
    RecordPage,
};
use crate::actors::tenant::{Answer, Done, TenantCell, TenantCommand, apply_all, blobs};
use crate::storage::{SpooledFile, StorageError};
use crate::tenant::{PlannedFile, TenantError};
use crate::types::{RecordId, Timestamp};

/// A file that somebody with a link may read now.
#[derive(Debug)]
pub struct OpenedFile {
    pub file: File,
    /// Stays readable whatever becomes of the file.
    pub bytes: fs::File,
    /// Where they are kept.
    pub path: PathBuf,
}

/// Takes a file and its bytes. Replies with what is known of it, which is durable then.
#[derive(Debug)]
pub struct AddFile {
    pub new: NewFile,
    pub received: SpooledFile,
    pub limits: DocumentLimits,
}

impl TenantCommand for AddFile {
    type Reply = Kept<File>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let Self { new, received, limits } = self;
            let (blob, size_bytes) = (received.hash(), received.size_bytes());
            let checked = tenant.borrow().check_file(size_bytes, &limits)?;
            if let Err(refusal) = checked {
                return Ok(Done::read(Err(refusal)));
            }
            blobs::keep(&tenant, received).await?;
            let mut pending = tenant.borrow().begin(None);
            let planned = PlannedFile { new, blob, size_bytes };
            let added = tenant.borrow_mut().add_file(&mut pending, planned);
            let file = match added {
                Ok(file) => file,
                Err(error) => {
                    blobs::discard(&tenant, blob).await;
                    return Err(error);
                }
            };
            apply_all(&tenant, pending).await?;
            Ok(Done { reply: Ok(file), ticket: tenant.borrow().ticket() })
        }
        .boxed_local()
    }
}

/// A file, or `None` for an unknown id.
pub fn find_file(id: RecordId) -> impl TenantCommand<Reply = Option<File>> {
    look(move |tenant| tenant.find_file(id))
}

/// Gives a file another title, or none; `None` leaves it as it is.
pub fn change_file(
    id: RecordId,
    title: Option<Option<String>>,
) -> impl TenantCommand<Reply = Kept<File>> {
    change(move |tenant, pending| tenant.change_file(pending, id, title))
}

/// Removes a file with its bytes and all links to it. Replies with what it was.
#[derive(Debug)]
pub struct DeleteFile {
    pub id: RecordId,
}

impl TenantCommand for DeleteFile {
    type Reply = Option<File>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let planned = tenant.borrow().plan_file_removal(self.id)?;
            let Some(mut removal) = planned else { return Ok(Done::read(None)) };
            loop {
                let mut pending = tenant.borrow().begin(None);
                let has_more = tenant.borrow_mut().remove_file_slice(&mut pending, &mut removal)?;
                apply_all(&tenant, pending).await?;
                if !has_more {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let ticket = tenant.borrow().ticket();
            if !tenant.borrow().names_blob(removal.blob()) {
                blobs::remove(&tenant, removal.blob()).await?;
            }
            Ok(Done { reply: Some(removal.into_file()), ticket })
        }
        .boxed_local()
    }
}

/// A page of the files that pass a filter.
pub fn list_files(
    filter: FileFilter,
    page: RecordPage,
) -> impl TenantCommand<Reply = Kept<Page<File>>> {
    look(move |tenant| tenant.files(&filter, page))
}

/// Makes a link to a file, with a secret that nobody can guess.
pub fn create_link(new: NewFileLink, secret: String) -> impl TenantCommand<Reply = Kept<FileLink>> {
    change(move |tenant, pending| tenant.create_link(pending, &new, secret))
}

/// A link; with a file that was addressed, one to this file only.
pub fn find_link(
    id: RecordId,
    within: Option<RecordId>,
) -> impl TenantCommand<Reply = Kept<FileLink>> {
    look(move |tenant| tenant.find_link(id, within))
}

/// Gives a link another end, or none; `None` leaves it as it is.
pub fn change_link(
    id: RecordId,
    within: Option<RecordId>,
    expires_at: Option<Option<Timestamp>>,
) -> impl TenantCommand<Reply = Kept<FileLink>> {
    change(move |tenant, pending| tenant.change_link(pending, id, within, expires_at))
}

/// Removes a link. Replies with what it was.
pub fn delete_link(
    id: RecordId,
    within: Option<RecordId>,
) -> impl TenantCommand<Reply = Kept<FileLink>> {
    change(move |tenant, pending| tenant.delete_link(pending, id, within))
}

/// A page of the links that pass a filter.
pub fn list_links(
    filter: FileLinkFilter,
    page: RecordPage,
) -> impl TenantCommand<Reply = Kept<Page<FileLink>>> {
    look(move |tenant| tenant.links(&filter, page))
}

/// Opens the file that a link is to; `None` unless the link is good and the secret its own. The
/// bytes are opened here, where no move of the tenant and no deletion can come between.
pub struct OpenLink {
    pub link: RecordId,
    pub secret: String,
}

impl TenantCommand for OpenLink {
    type Reply = Option<OpenedFile>;

    fn run(self, tenant: TenantCell) -> Answer<Self::Reply> {
        async move {
            let found = tenant.borrow().linked_file(self.link, &self.secret)?;
            let Some((path, file)) = found else { return Ok(Done::read(None)) };
            let at = path.clone();
            let opened = tokio::task::spawn_blocking(move || fs::File::open(at)).await;
            let bytes = opened.map_err(|_| TenantError::Poisoned)?.map_err(unreadable)?;
            Ok(Done::read(Some(OpenedFile { file, bytes, path })))
        }
        .boxed_local()
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn unreadable(error: std::io::Error) -> TenantError {
    TenantError::Storage(StorageError::Io { detail: error.to_string() })
}
