//! Every fixed bound in one place. What an operator may tune lives in a `Settings` struct of the
//! module it concerns; what is here is a property of a contract or of the design.

/// Characters (Unicode scalar values) in one atom's content.
pub const CONTENT_CHARS_MAX: usize = 10_000;
/// Characters in one query.
pub const QUERY_CHARS_MAX: usize = 5_000;
/// Concepts of one atom. Linking them pairwise costs the square of this.
pub const ATOM_CONCEPTS_MAX: usize = 256;
/// Concepts sent with one query.
pub const QUERY_CONCEPTS_MAX: usize = 50;
/// Characters in one concept.
pub const CONCEPT_CHARS_MAX: usize = 200;
/// Characters in a domain name.
pub const DOMAIN_CHARS_MAX: usize = 100;
/// Bytes of one atom's metadata as compact JSON.
pub const METADATA_BYTES_MAX: usize = 65_536;
/// Characters in an external reference.
pub const EXTERNAL_REF_CHARS_MAX: usize = 255;
/// Characters in a caller's fingerprint.
pub const FINGERPRINT_CHARS_MAX: usize = 512;
/// Items of one write batch.
pub const WRITE_BATCH_MAX: usize = 500;
/// Queries of one read batch.
pub const READ_BATCH_MAX: usize = 50;
/// Atoms that one feedback rates.
pub const FEEDBACK_ATOMS_MAX: usize = 500;
/// Atoms that one write replaces.
pub const SUPERSEDES_MAX: usize = 32;
/// Revisions listed of one chain.
pub const CHAIN_REVISIONS_MAX: usize = 256;
/// Bytes of a password. Its hash costs the same at any length; this bounds what is kept of it.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
/// Bytes of a signed token that is looked at: room for all the scopes that a key can have, beside
/// long names of a user and of a session.
pub const SIGNED_TOKEN_BYTES_MAX: usize = 24_576;
/// Seconds that a signed token may live, and so how long a replaced signing key is kept: a week.
pub const SIGNED_TOKEN_LIFETIME_MAX_S: u64 = 7 * 24 * 3_600;
/// Signing keys kept at once: the one that signs and those that were replaced within a week.
pub const SIGNING_KEYS_MAX: usize = 16;
/// Users of all tenants and of none.
pub const USERS_MAX: usize = 100_000;
/// Users that belong to one tenant.
pub const USERS_PER_TENANT_MAX: usize = 100;
/// Characters in a user name or an e-mail address: what RFC 5321 leaves of a path.
pub const USER_NAME_CHARS_MAX: usize = 254;
/// Characters kept of what a user is here for.
pub const USER_GOALS_CHARS_MAX: usize = 1_000;
/// Characters in the id of a document.
pub const DOCUMENT_ID_CHARS_MAX: usize = 200;
/// Browser sessions of one user; the oldest makes room.
pub const SESSIONS_PER_USER_MAX: usize = 32;
/// Refresh tokens of one key; the oldest makes room.
pub const REFRESH_TOKENS_PER_KEY_MAX: usize = 1_000;
/// Characters in the subject and in the session of a refresh token.
pub const TOKEN_SUBJECT_CHARS_MAX: usize = 300;
/// Secrets for webhooks of one tenant, and bytes in one.
pub const WEBHOOK_SECRETS_PER_TENANT_MAX: usize = 100;
pub const WEBHOOK_SECRET_BYTES_MAX: usize = 1_024;
/// Of one source of webhooks: users and events that are mapped, characters in one text, and bytes
/// of all texts.
pub const WEBHOOK_USERS_MAX: usize = 5_000;
pub const WEBHOOK_EVENTS_MAX: usize = 500;
pub const WEBHOOK_SOURCE_TEXT_CHARS_MAX: usize = 255;
pub const WEBHOOK_SOURCE_BYTES_MAX: usize = 262_144;
/// Tenants whose secrets are tried on a delivery that does not say for whom it is.
pub const WEBHOOK_CANDIDATES_MAX: usize = 32;
/// Bytes of one delivery.
pub const WEBHOOK_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Characters in an idempotency key.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 240;
/// Replies kept for idempotency keys, per tenant; the oldest make room.
pub const KEPT_REPLIES_MAX: usize = 10_000;
/// Conditions on metadata in one query.
pub const METADATA_CONDITIONS_MAX: usize = 32;
/// Domains named in one query.
pub const QUERY_DOMAINS_MAX: usize = 100;
/// Atoms in one page of the feed of recent atoms.
pub const FEED_LIMIT_MAX: usize = 100;
/// Concepts, depth and edges of one question about the graph.
pub const GRAPH_SEEDS_MAX: usize = 20;
pub const GRAPH_DEPTH_MAX: usize = 3;
pub const GRAPH_EDGES_MAX: usize = 500;
/// Results of one read.
pub const TOP_K_MAX: usize = 100;
/// Atoms in one page of an export.
pub const EXPORT_PAGE_MAX: usize = 256;
/// Stored bytes after which a page of an export ends.
pub const EXPORT_PAGE_BYTES: usize = 1024 * 1024;
/// Bytes of one request body: a long history of conversation in one call.
pub const BODY_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Concepts taken from the text of one atom, and of one query.
pub const EXTRACTED_CONCEPTS_MAX: usize = 10;
/// Edges kept at one concept; the weakest make room.
pub const CONCEPT_DEGREE_MAX: usize = 64;
/// Characters in a tenant's handle.
pub const HANDLE_CHARS_MAX: usize = 64;
/// Characters in a name that is a label for people: of a tenant, a key, a project.
pub const LABEL_CHARS_MAX: usize = 200;
/// Characters in what is said of a key beside its label.
pub const KEY_DESCRIPTION_CHARS_MAX: usize = 1_000;
/// Projects of one organization.
pub const PROJECTS_PER_ORGANIZATION_MAX: usize = 10_000;
/// Deleted projects and tenants whose ids stay known; the oldest make room.
pub const DIRECTORY_TOMBSTONES_MAX: usize = 10_000;
/// Keys of one tenant or organization that are neither revoked nor expired.
pub const KEYS_PER_OWNER_MAX: usize = 1_000;
/// Revoked and expired keys of one owner that stay listed; the oldest make room.
pub const ENDED_KEYS_PER_OWNER_MAX: usize = 1_000;
/// Scopes of one key, and characters in one.
pub const KEY_SCOPES_MAX: usize = 64;
pub const SCOPE_CHARS_MAX: usize = 100;
/// Jobs of one tenant that wait or run; further ones are refused.
pub const UNFINISHED_JOBS_MAX: usize = 10_000;
/// Dead letters kept of one tenant; the oldest make room.
pub const DEAD_JOBS_MAX: usize = 1_000;
/// Bytes a job carries. What is larger is stored by its owner, and the job names it.
pub const JOB_PAYLOAD_BYTES_MAX: usize = 262_144;
/// Characters in the name of a kind of job.
pub const JOB_KIND_CHARS_MAX: usize = 64;
/// Characters in the key that keeps a job from being enqueued twice.
pub const JOB_KEY_CHARS_MAX: usize = 512;
/// Keys of completed jobs remembered for a day, per tenant; the oldest make room.
pub const KEPT_JOB_KEYS_MAX: usize = 10_000;
/// Characters kept of the error of a failed attempt.
pub const JOB_ERROR_CHARS_MAX: usize = 500;
/// Characters kept of the name of a stage of a job.
pub const JOB_STAGE_CHARS_MAX: usize = 100;
/// Webhooks that a tenant sends notices to.
pub const WEBHOOKS_MAX: usize = 20;
/// Bytes of a webhook's address.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2_048;
/// Messages that wait for one webhook, and bytes of their bodies; the oldest are given up.
pub const WAITING_MESSAGES_MAX: usize = 10_000;
pub const WAITING_MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of one message; a longer one is not sent.
pub const MESSAGE_BYTES_MAX: usize = 65_536;
/// Messages that were given up, kept of one tenant; the oldest make room.
pub const DEAD_MESSAGES_MAX: usize = 1_000;
/// Characters kept of why a message could not be delivered.
pub const MESSAGE_ERROR_CHARS_MAX: usize = 200;
/// Of one tenant: sessions, actors, threads, files and links to files; of each so many.
pub const PLATFORM_RECORDS_MAX: usize = 1_000_000;
/// Links to one file, expired ones included.
pub const LINKS_PER_FILE_MAX: usize = 1_000;
/// Agents of one tenant.
pub const AGENTS_MAX: usize = 10_000;
/// Files that come with one message.
pub const ATTACHMENTS_MAX: usize = 32;
/// Actors named in one thread.
pub const PARTICIPANTS_MAX: usize = 100;
/// Deleted records of one tenant whose places in lists stay known; the oldest make room.
pub const TOMBSTONES_MAX: usize = 200_000;
