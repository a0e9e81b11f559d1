//! `podium serve`: everything together, as a checklist.

use super::until_told_to_stop;
use crate::clock::Clock;
use crate::cluster::{self, Cluster};
use crate::config::{self, ClusterKind, Config, DEFAULT_LISTEN, RedisUrl, ServeArgs};
use crate::connection::{self, Connection, ConnectionFile, lock};
use crate::deck::reload::{self, DeckHandle};
use crate::deck::{self, Deck};
use crate::embedded::{self, Embedded};
use crate::live::hub::Hub;
use crate::live::keda_clock::{KedaClock, Reader};
use crate::live::room::Room;
use crate::live::run::Runs;
use crate::live::{cpu, observer, source};
use crate::server::Limits;
use crate::stage::actions::Actions;
use crate::stage::{self, demo::random_key};
use crate::web::qr::{Reach, RoomAddress};
use crate::web::{self, AppState, DeckFolder, auth::SpeakerKey};
use anyhow::{Context as _, Result};
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many ports after the default are tried when it is taken.
const PORTS_TRIED: u16 = 20;
/// How long pods, actions and a run on its way to the disk may take at shutdown, all together.
const DRAIN_LIMIT: Duration = Duration::from_secs(4);

/// Serves until told to stop.
///
/// # Errors
/// What could not be set up, and what to do about it.
pub async fn run(config: Config, args: ServeArgs) -> Result<()> {
    let clock = Clock::wall();
    let given_key = config::speaker_key()?;
    let shutdown = until_told_to_stop()?;
    let deck_path = args.deck.map(deck::entry);
    let deck = load_deck(deck_path.as_deref())?;
    connection::make_private_folder(&config.state_dir)
        .context("the state folder cannot be made; name another with --state-dir")?;
    let _ours = lock::take(&config.state_dir)?;
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;

    let stage = set_up_cluster(&config, &clock, &shutdown).await?;
    let sources = observe(&config, &stage, &clock, &shutdown);
    let redis_url = sources.queue.url.clone();
    let hub = Hub::new(u64::try_from(clock.now_ms()).unwrap_or(1));
    let runs = Runs::open(&config.state_dir);
    let observing = tokio::spawn(observer::run(
        sources,
        hub.clone(),
        runs.clone(),
        clock.clone(),
        shutdown.clone(),
    ));

    let room = Room::new(hub.clone(), clock.clone(), &deck.first().label);
    let deck = DeckHandle::new(deck);
    tokio::spawn(announce_editions(deck.clone(), hub.clone()));
    if let Some(path) = deck_path.clone() {
        tokio::spawn(reload::follow(path, deck.clone(), shutdown.clone()));
    }

    let (publish, published) = mpsc::unbounded_channel();
    tokio::spawn(forward_actions(published, hub.clone()));
    // Behind a public URL there is likely a proxy, and then all viewers come from its address.
    let limits = Limits::for_the_room(args.public_url.is_some());
    let room_address = RoomAddress::new(address, args.public_url);
    let key = given_key
        .as_ref()
        .map_or_else(random_key, |key| key.reveal().to_owned());
    let connection = connection_to(&room_address, &stage, &config, key);
    let actions = Actions::new(
        stage.cluster.clone(),
        config.clone(),
        clock,
        publish,
        shutdown.clone(),
    );
    let file = ConnectionFile::create(connection.clone(), config.state_dir.clone())?;
    let state = AppState {
        deck,
        deck_folder: DeckFolder(deck_path.as_deref().map(reload::folder_of).map(Arc::new)),
        hub,
        room,
        runs,
        actions: actions.clone(),
        room_address: room_address.clone(),
        key: SpeakerKey::new(connection.speaker_key.clone(), publish_key(file.clone())),
        shutdown: shutdown.clone(),
    };
    tokio::spawn(keep_connection(file.clone(), redis_url));
    // A key that is kept elsewhere does not belong into a log.
    let entrance = match given_key {
        Some(_) => format!(
            "{}login, with the key of PODIUM_SPEAKER_KEY",
            connection.url
        ),
        None => connection.speaker_link(),
    };
    announce(&connection, &entrance, &room_address, &config)?;

    let rest = rest(observing, actions, stage.embedded);
    drain(web::serve(listener, state, limits), rest, &shutdown).await;
    file.remove();
    Ok(())
}

/// What commands on this machine need to find us. Where Redis is comes later.
fn connection_to(
    room: &RoomAddress,
    stage: &StageCluster,
    config: &Config,
    speaker_key: String,
) -> Connection {
    let ca = config.redis.as_ref().and_then(RedisUrl::ca);
    Connection {
        url: room.here(),
        kubeconfig: stage.kubeconfig.clone(),
        context: config.context.clone(),
        redis_url: None,
        redis_ca: ca.map(str::to_owned),
        speaker_key,
    }
}

fn load_deck(path: Option<&Path>) -> Result<Deck> {
    let deck = match path {
        Some(path) => {
            reload::load_watched(path).with_context(|| format!("--deck {}", path.display()))?
        }
        None => deck::embedded(),
    };
    for problem in &deck.problems {
        writeln!(std::io::stderr(), "{problem}")?;
    }
    Ok(deck)
}

/// Binds the address asked for, or the first free port from the default on.
async fn listen(asked: Option<SocketAddr>) -> Result<TcpListener> {
    if let Some(address) = asked {
        return TcpListener::bind(address).await.with_context(|| {
            format!(
                "cannot listen on {address}; free it, or leave --listen away and Podium takes the next free port"
            )
        });
    }
    let mut last = None;
    for port in DEFAULT_LISTEN.port()..DEFAULT_LISTEN.port() + PORTS_TRIED {
        match TcpListener::bind(SocketAddr::new(DEFAULT_LISTEN.ip(), port)).await {
            Ok(listener) => {
                if port != DEFAULT_LISTEN.port() {
                    writeln!(
                        std::io::stderr(),
                        "Port {} is taken; using {port}.",
                        DEFAULT_LISTEN.port()
                    )?;
                }
                return Ok(listener);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| anyhow::anyhow!("no port"), anyhow::Error::from)).with_context(|| {
        format!(
            "no free port from {} on; name one with --listen 127.0.0.1:PORT",
            DEFAULT_LISTEN.port()
        )
    })
}

/// The cluster that the buttons drive.
struct StageCluster {
    cluster: Cluster,
    kubeconfig: PathBuf,
    embedded: Option<Embedded>,
    keda_clock: KedaClock,
}

async fn set_up_cluster(
    config: &Config,
    clock: &Clock,
    shutdown: &CancellationToken,
) -> Result<StageCluster> {
    if config.cluster != ClusterKind::Embedded {
        let cluster = super::world::connect(config).await?;
        return Ok(StageCluster {
            cluster,
            kubeconfig: joined(&config::kubeconfigs()),
            embedded: None,
            keda_clock: KedaClock::Estimated,
        });
    }
    let program = std::env::current_exe().context("cannot find our own program for the pods")?;
    let embedded = embedded::start(program, random_key(), clock.clone(), shutdown.clone())
        .await
        .context("cannot start the embedded cluster")?;
    let kubeconfig = config.state_dir.join("kubeconfig");
    let text = embedded.kubeconfig();
    connection::write_private(&kubeconfig, text.as_bytes())?;
    Ok(StageCluster {
        cluster: Cluster::from_kubeconfig_text(&text).await?,
        kubeconfig,
        keda_clock: KedaClock::Told {
            syncs: embedded.next_syncs.clone(),
            polls: embedded.next_polls.clone(),
        },
        embedded: Some(embedded),
    })
}

/// One path for one file, else the list that `KUBECONFIG` takes.
fn joined(files: &[PathBuf]) -> PathBuf {
    let list = std::env::join_paths(files).map(PathBuf::from);
    list.unwrap_or_else(|_| files.first().cloned().unwrap_or_default())
}

fn observe(
    config: &Config,
    stage: &StageCluster,
    clock: &Clock,
    shutdown: &CancellationToken,
) -> observer::Sources {
    let names = stage::names(config.namespace());
    let cluster = &stage.cluster;
    let view = cluster::watch::follow(cluster, names.clone(), clock.clone(), shutdown.clone());
    observer::Sources {
        queue: source::queue(
            cluster.clone(),
            names.namespace.clone(),
            stage::queue_name(),
            config.redis.clone(),
            clock.clone(),
            shutdown.clone(),
        ),
        metric: source::metric(
            cluster.clone(),
            view.clone(),
            clock.clone(),
            shutdown.clone(),
        ),
        cpu: cpu::follow(
            cluster.clone(),
            names.namespace.clone(),
            clock.clone(),
            shutdown.clone(),
        ),
        clock_reader: Reader::new(
            stage.keda_clock.clone(),
            &names.namespace,
            &names.scaled_object,
        ),
        redis_is_ours: config.redis.is_none(),
        view,
    }
}

async fn forward_actions(mut published: mpsc::UnboundedReceiver<stage::action::Action>, hub: Hub) {
    while let Some(action) = published.recv().await {
        hub.action(&serde_json::json!(action));
    }
}

/// Tells every browser of the deck's edition, now and whenever it is another.
async fn announce_editions(deck: DeckHandle, hub: Hub) {
    let mut editions = deck.subscribe();
    hub.deck(&deck.edition().version);
    while editions.changed().await.is_ok() {
        let version = editions.borrow_and_update().version.clone();
        hub.deck(&version);
    }
}

/// Keeps `redis_url` in connection.json true.
async fn keep_connection(file: ConnectionFile, mut redis_url: watch::Receiver<Option<String>>) {
    while redis_url.changed().await.is_ok() {
        let url = redis_url.borrow_and_update().clone();
        if let Err(error) = file.update(|connection| connection.redis_url = url) {
            tracing::warn!(%error, "connection.json is out of date");
        }
    }
}

/// Where a changed speaker's key is told: in connection.json for the commands, and in the terminal where the old one was.
fn publish_key(file: ConnectionFile) -> impl Fn(&str) -> std::io::Result<()> + Send + Sync {
    move |key| {
        let connection = file
            .update(|connection| key.clone_into(&mut connection.speaker_key))
            .map_err(std::io::Error::other)?;
        // A terminal that went away is no reason to keep a key that is to go.
        let _ = writeln!(
            std::io::stdout(),
            "\n  The speaker's key was changed; the old link opens nothing any more.\n  speaker    {}",
            connection.speaker_link()
        );
        Ok(())
    }
}

fn announce(
    connection: &Connection,
    entrance: &str,
    room: &RoomAddress,
    config: &Config,
) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let url = &connection.url;
    let reach = room.reach();
    writeln!(out, "Podium is on. Stop it with Ctrl+C.\n")?;
    writeln!(out, "  audience   {}", reach.url())?;
    writeln!(out, "  speaker    {entrance}")?;
    writeln!(
        out,
        "             then {url}presenter, {url}remote on a phone"
    )?;
    // In a pod there is none: the cluster knows us by our service account.
    if connection.kubeconfig.exists() {
        writeln!(
            out,
            "  kubectl    export KUBECONFIG={}",
            connection.kubeconfig.display()
        )?;
        writeln!(
            out,
            "             kubectl get deploy -n {} queue-worker -w",
            config.namespace()
        )?;
    }
    writeln!(
        out,
        "  commands   {} tells `podium spike` and friends where to go",
        Connection::path(&config.state_dir).display()
    )?;
    match reach {
        Reach::Room(url) => writeln!(
            out,
            "
  Everyone who can reach {url} can watch; whoever has the speaker's link can press the buttons."
        )?,
        Reach::Offline(_) => writeln!(
            out,
            "
  This machine has no network now; the QR code (key q) shows the room's address once it has."
        )?,
        Reach::ThisMachine(_) => {}
    }
    out.flush()?;
    Ok(())
}

/// What goes on after the last request: the actions, the pods, and the observer, which ends with a run in progress on
/// its way to the disk.
async fn rest(observing: JoinHandle<()>, actions: Actions, embedded: Option<Embedded>) {
    let (observed, ()) = tokio::join!(observing, actions.ended());
    if let Err(error) = observed {
        tracing::error!(%error, "the observer broke off");
    }
    if let Some(embedded) = embedded {
        embedded.stopped().await;
    }
}

/// Serves until shutdown, then gives the requests in hand and `rest` their time, but no longer.
async fn drain(
    serving: impl Future<Output = ()>,
    rest: impl Future<Output = ()>,
    shutdown: &CancellationToken,
) {
    let rest = async {
        shutdown.cancelled().await;
        // Whoever still runs then is ended by its pipe, which closes with us.
        let _ = tokio::time::timeout(DRAIN_LIMIT, rest).await;
    };
    // The web server's own limit is shorter.
    tokio::join!(serving, rest);
}
