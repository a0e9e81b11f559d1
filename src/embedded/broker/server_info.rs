//! Commands about the server and the connection: `HELLO`, `CLIENT`, `INFO`, `CONFIG` and the like.

use super::command::{Command, CommandError, Outcome, integer};
use super::keyspace::KEYSPACES;
use super::reply::{Protocol, Reply};
use super::session::Session;
use super::shared::State;
use bytes::Bytes;
use std::fmt::Write;

/// The version of Redis whose behaviour is kept; clients choose features by it.
const REDIS_VERSION: &str = "7.0.15";

/// Runs the session command `name` (lower case).
pub(super) fn run(session: &mut Session, state: &mut State, name: &str, args: &[Bytes]) -> Outcome {
    match name {
        "auth" => auth(session, args),
        "client" => client(session, state, args),
        "command" => Ok(command(args)),
        "config" => config(args),
        "echo" => Ok(Reply::Bulk(args[0].clone())),
        "flushall" => {
            state.keyspaces.flush_all();
            Ok(Reply::OK)
        }
        "hello" => hello(session, state, args),
        "info" => Ok(Reply::text(info(session, state, args))),
        "ping" => ping(args),
        "role" => Ok(Reply::Array(vec![
            Reply::text("master"),
            Reply::Integer(0),
            Reply::Array(Vec::new()),
        ])),
        "select" => select(session, args),
        "time" => Ok(time(state.keyspaces.now_ms())),
        "unwatch" => {
            session.unwatch(state);
            Ok(Reply::OK)
        }
        // No replicas: there is nobody to wait for.
        "wait" => Ok(Reply::Integer(0)),
        // The table and this match name the same commands; the session itself carries out the rest.
        _ => Err(CommandError::Syntax),
    }
}

fn ping(args: &[Bytes]) -> Outcome {
    match args {
        [] => Ok(Reply::Status("PONG")),
        [text] => Ok(Reply::Bulk(text.clone())),
        _ => Err(CommandError::Arity("ping".into())),
    }
}

fn time(now_ms: i64) -> Reply {
    Reply::Array(vec![
        Reply::text((now_ms / 1_000).to_string()),
        Reply::text((now_ms % 1_000 * 1_000).to_string()),
    ])
}

fn auth(session: &mut Session, args: &[Bytes]) -> Outcome {
    match args {
        [_] if session.shared.password.is_none() => Err(CommandError::Text(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
        )),
        [password] => session.log_in(b"default", password),
        [user, password] => session.log_in(user, password),
        _ => Err(CommandError::Syntax),
    }
}

fn select(session: &mut Session, args: &[Bytes]) -> Outcome {
    let index = integer(&args[0])
        .map_err(|_| CommandError::Text("ERR value is not an integer or out of range"))?;
    match usize::try_from(index) {
        Ok(index) if index < KEYSPACES => {
            session.index = index;
            Ok(Reply::OK)
        }
        _ => Err(CommandError::Text("ERR DB index is out of range")),
    }
}

fn hello(session: &mut Session, state: &mut State, args: &[Bytes]) -> Outcome {
    let protocol = match args.first().map(|version| integer(version)) {
        None => session.protocol,
        Some(Ok(2)) => Protocol::Resp2,
        Some(Ok(3)) => Protocol::Resp3,
        Some(Ok(_)) => return Err(CommandError::Text("NOPROTO unsupported protocol version")),
        Some(Err(_)) => {
            return Err(CommandError::Text(
                "ERR Protocol version is not an integer or out of range",
            ));
        }
    };
    let mut options = args.get(1..).unwrap_or_default();
    while let Some((option, after)) = options.split_first() {
        options = match (option.to_ascii_uppercase().as_slice(), after) {
            (b"AUTH", [user, password, after @ ..]) => {
                session.log_in(user, password)?;
                after
            }
            (b"SETNAME", [name, after @ ..]) => {
                set_name(session, state, name)?;
                after
            }
            _ => {
                let option = String::from_utf8_lossy(option);
                return Err(CommandError::Owned(format!(
                    "ERR Syntax error in HELLO option '{option}'"
                )));
            }
        };
    }
    if !session.authenticated {
        return Err(CommandError::Text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    session.protocol = protocol;
    Ok(greeting(session))
}

fn greeting(session: &Session) -> Reply {
    let version = match session.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    let id = i64::try_from(session.id).unwrap_or(i64::MAX);
    let fields = [
        ("server", Reply::text("redis")),
        ("version", Reply::text(REDIS_VERSION)),
        ("proto", Reply::Integer(version)),
        ("id", Reply::Integer(id)),
        ("mode", Reply::text("standalone")),
        ("role", Reply::text("master")),
        ("modules", Reply::Array(Vec::new())),
    ];
    Reply::Map(
        fields
            .map(|(name, value)| (Reply::text(name), value))
            .into(),
    )
}

fn set_name(session: &Session, state: &mut State, name: &[u8]) -> Result<(), CommandError> {
    if !name.iter().all(u8::is_ascii_graphic) {
        return Err(CommandError::Text(
            "ERR Client names cannot contain spaces, newlines or special characters.",
        ));
    }
    if let Some(client) = state.clients.get_mut(&session.id) {
        client.name = String::from_utf8_lossy(name).into_owned();
    }
    Ok(())
}

fn client(session: &Session, state: &mut State, args: &[Bytes]) -> Outcome {
    let rest = &args[1..];
    match (args[0].to_ascii_uppercase().as_slice(), rest) {
        (b"ID", []) => Ok(Reply::Integer(
            i64::try_from(session.id).unwrap_or(i64::MAX),
        )),
        (b"GETNAME", []) => {
            let name = state.clients.get(&session.id).map(|c| c.name.clone());
            Ok(name
                .filter(|n| !n.is_empty())
                .map_or(Reply::Nil, Reply::text))
        }
        (b"SETNAME", [name]) => set_name(session, state, name).map(|()| Reply::OK),
        (b"LIST", _) => Ok(Reply::text(clients(state, |_| true))),
        (b"INFO", []) => Ok(Reply::text(clients(state, |id| id == session.id))),
        (b"UNBLOCK", [id] | [id, _]) => {
            let id = u64::try_from(integer(id)?).unwrap_or(u64::MAX);
            Ok(Reply::flag(state.room.unblock(id)))
        }
        // Taken note of by real servers for their own lists and caches, none of which exist here.
        (b"SETINFO", [_, _]) | (b"NO-EVICT" | b"NO-TOUCH", [_]) => Ok(Reply::OK),
        _ => Err(CommandError::Owned(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try CLIENT HELP.",
            String::from_utf8_lossy(&args[0])
        ))),
    }
}

fn clients(state: &State, wanted: impl Fn(u64) -> bool) -> String {
    let now = state.keyspaces.now_ms();
    let mut text = String::new();
    for (id, client) in state.clients.iter().filter(|(id, _)| wanted(**id)) {
        let age = (now - client.connected_ms) / 1_000;
        let idle = (now - client.last_command_ms) / 1_000;
        let (address, name, last) = (&client.address, &client.name, client.last_command);
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "id={id} addr={address} name={name} age={age} idle={idle} flags=N cmd={last} user=default"
        );
    }
    text
}

fn command(args: &[Bytes]) -> Reply {
    let sub = args.first().map(|sub| sub.to_ascii_uppercase());
    match sub.as_deref() {
        Some(b"COUNT") => Reply::count(Command::count()),
        // `redis-cli` asks for hints and is content with none.
        Some(b"DOCS") => Reply::Map(Vec::new()),
        Some(_) => Reply::Array(Vec::new()),
        None => Reply::Array(
            Command::all()
                .map(|(name, arity)| {
                    let none = || Reply::Array(Vec::new());
                    let zero = Reply::Integer(0);
                    Reply::Array(vec![
                        Reply::text(name),
                        Reply::Integer(arity),
                        none(),
                        zero.clone(),
                        zero.clone(),
                        zero,
                        none(),
                    ])
                })
                .collect(),
        ),
    }
}

fn config(args: &[Bytes]) -> Outcome {
    const SETTINGS: [(&str, &str); 6] = [
        ("appendonly", "no"),
        ("databases", "16"),
        ("maxmemory", "0"),
        ("maxmemory-policy", "noeviction"),
        ("save", ""),
        ("timeout", "0"),
    ];
    let known = |pattern: &Bytes| {
        let pattern = pattern.to_ascii_lowercase();
        SETTINGS
            .into_iter()
            .filter(move |(name, _)| super::command::pattern::matches(&pattern, name.as_bytes()))
    };
    match (args[0].to_ascii_uppercase().as_slice(), &args[1..]) {
        (b"GET", patterns) if !patterns.is_empty() => {
            let found = patterns.iter().flat_map(known);
            let pairs = found.map(|(name, value)| (Reply::text(name), Reply::text(value)));
            Ok(Reply::Map(pairs.collect()))
        }
        // Accepted, so that a client's start-up does not fail on it, and without effect.
        (b"SET", [name, _]) if known(name).next().is_some() => Ok(Reply::OK),
        (b"SET", [name, _]) => Err(CommandError::Owned(format!(
            "ERR Unknown option or number of arguments for CONFIG SET - '{}'",
            String::from_utf8_lossy(name)
        ))),
        (b"RESETSTAT", []) => Ok(Reply::OK),
        _ => Err(CommandError::Owned(format!(
            "ERR unknown subcommand or wrong number of arguments for '{}'. Try CONFIG HELP.",
            String::from_utf8_lossy(&args[0])
        ))),
    }
}

/// `INFO`, with the sections asked for, or all.
fn info(session: &Session, state: &State, args: &[Bytes]) -> String {
    let wanted = |section: &str| {
        args.is_empty()
            || args.iter().any(|arg| {
                let arg = String::from_utf8_lossy(arg).to_ascii_lowercase();
                arg == section || matches!(arg.as_str(), "all" | "default" | "everything")
            })
    };
    let parts = sections(session, state)
        .into_iter()
        .filter(|(title, _)| wanted(&title.to_ascii_lowercase()))
        .map(|(title, body)| format!("# {title}\r\n{body}"));
    parts.collect::<Vec<_>>().join("\r\n")
}

fn sections(session: &Session, state: &State) -> [(&'static str, String); 6] {
    let shared = &session.shared;
    let uptime = (state.keyspaces.now_ms() - shared.started_ms) / 1_000;
    let (process, port) = (std::process::id(), shared.port);
    let (clients, blocked) = (state.clients.len(), state.room.len());
    let (connections, commands) = (state.connections, state.commands);
    [
        (
            "Server",
            format!(
                "redis_version:{REDIS_VERSION}\r\nredis_mode:standalone\r\nserver_name:podium\r\nprocess_id:{process}\r\ntcp_port:{port}\r\nuptime_in_seconds:{uptime}\r\n"
            ),
        ),
        (
            "Clients",
            format!("connected_clients:{clients}\r\nblocked_clients:{blocked}\r\n"),
        ),
        ("Persistence", "loading:0\r\naof_enabled:0\r\n".to_owned()),
        (
            "Stats",
            format!(
                "total_connections_received:{connections}\r\ntotal_commands_processed:{commands}\r\n"
            ),
        ),
        (
            "Replication",
            "role:master\r\nconnected_slaves:0\r\n".to_owned(),
        ),
        ("Keyspace", keyspace_info(state)),
    ]
}

fn keyspace_info(state: &State) -> String {
    let mut text = String::new();
    for (index, (keys, expires)) in state.keyspaces.sizes().into_iter().enumerate() {
        if keys > 0 {
            // Writing to a `String` cannot fail.
            let _ = write!(
                text,
                "db{index}:keys={keys},expires={expires},avg_ttl=0\r\n"
            );
        }
    }
    text
}
