//! Files and links against a naive model: random files, some with the same bytes as others or as a
//! document, changes, links, deletions that die half-way, with the tenant opened again or struck by
//! a power cut in the middle. All bytes that a file or a document names are there, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use super::jobs::Bench;
use crate::engine::atom::Metadata;
use crate::engine::documents::NewDocument;
use crate::engine::paging::{Cursor, ListOrder, PageRequest};
use crate::engine::platform::{
    Collection, FileFilter, FileLinkFilter, FilePurpose, NewFile, NewFileLink, RecordFilter,
    RecordPage, Refusal,
};
use crate::storage::{BlobHash, Spool, Store};
use crate::tenant::{DocumentChange, DocumentLimits, PlannedDocument, PlannedFile, TenantError};
use crate::types::limits::LINKS_PER_FILE_MAX;
use crate::types::{Clock, FileKind, RecordId, Timestamp};

/// Of documents and files together.
const ROOM: DocumentLimits = DocumentLimits { documents_max: Some(9), bytes_max: Some(70) };

#[derive(Debug, Clone)]
struct ModelFile {
    content: usize,
    title: Option<String>,
    purpose: FilePurpose,
    links: BTreeMap<RecordId, ModelLink>,
}

#[derive(Debug, Clone)]
struct ModelLink {
    secret: String,
    expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Default)]
struct Model {
    files: BTreeMap<RecordId, ModelFile>,
    /// Contents of documents by id.
    documents: BTreeMap<String, usize>,
    /// Ids of files and links that are gone.
    buried: BTreeSet<RecordId>,
    buried_links: BTreeSet<RecordId>,
}

impl Model {
    fn contents(&self) -> impl Iterator<Item = usize> {
        let files = self.files.values().map(|file| file.content);
        files.chain(self.documents.values().copied())
    }

    fn links(&self) -> impl Iterator<Item = (RecordId, RecordId, &ModelLink)> {
        self.files
            .iter()
            .flat_map(|(file, known)| known.links.iter().map(|(link, known)| (*link, *file, known)))
    }
}

struct Run {
    bench: Bench,
    spool: Spool,
    _spool_dir: tempfile::TempDir,
    model: Model,
    durable: Model,
    rng: SmallRng,
    secrets: usize,
}

fn bytes_of(content: usize) -> Vec<u8> {
    format!("content {content}").into_bytes()
}

fn blob_of(content: usize) -> BlobHash {
    BlobHash(*blake3::hash(&bytes_of(content)).as_bytes())
}

impl Run {
    fn new(seed: u64) -> Self {
        let spool_dir = tempfile::tempdir().unwrap();
        Self {
            bench: Bench::new(),
            spool: Spool::open(spool_dir.path()).unwrap(),
            _spool_dir: spool_dir,
            model: Model::default(),
            durable: Model::default(),
            rng: SmallRng::seed_from_u64(seed),
            secrets: 0,
        }
    }

    /// Few contents, so that many share their bytes.
    fn receive(&mut self) -> (usize, crate::storage::SpooledFile) {
        let content = self.rng.random_range(0..4);
        let mut writer = self.spool.begin().unwrap();
        writer.write(&bytes_of(content)).unwrap();
        (content, writer.finish().unwrap())
    }

    fn fits(&self, former: Option<usize>, content: usize) -> bool {
        let size = |content: usize| bytes_of(content).len();
        let others: usize = self.model.contents().map(size).sum();
        let count = self.model.contents().count() + usize::from(former.is_none());
        count <= 9 && others - former.map_or(0, size) + size(content) <= 70
    }

    fn add_file(&mut self) {
        let (content, received) = self.receive();
        let fits = self.fits(None, content);
        match self.bench.tenant.check_file(received.size_bytes(), &ROOM) {
            Ok(checked) => assert!(fits && checked.is_ok()),
            Err(TenantError::DocumentLimit { .. } | TenantError::DocumentBytesLimit { .. }) => {
                assert!(!fits);
                return;
            }
            Err(error) => panic!("{error}"),
        }
        self.bench.tenant.blobs().keep(&received).unwrap();
        if self.rng.random_bool(0.1) {
            // The process dies before anything names the bytes.
            self.reopen();
            return;
        }
        let purposes = [FilePurpose::Attachment, FilePurpose::Import, FilePurpose::Generic];
        let purpose = purposes[self.rng.random_range(0..3)];
        let new = NewFile {
            file_name: format!("{content}.txt"),
            media_type: "text/plain".to_owned(),
            title: None,
            purpose,
        };
        let (blob, size_bytes) = (received.hash(), received.size_bytes());
        let mut pending = self.bench.tenant.begin(None);
        let planned = PlannedFile { new, blob, size_bytes };
        let added = self.bench.tenant.add_file(&mut pending, planned).unwrap();
        if self.rng.random_bool(0.1) {
            drop(pending);
            self.reopen();
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        assert!(self.model.files.keys().all(|id| *id < added.id), "ids sort as files came");
        let file = ModelFile { content, title: None, purpose, links: BTreeMap::new() };
        self.model.files.insert(added.id, file);
    }

    fn some_file(&mut self) -> Option<RecordId> {
        let ids: Vec<_> = self.model.files.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[self.rng.random_range(0..ids.len())])
    }

    fn some_link(&mut self) -> Option<(RecordId, RecordId)> {
        let ids: Vec<_> = self.model.links().map(|(link, file, _)| (link, file)).collect();
        (!ids.is_empty()).then(|| ids[self.rng.random_range(0..ids.len())])
    }

    fn change_file(&mut self) {
        let Some(id) = self.some_file() else { return };
        let titles = [None, Some(None), Some(Some("title".to_owned()))];
        let title = titles[self.rng.random_range(0..3)].clone();
        let before = self.bench.tenant.find_file(id).unwrap().unwrap();
        let mut pending = self.bench.tenant.begin(None);
        let changed = self.bench.tenant.change_file(&mut pending, id, title.clone());
        let changed = changed.unwrap().unwrap();
        self.bench.tenant.commit(pending).unwrap();
        assert_eq!(changed.updated_at > before.updated_at, title.is_some());
        if let Some(title) = title {
            self.model.files.get_mut(&id).unwrap().title = title;
        }
    }

    fn delete_file(&mut self) {
        let Some(id) = self.some_file() else { return };
        let mut removal = self.bench.tenant.plan_file_removal(id).unwrap().unwrap();
        let blob = removal.blob();
        let mut pending = self.bench.tenant.begin(None);
        assert!(!self.bench.tenant.remove_file_slice(&mut pending, &mut removal).unwrap());
        if self.rng.random_bool(0.1) {
            drop(pending);
            self.reopen();
            return;
        }
        self.bench.tenant.commit(pending).unwrap();
        let gone = self.model.files.remove(&id).unwrap();
        self.model.buried.insert(id);
        self.model.buried_links.extend(gone.links.keys());
        self.free(blob);
    }

    /// As commands do it: bytes go once it is durable that nothing names them.
    fn free(&mut self, blob: BlobHash) {
        if self.bench.tenant.names_blob(blob) {
            return;
        }
        self.flush();
        if self.rng.random_bool(0.3) {
            // The process dies before: the next opening does it.
            self.reopen();
        } else {
            self.bench.tenant.blobs().remove(blob).unwrap();
        }
    }

    fn create_link(&mut self) {
        let Some(file) = self.some_file() else { return };
        self.secrets += 1;
        let secret = format!("secret{}", self.secrets);
        let now = self.bench.clock.now();
        let expires_at = self.rng.random_bool(0.5).then(|| now.plus(Duration::from_secs(3_000)));
        let mut pending = self.bench.tenant.begin(None);
        let new = NewFileLink { file, expires_at };
        let link = self.bench.tenant.create_link(&mut pending, &new, secret.clone());
        let link = link.unwrap().unwrap();
        self.bench.tenant.commit(pending).unwrap();
        let links = &mut self.model.files.get_mut(&file).unwrap().links;
        links.insert(link.id, ModelLink { secret, expires_at });
    }

    fn change_link(&mut self) {
        let Some((id, file)) = self.some_link() else { return };
        let within = self.rng.random_bool(0.5).then_some(file);
        let expires_at =
            self.rng.random_bool(0.5).then(|| self.bench.clock.now().plus(Duration::from_secs(9)));
        let mut pending = self.bench.tenant.begin(None);
        let (tenant, change) = (&mut self.bench.tenant, Some(expires_at));
        let changed = tenant.change_link(&mut pending, id, within, change).unwrap().unwrap();
        tenant.commit(pending).unwrap();
        assert_eq!(changed.expires_at, expires_at);
        let links = &mut self.model.files.get_mut(&file).unwrap().links;
        links.get_mut(&id).unwrap().expires_at = expires_at;
    }

    fn delete_link(&mut self) {
        let Some((id, file)) = self.some_link() else { return };
        let mut pending = self.bench.tenant.begin(None);
        let deleted = self.bench.tenant.delete_link(&mut pending, id, Some(file));
        assert_eq!(deleted.unwrap().unwrap().id, id);
        self.bench.tenant.commit(pending).unwrap();
        self.model.files.get_mut(&file).unwrap().links.remove(&id);
        self.model.buried_links.insert(id);
    }

    fn upload_document(&mut self) {
        let id = format!("d{}", self.rng.random_range(0..3));
        let (content, received) = self.receive();
        let fits = self.fits(self.model.documents.get(&id).copied(), content);
        let checked = self.bench.tenant.check_document(&id, received.size_bytes(), &ROOM);
        assert_eq!(checked.is_ok(), fits);
        if !fits {
            return;
        }
        self.bench.tenant.blobs().keep(&received).unwrap();
        let new = NewDocument {
            id: id.clone(),
            title: id.clone(),
            file_name: format!("{id}.txt"),
            kind: FileKind::Text,
            metadata: Metadata::default(),
        };
        let (blob, size_bytes) = (received.hash(), received.size_bytes());
        let planned = PlannedDocument { new, blob, size_bytes };
        let change = self.bench.tenant.plan_document(planned).unwrap();
        self.carry_out(change, |model| {
            model.documents.insert(id, content);
        });
    }

    fn remove_document(&mut self) {
        let id = format!("d{}", self.rng.random_range(0..3));
        let planned = self.bench.tenant.plan_document_removal(&id).unwrap();
        let Some(change) = planned else { return };
        self.carry_out(change, |model| {
            model.documents.remove(&id);
        });
    }

    /// No document is ever indexed here, so none leaves chunks.
    fn carry_out(&mut self, change: DocumentChange, apply: impl FnOnce(&mut Model)) {
        let (pending, _, freed) = self.bench.tenant.finish_document(change).unwrap();
        self.bench.tenant.commit(pending).unwrap();
        apply(&mut self.model);
        if let Some(blob) = freed {
            self.free(blob);
        }
    }

    /// Opening flushes when it finds bytes that nothing names.
    fn reopen(&mut self) {
        self.bench.reopen();
        self.flush();
    }

    fn flush(&mut self) {
        self.bench.store.flush().unwrap();
        self.durable = self.model.clone();
    }

    fn check(&mut self) {
        self.check_bytes();
        self.check_files();
        self.check_links();
    }

    fn check_bytes(&self) {
        let named: BTreeSet<_> = self.model.contents().map(blob_of).collect();
        let blobs = self.bench.tenant.blobs();
        assert!(!blobs.has_others(|blob| named.contains(&blob)).unwrap(), "nothing names a file");
        for content in self.model.contents() {
            assert_eq!(std::fs::read(blobs.path(blob_of(content))).unwrap(), bytes_of(content));
        }
    }

    fn check_files(&mut self) {
        for (id, known) in &self.model.files {
            let file = self.bench.tenant.find_file(*id).unwrap().unwrap();
            assert_eq!((file.id, &file.title), (*id, &known.title));
            assert_eq!(file.size_bytes, bytes_of(known.content).len() as u64);
            assert_eq!(file.file_name, format!("{}.txt", known.content));
        }
        let purposes = self.rng.random_bool(0.5).then(|| vec![FilePurpose::Import]);
        let shown = |file: &ModelFile| {
            purposes.as_ref().is_none_or(|purposes| purposes.contains(&file.purpose))
        };
        let expected: Vec<_> =
            self.model.files.iter().filter(|(_, file)| shown(file)).map(|(id, _)| *id).collect();
        let filter = FileFilter { purposes: purposes.clone(), ..FileFilter::default() };
        let cursor = self.some_cursor(self.model.buried.clone());
        let page = self.bench.tenant.files(&filter, cursor.clone()).unwrap().unwrap();
        check_page(&page.map(|file| file.id), &expected, &cursor);
        for gone in &self.model.buried {
            assert_eq!(self.bench.tenant.find_file(*gone).unwrap(), None);
            let filter = FileLinkFilter { within: Some(*gone), ..FileLinkFilter::default() };
            let refused = self.bench.tenant.links(&filter, first_page()).unwrap();
            assert_eq!(refused.unwrap_err(), Refusal::NoSuch(Collection::Files));
        }
    }

    fn check_links(&mut self) {
        let now = self.bench.clock.now();
        for (id, file, known) in self.model.links() {
            let tenant = &self.bench.tenant;
            let link = tenant.find_link(id, Some(file)).unwrap().unwrap();
            assert_eq!((&link.secret, link.expires_at), (&known.secret, known.expires_at));
            let is_good = known.expires_at.is_none_or(|expires_at| now < expires_at);
            let opened = tenant.linked_file(id, &known.secret).unwrap();
            assert_eq!(opened.is_some(), is_good);
            if let Some((path, opened)) = opened {
                assert_eq!(opened.id, file);
                let content = self.model.files[&file].content;
                assert_eq!(std::fs::read(path).unwrap(), bytes_of(content));
            }
            assert!(tenant.linked_file(id, "another secret").unwrap().is_none());
        }
        for gone in &self.model.buried_links {
            let found = self.bench.tenant.find_link(*gone, None).unwrap();
            assert_eq!(found.unwrap_err(), Refusal::NoSuch(Collection::FileLinks));
        }
        for (file, known) in &self.model.files {
            let good = |link: &ModelLink| link.expires_at.is_none_or(|at| now < at);
            let newest = known.links.iter().rev().find(|(_, link)| good(link));
            let found = self.bench.tenant.newest_link(*file).unwrap();
            assert_eq!(found.map(|link| link.id), newest.map(|(id, _)| *id));
        }
        let within = self.some_file();
        let mut expected: Vec<_> = self
            .model
            .links()
            .filter(|(_, file, _)| within.is_none_or(|within| within == *file))
            .map(|(link, ..)| link)
            .collect();
        expected.sort_unstable();
        let filter = FileLinkFilter { within, ..FileLinkFilter::default() };
        let cursor = self.some_cursor(self.model.buried_links.clone());
        let page = self.bench.tenant.links(&filter, cursor.clone()).unwrap().unwrap();
        check_page(&page.map(|link| link.id), &expected, &cursor);
        let files: Vec<_> = within.into_iter().collect();
        let only = FileLinkFilter { files: Some(files.clone()), ..FileLinkFilter::default() };
        let page = self.bench.tenant.links(&only, first_page()).unwrap().unwrap();
        assert_eq!(page.items.len(), if files.is_empty() { 0 } else { expected.len() });
        let base = RecordFilter { ids: Some(Vec::new()), ..RecordFilter::default() };
        let none = FileLinkFilter { base, ..FileLinkFilter::default() };
        assert!(self.bench.tenant.links(&none, first_page()).unwrap().unwrap().items.is_empty());
    }

    /// At the beginning, or at the place of something that is gone.
    fn some_cursor(&mut self, gone: BTreeSet<RecordId>) -> RecordPage {
        let order = if self.rng.random() { ListOrder::Ascending } else { ListOrder::Descending };
        let gone: Vec<_> = gone.into_iter().collect();
        let cursor = match gone.len() {
            0 => Cursor::Start,
            count => match self.rng.random_range(0..3) {
                0 => Cursor::Start,
                1 => Cursor::After(gone[self.rng.random_range(0..count)]),
                _ => Cursor::Before(gone[self.rng.random_range(0..count)]),
            },
        };
        PageRequest { cursor, order, limit: self.rng.random_range(1..5) }
    }
}

fn first_page() -> RecordPage {
    PageRequest { cursor: Cursor::Start, order: ListOrder::Ascending, limit: 100 }
}

/// Where a page lies follows from ids alone.
fn check_page(
    page: &crate::engine::paging::Page<RecordId>,
    all: &[RecordId],
    request: &RecordPage,
) {
    let is_up = request.order == ListOrder::Ascending;
    let mut shown = all.to_vec();
    if !is_up {
        shown.reverse();
    }
    let before = |place: RecordId| {
        shown.iter().filter(|id| if is_up { **id < place } else { **id > place }).count()
    };
    let (from, to) = match request.cursor {
        Cursor::Start => (0, request.limit),
        Cursor::After(place) => (before(place), before(place) + request.limit),
        Cursor::Before(place) => (before(place).saturating_sub(request.limit), before(place)),
    };
    assert_eq!(page.items, shown[from..to.min(shown.len())]);
    assert_eq!((page.has_more_before, page.has_more_after), (from > 0, to < shown.len()));
}

fn run_random_commands(seed: u64) {
    let mut run = Run::new(seed);
    for _ in 0..80 {
        run.bench.clock.advance(Duration::from_secs(run.rng.random_range(1..2_000)));
        match run.rng.random_range(0..16) {
            0..4 => run.add_file(),
            4 => run.change_file(),
            5..7 => run.delete_file(),
            7..9 => run.create_link(),
            9 => run.change_link(),
            10 => run.delete_link(),
            11 => run.upload_document(),
            12 => run.remove_document(),
            13 => run.reopen(),
            14 => run.flush(),
            _ => {
                run.bench.store = run.bench.store.after_power_cut();
                run.model = run.durable.clone();
                run.reopen();
            }
        }
        run.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn files_agree_with_a_naive_model_across_reopening_and_power_cuts(seed: u64) {
        run_random_commands(seed);
    }
}

#[test]
fn a_file_with_very_many_links_goes_in_slices_and_takes_all_of_them() {
    let mut run = Run::new(1);
    while run.model.files.is_empty() {
        run.add_file();
    }
    let id = *run.model.files.keys().next().unwrap();
    for _ in 0..LINKS_PER_FILE_MAX {
        run.create_link();
    }
    let mut pending = run.bench.tenant.begin(None);
    let new = NewFileLink { file: id, expires_at: None };
    let refused = run.bench.tenant.create_link(&mut pending, &new, "x".to_owned()).unwrap();
    let (collection, limit) = (Collection::FileLinks, LINKS_PER_FILE_MAX);
    assert_eq!(refused.unwrap_err(), Refusal::Full { collection, limit });
    let mut removal = run.bench.tenant.plan_file_removal(id).unwrap().unwrap();
    let mut slices = 1;
    loop {
        let mut pending = run.bench.tenant.begin(None);
        let has_more = run.bench.tenant.remove_file_slice(&mut pending, &mut removal).unwrap();
        run.bench.tenant.commit(pending).unwrap();
        if !has_more {
            break;
        }
        // Opened again in the middle there is a file with fewer links.
        assert!(run.bench.tenant.find_file(id).unwrap().is_some());
        slices += 1;
    }
    assert!(slices > 2, "{slices}");
    let left = run.bench.tenant.links(&FileLinkFilter::default(), first_page()).unwrap();
    assert!(left.unwrap().items.is_empty() && run.bench.tenant.find_file(id).unwrap().is_none());
    run.bench.reopen();
    let left = run.bench.tenant.links(&FileLinkFilter::default(), first_page()).unwrap();
    assert!(left.unwrap().items.is_empty());
    assert!(!run.bench.tenant.blobs().path(removal.blob()).exists(), "the opening removes it");
}

#[test]
fn what_is_not_there_is_refused_and_changes_nothing() {
    let mut run = Run::new(2);
    run.model = Model::default();
    let nobody = RecordId(uuid::Uuid::now_v7());
    let tenant = &mut run.bench.tenant;
    let mut pending = tenant.begin(None);
    let new = NewFileLink { file: nobody, expires_at: None };
    let refused = tenant.create_link(&mut pending, &new, "x".to_owned()).unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::NoReference(Collection::Files));
    let refused = tenant.change_file(&mut pending, nobody, Some(None)).unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::NoSuch(Collection::Files));
    let refused = tenant.delete_link(&mut pending, nobody, Some(nobody)).unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::NoSuch(Collection::Files));
    let refused = tenant.change_link(&mut pending, nobody, None, Some(None)).unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::NoSuch(Collection::FileLinks));
    assert!(tenant.plan_file_removal(nobody).unwrap().is_none());
    let page = PageRequest { cursor: Cursor::After(nobody), ..first_page() };
    let refused = tenant.files(&FileFilter::default(), page).unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::UnknownCursor);
    assert!(!tenant.is_poisoned());
    tenant.commit(pending).unwrap();
}
