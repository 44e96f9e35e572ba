//! `hebbd serve`: load, log, start, serve until a signal, stop.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use secrecy::ExposeSecret;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::eval::InProcess;
use super::server_file::ServerFile;
use super::{dev, load_config, output};
use crate::app::{Application, Reloader};
use crate::config::{Config, ConfigFlags};
use crate::control::keys::{KeyKind, KeyOrder};
use crate::control::plans;
use crate::observability::logging;
use crate::types::{Bound, SystemClock};

#[derive(Debug, clap::Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    config: ConfigFlags,
    /// For trying it out: create a tenant with credentials for every dialect, once, print them
    /// and write them to dev-credentials.json in the data directory
    #[arg(long)]
    dev: bool,
}

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let config = load_config(args.config.clone())?;
    logging::init(&config.log)?;
    hide_panic_payloads();
    create_private_dir(&config.data_dir)
        .with_context(|| format!("cannot create {}", config.data_dir.display()))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let application = Application::start(&config, Arc::new(SystemClock)).await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = %application.local_address(),
        data_dir = %config.data_dir.display(),
        tenants = application.directory().tenant_count(),
        "serving"
    );
    let server_file =
        publish(&application, &config.data_dir).context("cannot write where this server is")?;
    if args.dev {
        dev::prepare(&application, &config)?;
    } else if application.directory().tenant_count() == 0 {
        output::error(&format!(
            "There is no tenant yet, so every request will be refused. Run\n  \
                 hebbd tenant create --data-dir {data_dir} --name NAME\n  \
                 hebbd key create --data-dir {data_dir} --tenant ID --dialect mnemoverse\n\
                 or start with --dev to try it out.",
            data_dir = config.data_dir.display()
        ));
    }
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let reloading = actix_rt::spawn(reload_on(hangup, args.config, config, application.reloader()));
    application.run_until_stopped(stop).await?;
    reloading.abort();
    drop(server_file);
    Ok(())
}

fn publish(application: &Application, data_dir: &Path) -> std::io::Result<ServerFile> {
    let (url, admin_url) = (application.base_url(), application.admin_url());
    ServerFile::publish(data_dir, &url, &admin_url, application.admin_token())
}

/// On every SIGHUP loads the configuration anew, takes over what can change while the server
/// runs, and names what cannot. A configuration with problems changes nothing.
async fn reload_on(mut hangup: Signal, flags: ConfigFlags, started: Config, reloader: Reloader) {
    let mut current = started.clone();
    while hangup.recv().await.is_some() {
        let loaded = load_config(flags.clone()).and_then(|config| {
            reloader.apply(&config)?;
            Ok(config)
        });
        let config = match loaded {
            Ok(config) => config,
            Err(error) => {
                tracing::error!(
                    error = format!("{error:#}"),
                    "the configuration was not reloaded; the former one stays in force"
                );
                continue;
            }
        };
        for change in config.changes_from(&current).iter().filter(|change| change.is_reloadable) {
            let now = change.now.as_deref().unwrap_or("as if it were not there");
            tracing::info!(setting = %change.key, now, "a setting was reloaded");
        }
        let waiting = config.changes_from(&started);
        for change in waiting.iter().filter(|change| !change.is_reloadable) {
            tracing::warn!(setting = %change.key, "a setting was changed that needs a restart");
        }
        tracing::info!("the configuration was reloaded");
        current = config;
    }
}

/// What is remembered lies there in clear text, so a new directory is its owner's alone. One that
/// exists keeps its permissions.
pub(super) fn create_private_dir(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// A panic's message may quote the text it tripped over. Only the place is logged.
fn hide_panic_payloads() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = %place, "a thread panicked");
    }));
}

/// A server on a temporary directory and a free port, for the length of a measurement.
pub(super) async fn start_in_process() -> anyhow::Result<InProcess> {
    let directory = std::env::temp_dir().join(format!("hebbd-eval-{}", std::process::id()));
    let mut config = Config::default();
    config.data_dir.clone_from(&directory);
    config.server.listen.set_port(0);
    // What is measured is not how long a client has to wait for its minute to end.
    config.magneteco.memorize_per_minute = Bound(None);
    config.magneteco.retrieve_per_minute = Bound(None);
    config.magneteco.reads_per_minute = Bound(None);
    std::fs::create_dir_all(&directory)?;
    let application = Application::start(&config, Arc::new(SystemClock)).await?;
    let tenant = application.create_tenant("eval", plans::LOCAL)?;
    let new_key = |kind| {
        let order = KeyOrder::for_tenant(tenant.id, kind, "eval");
        let key = application.directory().create_key(order)?;
        anyhow::Ok(key.secret.expose_secret().to_owned())
    };
    let (mnemoverse_key, tex_key) = (new_key(KeyKind::Mnemoverse)?, new_key(KeyKind::Tex)?);
    let magneteco_key = new_key(KeyKind::Magneteco)?;
    let base_url = application.base_url();
    let (stop, stopped) = oneshot::channel::<()>();
    actix_rt::spawn(application.run_until_stopped(async move {
        let _ = stopped.await;
    }));
    Ok(InProcess {
        base_url,
        mnemoverse_key,
        tex_key,
        magneteco_key,
        app_id: tenant.spoken_name().to_owned(),
        guard: Box::new(Running { _stop: stop, directory }),
    })
}

/// Dropping it stops the server and removes its data.
struct Running {
    _stop: oneshot::Sender<()>,
    directory: std::path::PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::debug!(error = %error, "temporary directory not removed");
        }
    }
}
